# SPDX-License-Identifier: Apache-2.0
"""Mean over space as one operator each way (kernels/spatial_mean.cc)."""

from mindspore import nn

from adabin.cpu.form import CpuForm, form_of
from adabin.cpu.operators import operator
from adabin.layers import SpatialMean


class SpatialMeanFunction(nn.Cell):
    """Mean of every map over its pixels.

    Inputs: x (N, C, H, W). Output: (N, C).
    """

    def __init__(self):
        super().__init__()
        self.forward_op = operator("SpatialMeanForward", 1, lambda x: x[:2])
        self.backward_op = operator("SpatialMeanBackward", 1, lambda dy, x: x)

    def construct(self, x):
        return self.forward_op(x)

    def bprop(self, x, out, dout):
        """Gradient of x."""
        return (self.backward_op(dout, x),)


@form_of(SpatialMean)
class CpuSpatialMean(CpuForm):
    """`SpatialMean` by the kernel."""

    def __init__(self, layer):
        super().__init__(layer)
        self.function = SpatialMeanFunction()

    def construct(self, x):
        return self.function(x)
