# SPDX-License-Identifier: Apache-2.0
"""Maximum and mean over the windows of a map; pixels outside the map do not count ("same" padding)."""

from mindspore import nn

from adabin.layers.checks import whole_number


class Pool(nn.Cell):
    """Base of the two; classes of their own, so that the CPU kernels compute them and leave other poolings alone.

    Args:
        kernel_size (int): height and width of a window.
        stride (int): step between windows, at most their size.

    Inputs: x (N, C, H, W). Output: (N, C, ceil(H / stride), ceil(W / stride)).

    Raises:
        ValueError: a size is no whole number from 1 on, or windows leave pixels out.
    """

    kind = None

    def __init__(self, kernel_size, stride):
        super().__init__()
        self.kernel_size = whole_number("kernel_size", kernel_size)
        self.stride = whole_number("stride", stride)
        if self.stride > self.kernel_size:
            raise ValueError(f"stride: {stride} is more than kernel_size {kernel_size}")
        self.pool = self.kind(kernel_size=kernel_size, stride=stride, pad_mode="same")

    def construct(self, x):
        return self.pool(x)


class MaxPool(Pool):
    """The largest value of each window. Arguments: `Pool`'s."""

    kind = nn.MaxPool2d


class MeanPool(Pool):
    """The mean of each window's pixels inside the map. Arguments: `Pool`'s."""

    kind = nn.AvgPool2d
