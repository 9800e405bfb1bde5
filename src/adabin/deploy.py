# SPDX-License-Identifier: Apache-2.0
"""Deploy form: every binarized layer as standard operators with constants, so that any MindSpore backend runs it.

Activations: Select(x >= beta, upper, lower) with three float32 scalars, and beta >= x for a negative alpha. Weights: a
constant holding at most two values per output channel. Maxout: its formula. A max pooling with padding: two without.
Nothing is computed from statistics at inference, and the values are those of the training form to the last bit.
`ascend310_infer` recognizes these layers by this structure and these values. Each layer makes its own (`deploy_form`).
"""

from mindspore import nn

from adabin.binarize import ActivationBinarization, ActivationBinarizer, WeightBinarizer
from adabin.layers import replace_layers

BINARIZERS = (ActivationBinarizer, ActivationBinarization, WeightBinarizer)


class DeployNetwork(nn.Cell):
    """A network whose layers have been replaced, as a Cell of its own.

    MindSpore keeps the graph it has compiled for a Cell object: the network itself, if it has ever been run, would go
    on with that of the layers that it had.
    """

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, x):
        return self.network(x)


def plain_form(layer):
    """The layer behind a form of it that knows its plain one, as the CPU's do, or None."""
    return layer.plain_form() if hasattr(layer, "plain_form") else None


def to_plain(network):
    """A network without the forms that its layers have on a CPU (adabin.cpu), as a Cell of its own.

    Its layers are taken over; what may be used afterwards is the result.
    """
    return replace_layers(DeployNetwork(network), plain_form)


def _deploy_form(layer, names):
    if not hasattr(layer, "deploy_form"):
        return None
    kind = type(layer)
    if "deploy_form" not in vars(kind):  # what the subclass computes is not what its base would export
        base = next(base.__name__ for base in kind.__mro__ if "deploy_form" in vars(base))
        raise ValueError(
            f"{names[id(layer)]}: {kind.__name__} is derived from {base} and says no deploy form of its own; give it a "
            f"method deploy_form, or deploy_form = {base}.deploy_form if {base} computes the same"
        )
    return layer.deploy_form()


def _outside(network):
    """Name and cell of the layers that a network runs from a list, tuple or dict of Python and not as parts of it."""
    parts = dict(network.cells_and_names())
    known = {id(cell) for cell in parts.values()}

    def inside(value, name):
        if isinstance(value, nn.Cell):
            if id(value) not in known:
                yield name, value
        elif isinstance(value, (list, tuple)):
            for number, entry in enumerate(value):
                yield from inside(entry, f"{name}[{number}]")
        elif isinstance(value, dict):
            for key, entry in value.items():
                yield from inside(entry, f"{name}[{key!r}]")

    for part, cell in parts.items():
        for attribute, value in vars(cell).items():
            if not isinstance(value, nn.Cell):
                yield from inside(value, f"{part}.{attribute}")


def to_deploy(network):
    """Replace the binarized layers of a network by their deploy form.

    Args:
        network (Cell): with its trained parameters; its layers are taken over, so it is of no use afterwards.

    Returns:
        DeployNetwork, set to inference.

    Raises:
        ValueError: something in it would be exported in training form: a layer derived from one of the project's
            without a deploy form of its own, a binarizer in a layer that has none, or layers in a list of Python.
    """
    deployed = to_plain(network)
    names = {id(cell): name.removeprefix("network.") for name, cell in deployed.cells_and_names()}
    deployed = replace_layers(deployed, lambda layer: _deploy_form(layer, names))
    for name, cell in deployed.cells_and_names():
        if isinstance(cell, BINARIZERS):
            raise ValueError(
                f"{name.removeprefix('network.')}: {type(cell).__name__} is a training form; give the layer that it is "
                "in a method deploy_form, which returns a Cell of standard operators"
            )
    for name, cell in _outside(deployed):
        raise ValueError(
            f"{name.removeprefix('network.')}: {type(cell).__name__} stands in a list, tuple or dict of Python, where "
            "it keeps its training form; put such layers into nn.CellList or nn.SequentialCell, or make them attributes"
        )
    return deployed.set_train(False)
