# SPDX-License-Identifier: Apache-2.0
"""Layers of binary networks: the binary convolution and the two-slope nonlinearity of AdaBin, a max pooling."""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import HeNormal, initializer

from adabin.binarize import ActivationBinarizer, Binarization, WeightBinarizer

NONLINEARITIES = ("maxout", "relu", "prelu")


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


class AdaBinConv2d(nn.Cell):
    """2-D convolution with binary weights, binary activations, or both.

    The input is binarized first and padded with zeros afterwards, so a padded tap is 0 and no member of the set.

    Args:
        in_channels, out_channels (int): divisible by `group`.
        kernel_size, stride, dilation (int or pair): height, width.
        padding (int or 4-tuple): zeros on (top, bottom, left, right).
        group (int): number of channel groups.
        settings (Binarization): bits, sets, form, estimators.
        weight_init (Initializer): of the latent weights; He normal (fan in) when not given.

    Inputs: x float32 (N, C_in, H, W). Output: float32 (N, C_out, H', W').

    The estimator's k and t live in the parameters `estimator_k` and `estimator_t`, not trained and not stored in
    checkpoints: assigning them (`set_estimator`) changes the gradients of a compiled training step without compiling
    it again.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        group=1,
        settings=None,
        weight_init=None,
    ):
        super().__init__()
        self.settings = settings or Binarization()
        kernel_size = _pair(kernel_size)
        self.padding = (padding,) * 4 if isinstance(padding, int) else tuple(padding)
        shape = (out_channels, in_channels // group, *kernel_size)
        weight_init = weight_init or HeNormal(mode="fan_in", nonlinearity="relu")
        self.weight = Parameter(initializer(weight_init, shape, mstype.float32))
        self.conv = ops.Conv2D(
            out_channels,
            kernel_size,
            pad_mode="pad",
            pad=self.padding,
            stride=_pair(stride),
            dilation=_pair(dilation),
            group=group,
        )
        self.estimator_k = Parameter(Tensor(1.0, mstype.float32), requires_grad=False)
        self.estimator_t = Parameter(Tensor(1.0, mstype.float32), requires_grad=False)
        self.binarizes_input = self.settings.a_bits == 1
        self.binarizes_weight = self.settings.w_bits == 1
        if self.binarizes_input:
            self.binary_a = ActivationBinarizer(self.settings)
        if self.binarizes_weight:
            self.binary_w = WeightBinarizer(self.settings.weight_set, self.settings.weight_estimator)

    def binarized(self, x):
        """(input, weights) as they are convolved."""
        weight = self.weight
        if self.binarizes_input:
            x = self.binary_a(x, self.estimator_k, self.estimator_t)
        if self.binarizes_weight:
            weight = self.binary_w(weight, self.estimator_k, self.estimator_t)
        return x, weight

    def construct(self, x):
        x, weight = self.binarized(x)
        return self.conv(x, weight)


def set_estimator(network, k, t):
    """Give all binary layers of a network the estimator parameters k and t of an epoch."""
    for _, cell in network.cells_and_names():
        if isinstance(cell, AdaBinConv2d):
            cell.estimator_k.set_data(Tensor(k, mstype.float32))
            cell.estimator_t.set_data(Tensor(t, mstype.float32))


class TwoSlopes(nn.Cell):
    """y = pos * max(x, 0) + neg * min(x, 0), slopes per channel; the function behind `Maxout`.

    Backward, with G = dL/dy: dL/dx = G pos where x >= 0, G neg elsewhere; dL/dpos = sum G max(x, 0) and
    dL/dneg = sum G min(x, 0) over batch and space. At x = 0 the slope is pos, as sign(0) is +1.
    """

    def __init__(self):
        super().__init__()
        # Primitives: inside a bprop MindSpore's compiler loses some of the functions that wrap them.
        self.relu = ops.ReLU()
        self.sum = ops.ReduceSum()

    def construct(self, x, pos, neg):
        """x: (N, C, ...); pos, neg: (1, C, 1, 1)."""
        positive = self.relu(x)
        return pos * positive + neg * (x - positive)

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
    """

    def __init__(self, channels):
        super().__init__()
        shape = (1, channels, 1, 1)
        self.pos_scale = Parameter(Tensor(np.full(shape, 1.0, np.float32)))
        self.neg_scale = Parameter(Tensor(np.full(shape, 0.25, np.float32)))
        self.slopes = TwoSlopes()

    def construct(self, x):
        return self.slopes(x, self.pos_scale, self.neg_scale)


class MaxPool3x3(nn.Cell):
    """Maximum over the 3x3 pixels around every second pixel; pixels outside the map do not count.

    A class of its own because MindSpore does not export a max pooling with padding to ONNX: adabin.deploy replaces it.

    Inputs: x (N, C, H, W). Output: (N, C, ceil(H / 2), ceil(W / 2)).
    """

    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, pad_mode="pad", padding=1)

    def construct(self, x):
        return self.pool(x)


def build_nonlinearity(name, channels):
    """`maxout` (AdaBin), or a baseline: `relu`, `prelu` (slope per channel)."""
    if name == "maxout":
        return Maxout(channels)
    if name == "prelu":
        return nn.PReLU(channels, 0.25)
    if name == "relu":
        return nn.ReLU()
    raise ValueError(f"nonlinearity: {name!r} is not one of {', '.join(NONLINEARITIES)}")
