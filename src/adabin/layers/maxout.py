# SPDX-License-Identifier: Apache-2.0
"""Maxout, AdaBin's nonlinearity: two learned slopes per channel."""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from adabin.layers.checks import check_map, whole_number
from adabin.layers.traits import Traits


class TwoSlopes(nn.Cell):
    """y = pos * x where x >= 0, else neg * x, slopes per channel; the function behind `Maxout`.

    Backward, with G = dL/dy: dL/dx = G pos where x >= 0, G neg elsewhere; dL/dpos = sum G max(x, 0) and
    dL/dneg = sum G min(x, 0) over batch and space. At x = 0 the slope is pos, as sign(0) is +1. An infinite x gives an
    infinite y where its slope is not 0, and NaN gives NaN.
    """

    def __init__(self):
        super().__init__()
        # A primitive: inside a bprop MindSpore's compiler loses some of the functions that wrap them.
        self.sum = ops.ReduceSum()

    def construct(self, x, pos, neg):
        """x: (N, C, ...); pos, neg: (1, C, 1, 1)."""
        return x * ops.where(x >= 0, pos, neg)

    def bprop(self, x, pos, neg, out, dout):
        """Gradients of (x, pos, neg)."""
        grad_positive = dout * ops.cast(x >= 0, dout.dtype)
        grad_negative = dout - grad_positive
        dx = grad_positive * pos + grad_negative * neg
        return dx, self._per_channel(grad_positive * x), self._per_channel(grad_negative * x)

    def _per_channel(self, x):
        """Sum over batch and space, (1, C, 1, 1); row by row first, which MindSpore's CPU does ten times faster."""
        maps = self.sum(ops.reshape(x, (x.shape[0] * x.shape[1], -1)), 1)
        return ops.reshape(self.sum(ops.reshape(maps, (x.shape[0], x.shape[1])), 0), (1, -1, 1, 1))


class Maxout(nn.Cell):
    """AdaBin's nonlinearity: f(x) = pos * ReLU(x) - neg * ReLU(-x), both slopes learned per channel.

    Args:
        channels (int): C.

    Inputs: x (N, C, H, W). Output: the same shape. The slopes start at 1 and 0.25 and may become negative.

    Raises:
        ValueError: C is no whole number from 1 on; where it is called, the input is not (N, C, H, W).
    """

    traits = Traits(decay={"pos_scale": "nonlinearity", "neg_scale": "nonlinearity"}, in_float=True)

    def __init__(self, channels):
        super().__init__()
        self.channels = whole_number("channels", channels)
        shape = (1, self.channels, 1, 1)
        self.pos_scale = Parameter(Tensor(np.full(shape, 1.0, np.float32)))
        self.neg_scale = Parameter(Tensor(np.full(shape, 0.25, np.float32)))
        self.slopes = TwoSlopes()

    def construct(self, x):
        check_map(x.shape, self.channels, "Maxout")
        return self.slopes(x, self.pos_scale, self.neg_scale)

    def deploy_form(self):
        """`DeployMaxout` of it."""
        return DeployMaxout(self)


class DeployMaxout(nn.Cell):
    """`Maxout` as standard operators, x * Select(x >= 0, pos, neg): the training form's values to the last bit.

    Args:
        trained (Maxout): the layer in training form.
    """

    def __init__(self, trained):
        super().__init__()
        self.pos_scale = trained.pos_scale
        self.neg_scale = trained.neg_scale

    def construct(self, x):
        return x * ops.select(x >= 0.0, self.pos_scale, self.neg_scale)
