# SPDX-License-Identifier: Apache-2.0
"""The shortcut without parameters."""

from mindspore import nn, ops

from adabin.layers.checks import whole_number


class SubsampleAndPad(nn.Cell):
    """Shortcut without parameters (option A): every stride-th pixel, and zero channels added on both sides.

    Args:
        stride (int): of the block's first convolution.
        extra_channels (int): channels that are added, half of them in front.

    Inputs: x (N, C, H, W). Output: (N, C + extra_channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, stride, extra_channels):
        super().__init__()
        stride = whole_number("stride", stride)
        extra_channels = whole_number("extra_channels", extra_channels, least=0)
        # A pooling of size 1 takes single pixels; slicing has no backward pass on CPU in PYNATIVE mode.
        self.subsample = nn.AvgPool2d(kernel_size=1, stride=stride)
        front = extra_channels // 2
        self.pad = ops.Pad(((0, 0), (front, extra_channels - front), (0, 0), (0, 0)))

    def construct(self, x):
        return self.pad(self.subsample(x))
