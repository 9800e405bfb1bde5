# SPDX-License-Identifier: Apache-2.0
"""Deploy form: every binarized layer as standard operators with constants, so that any MindSpore backend runs it.

Activations: Select(x >= beta, upper, lower) with three float32 scalars, and beta >= x for a negative alpha. Weights: a
constant holding at most two values per output channel. Maxout: its formula. A max pooling with padding: two without.
Nothing is computed from statistics at inference, and the values are those of the training form to the last bit.
`ascend310_infer` recognizes these layers by this structure and these values. Each layer makes its own (`deploy_form`).
"""

from mindspore import nn

from adabin.layers import replace_layers


class DeployNetwork(nn.Cell):
    """A network whose binarized layers have been replaced, as a Cell of its own.

    MindSpore keeps the graph it has compiled for a Cell object: the network itself, if it has ever been run, would go
    on with that of its training form.
    """

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, x):
        return self.network(x)


def deploy_form(layer):
    """What stands in a layer's place at export, or None if that is the layer itself."""
    return layer.deploy_form() if hasattr(layer, "deploy_form") else None


def to_deploy(network):
    """Replace the binarized layers of a network by their deploy form.

    Args:
        network (Cell): with its trained parameters; its layers are taken over, so it is of no use afterwards.

    Returns:
        DeployNetwork, set to inference.
    """
    return replace_layers(DeployNetwork(network), deploy_form).set_train(False)
