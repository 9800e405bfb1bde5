# SPDX-License-Identifier: Apache-2.0
"""Deploy form: every binarized layer as standard operators with constants, so that any MindSpore backend runs it.

Activations: Select(x >= beta, upper, lower) with three float32 scalars, and beta >= x for a negative alpha. Weights: a
constant holding at most two values per output channel. Maxout: its formula. A max pooling with padding: two without.
Nothing is computed from statistics at inference, and the values are those of the training form to the last bit.
`ascend310_infer` recognizes these layers by this structure and these values.
"""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype

from adabin.layers import AdaBinConv2d, Maxout, MaxPool3x3


def activation_constants(binarizer):
    """What decides a binarized activation, and its two values.

    Args:
        binarizer (ActivationBinarizer): in training form.

    Returns:
        (rising, beta, upper, lower): a bool and float32 arrays of shape (). The output is upper where x >= beta if
        rising (alpha >= 0), where beta >= x otherwise, and lower elsewhere. In terms of a single comparison x >= t, the
        falling case has t = the next float above beta; but that t is denormal for beta = 0, and MindSpore takes
        denormals for 0 on most CPU threads. The values are those that the training form yields.
    """
    rising = bool(binarizer.alpha_a.asnumpy() >= 0)
    one = Tensor(1.0, mstype.float32)
    ends = binarizer(Tensor([-np.inf, np.inf], mstype.float32), one, one).asnumpy()
    return rising, binarizer.beta_a.asnumpy(), ends[1 if rising else 0], ends[0 if rising else 1]


class DeployConv2d(nn.Cell):
    """`AdaBinConv2d` with everything folded to constants.

    Args:
        trained (AdaBinConv2d): the layer in training form.
    """

    def __init__(self, trained):
        super().__init__()
        self.conv = trained.conv
        self.binarizes_input = trained.binarizes_input
        weight = trained.weight
        if trained.binarizes_weight:
            weight = trained.binary_w(weight, trained.estimator_k, trained.estimator_t)
        self.weight = Parameter(Tensor(weight.asnumpy()), name=trained.weight.name, requires_grad=False)
        if self.binarizes_input:
            self.rising, *constants = activation_constants(trained.binary_a)
            self.beta, self.upper, self.lower = (Tensor(value) for value in constants)

    def decide(self, x):
        """The layer's bits: True where its input takes the upper value."""
        return x >= self.beta if self.rising else self.beta >= x

    def construct(self, x):
        if self.binarizes_input:
            x = ops.select(self.decide(x), self.upper, self.lower)
        return self.conv(x, self.weight)


class DeployMaxout(nn.Cell):
    """`Maxout` written as pos * ReLU(x) - neg * ReLU(-x).

    Args:
        trained (Maxout): the layer in training form.
    """

    def __init__(self, trained):
        super().__init__()
        self.pos_scale = trained.pos_scale
        self.neg_scale = trained.neg_scale

    def construct(self, x):
        return self.pos_scale * ops.relu(x) - self.neg_scale * ops.relu(-x)


class DeployMaxPool3x3(nn.Cell):
    """`MaxPool3x3` in operators that export everywhere: the maximum around every pixel, then every second of them.

    "Same" pooling of stride 1 pads one pixel on each side, which never wins. With stride 2 it would put the windows
    elsewhere in maps of even size, and zeros around the map would be wrong where it is negative. In training this form
    takes five times as long as the other, so it is made at export.

    Args:
        trained (MaxPool3x3): the layer in training form.
    """

    def __init__(self, trained):
        super().__init__()
        self.around_every_pixel = nn.MaxPool2d(kernel_size=3, stride=1, pad_mode="same")
        self.every_second = nn.MaxPool2d(kernel_size=1, stride=2)

    def construct(self, x):
        return self.every_second(self.around_every_pixel(x))


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


_REPLACEMENTS = {AdaBinConv2d: DeployConv2d, Maxout: DeployMaxout, MaxPool3x3: DeployMaxPool3x3}


def to_deploy(network):
    """Replace the binarized layers of a network by their deploy form.

    Args:
        network (Cell): with its trained parameters; its layers are taken over, so it is of no use afterwards.

    Returns:
        DeployNetwork, set to inference.
    """
    deployed = DeployNetwork(network)
    for _, parent in list(deployed.cells_and_names()):
        for name, cell in list(parent._cells.items()):
            replacement = _REPLACEMENTS.get(type(cell))
            if replacement:
                parent._cells[name] = replacement(cell)
        if isinstance(parent, nn.SequentialCell):
            parent.cell_list = list(parent._cells.values())  # what it runs
    return deployed.set_train(False)
