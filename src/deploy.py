# SPDX-License-Identifier: Apache-2.0
"""Deploy form: every binarized layer as standard operators with constants, so that any MindSpore backend runs it.

Activations: Select(x >= t, high, low) with three float32 scalars. Weights: a constant holding at most two values per
output channel. Maxout: its formula. Nothing is computed from statistics at inference, and the values are those of the
training form to the last bit. `ascend310_infer` recognizes these layers by this structure and these values.
"""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.layers import AdaBinConv2d, Maxout


def activation_constants(alpha, beta, form):
    """Threshold and the two values of a binarized activation.

    Args:
        alpha, beta (float32): distance and center of the layer.
        form (str): `paper` or `released`.

    Returns:
        (t, high, low), float32: the output is high where x >= t and low below. For alpha < 0, s = -1 from the next
        float above beta on, so t is that float and high is the value of s = -1.
    """
    alpha, beta, one = np.float32(alpha), np.float32(beta), np.float32(1)
    upper, lower = (alpha * (beta + one), alpha * (beta - one)) if form == "released" else (beta + alpha, beta - alpha)
    if alpha >= 0:
        return beta, upper, lower
    return np.nextafter(beta, np.float32(np.inf)), lower, upper


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
            weight = trained.binary_w(weight, trained.k, trained.t)
        self.weight = Parameter(Tensor(weight.asnumpy()), name=trained.weight.name, requires_grad=False)
        if self.binarizes_input:
            binarizer = trained.binary_a
            constants = activation_constants(
                binarizer.alpha_a.asnumpy(), binarizer.beta_a.asnumpy(), trained.settings.form
            )
            self.threshold, self.high, self.low = (Tensor(value) for value in constants)

    def binarize(self, x):
        return ops.select(x >= self.threshold, self.high, self.low)

    def construct(self, x):
        if self.binarizes_input:
            x = self.binarize(x)
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


_REPLACEMENTS = {AdaBinConv2d: DeployConv2d, Maxout: DeployMaxout}


def to_deploy(network):
    """Replace the binarized layers of a network by their deploy form, in place.

    Args:
        network (Cell): with its trained parameters; it can't be trained any more afterwards.

    Returns:
        The network itself, set to inference.
    """
    for _, parent in network.cells_and_names():
        for name, cell in list(parent._cells.items()):
            replacement = _REPLACEMENTS.get(type(cell))
            if replacement:
                parent._cells[name] = replacement(cell)
    return network.set_train(False)
