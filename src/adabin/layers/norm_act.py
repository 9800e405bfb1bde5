# SPDX-License-Identifier: Apache-2.0
"""BatchNorm, the addition of a shortcut and a nonlinearity: what follows every convolution, as one layer."""

from adabin.layers.checks import check_map, check_shortcut
from adabin.layers.renamed import Renamed, joined


class NormAct(Renamed):
    """y = act(norm(x) + shortcut).

    One layer, because in training its parts wait for memory alone: the CPU form makes one pass of them.

    Args:
        norm (BatchNorm2d): its moving statistics are updated in training.
        act (Cell): nonlinearity, or None.
        names (pair of str): under which norm and act stand in the network, beside this layer; `layer.norm` and
            `layer.act` when not given.

    Inputs: x (N, C, H, W); the shortcut, of the same shape, or none. Output: the same shape.

    Raises:
        ValueError: where it is called, x is not (N, C, H, W), or the shortcut has another shape.
    """

    def __init__(self, norm, act=None, names=None):
        super().__init__()
        self.names = dict(zip(("norm", "act"), names, strict=True)) if names else None
        self.channels = norm.num_features
        self.norm = norm
        self.act = act

    def name_of_part(self, part, own):
        """Beside this layer."""
        if not self.names:
            return joined(own, part)
        return joined(own.rpartition(".")[0], self.names[part])

    def update_parameters_name(self, prefix="", recurse=True):
        """As in `nn.Cell`; the prefix that a parent gives is this layer's own name, which is none of theirs."""
        super().update_parameters_name("" if self.names else prefix, recurse)

    def construct(self, x, shortcut=None):
        check_map(x.shape, self.channels, "NormAct")
        y = self.norm(x)
        if shortcut is not None:
            check_shortcut(x.shape, shortcut.shape, "NormAct")
            y = y + shortcut
        return y if self.act is None else self.act(y)
