# SPDX-License-Identifier: Apache-2.0
"""CPU forms: what stands in a layer's place where the C++ kernels compute it."""

from mindspore import dtype as mstype

from adabin.layers.renamed import Renamed, joined

FORMS = {}  # class of a layer to its forms; the first that serves a layer takes its place


def form_of(*kinds):
    """Decorator of a `CpuForm`: it is a form of layers of these classes, and of no subclass of them."""

    def register(form):
        for kind in kinds:
            FORMS.setdefault(kind, []).append(form)
        return form

    return register


class CpuForm(Renamed):
    """A layer by the kernels. It keeps the plain layer, whose parameters it uses, under the plain layer's name.

    Args:
        layer (Cell): one that this form serves.
    """

    def __init__(self, layer):
        super().__init__(auto_prefix=False)
        self.layer = layer

    def name_of_part(self, part, own):
        """The plain layer goes by this form's name."""
        return own if part == "layer" else joined(own, part)

    def plain_form(self):
        """The layer that this is a form of: what is exported."""
        return self.layer

    @classmethod
    def refusal(cls, layer):
        """Why the kernels do not compute this layer so, in few words; "" if that is as it should be; None: they do."""
        return None


def _in_half(layer):
    """Whether someone has told a layer to compute in another precision than float32."""
    asked = any(getattr(layer, flag, False) for flag in ("fp16", "bf16"))
    return asked or any(parameter.dtype != mstype.float32 for parameter in layer.get_parameters())


def cpu_form(layer, refused):
    """The form that takes a layer's place, or None; refused: list that gets reasons why a form did not serve."""
    kind = type(layer)
    if isinstance(layer, CpuForm):  # of an earlier call; what it holds stays too
        return layer
    if kind not in FORMS:
        known = next((base.__name__ for base in kind.__mro__ if base in FORMS), None)
        if known:
            refused.append(f"{kind.__name__} is derived from {known}")
        return None
    if _in_half(layer):
        refused.append(f"{kind.__name__} in float16")
        return None
    found, reasons = None, []
    for form in FORMS[kind]:
        reason = form.refusal(layer)
        if reason is None:
            found = form(layer)
            break
        reasons.append(reason)
    refused += dict.fromkeys(filter(None, reasons))  # forms of one layer may refuse it for one reason
    return found
