# SPDX-License-Identifier: Apache-2.0
"""Normalization of every pixel over its channels, which SSD puts before the detections on its first map."""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from adabin.layers.checks import check_map, whole_number
from adabin.layers.traits import Traits

# Under the root: it bounds the gradient at a pixel whose channels are all 0, and changes no other.
EPSILON = 1e-10


class UnitPixels(nn.Cell):
    """y = scale * u with u = x / n and n = sqrt(sum over channels of x^2 + epsilon); the function behind `L2Norm`.

    Backward, with G = dL/dy: dL/dx = (scale G - u * sum over channels of scale G u) / n, and dL/dscale = sum of G u
    over batch and space.
    """

    def __init__(self):
        super().__init__()
        # Primitives: inside a bprop MindSpore's compiler loses some of the functions that wrap them.
        self.over_channels = ops.ReduceSum(keep_dims=True)
        self.sum = ops.ReduceSum()
        self.sqrt = ops.Sqrt()

    def lengths(self, x):
        """n of every pixel, (N, 1, H, W)."""
        return self.sqrt(self.over_channels(x * x, 1) + EPSILON)

    def construct(self, x, scale):
        """x: (N, C, H, W); scale: (1, C, 1, 1)."""
        return x / self.lengths(x) * scale

    def bprop(self, x, scale, out, dout):
        """Gradients of (x, scale)."""
        n = self.lengths(x)
        u = x / n
        scaled = dout * scale
        dx = (scaled - u * self.over_channels(scaled * u, 1)) / n
        maps = self.sum(ops.reshape(dout * u, (x.shape[0] * x.shape[1], -1)), 1)
        dscale = self.sum(ops.reshape(maps, (x.shape[0], x.shape[1])), 0)
        return dx, ops.reshape(dscale, (1, -1, 1, 1))


class L2Norm(nn.Cell):
    """Every pixel divided by its Euclidean norm over the channels, and multiplied by a learned scale per channel.

    Args:
        channels (int): C.
        scale (float): where the scales start.

    Inputs: x (N, C, H, W). Output: the same shape.

    Raises:
        ValueError: C is no whole number from 1 on; where it is called, the input is not (N, C, H, W).
    """

    traits = Traits(decay={"scale": "l2_norm"}, in_float=True)

    def __init__(self, channels, scale=20.0):
        super().__init__()
        self.channels = whole_number("channels", channels)
        self.scale = Parameter(Tensor(np.full((1, self.channels, 1, 1), scale, np.float32)))
        self.unit_pixels = UnitPixels()

    def construct(self, x):
        check_map(x.shape, self.channels, "L2Norm")
        return self.unit_pixels(x, self.scale)

    def deploy_form(self):
        """`DeployL2Norm` of it."""
        return DeployL2Norm(self)


class DeployL2Norm(nn.Cell):
    """`L2Norm` in standard operators: Mul, ReduceSum, Add, Sqrt, RealDiv, Mul; the same numbers to the last bit.

    Args:
        trained (L2Norm): the layer in training form.
    """

    def __init__(self, trained):
        super().__init__()
        self.scale = trained.scale
        self.over_channels = ops.ReduceSum(keep_dims=True)

    def construct(self, x):
        return x / ops.sqrt(self.over_channels(x * x, 1) + EPSILON) * self.scale
