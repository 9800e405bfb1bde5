# SPDX-License-Identifier: Apache-2.0
"""The shortcut without parameters as one operator each way (kernels/subsample.cc)."""

import numpy as np
from mindspore import Tensor, nn

from adabin.cpu.form import CpuForm, form_of
from adabin.cpu.operators import operator
from adabin.layers import SubsampleAndPad


class SubsampleFunction(nn.Cell):
    """Every stride-th pixel, and zero channels on both sides.

    Args:
        stride, front, extra (int): step between pixels; channels added in front; channels added in all.

    Inputs: x (N, C, H, W). Output: (N, C + extra, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, stride, front, extra):
        super().__init__()

        def shape(x, geometry):
            return [x[0], x[1] + extra, -(-x[2] // stride), -(-x[3] // stride)]

        self.geometry = Tensor(np.array([stride, front], np.int32))
        self.forward_op = operator("SubsampleForward", 1, shape, f"{stride} {extra}")
        self.backward_op = operator("SubsampleBackward", 1, lambda dy, x, geometry: x)

    def construct(self, x):
        return self.forward_op(x, self.geometry)

    def bprop(self, x, out, dout):
        """Gradient of x."""
        return (self.backward_op(dout, x, self.geometry),)


@form_of(SubsampleAndPad)
class CpuSubsampleAndPad(CpuForm):
    """`SubsampleAndPad` by the kernel."""

    def __init__(self, layer):
        super().__init__(layer)
        (front, back) = layer.pad.paddings[1]
        self.function = SubsampleFunction(layer.subsample.stride, front, front + back)

    def construct(self, x):
        return self.function(x)
