# SPDX-License-Identifier: Apache-2.0
"""Pooling as one operator each way (kernels/pooling.cc)."""

import numpy as np
from mindspore import Tensor, nn

from adabin.cpu.form import CpuForm, form_of
from adabin.cpu.operators import operator
from adabin.layers import MaxPool, MeanPool


class PoolFunction(nn.Cell):
    """Maximum or mean over windows.

    Args:
        kernel_size, stride (int): of the windows.
        mean (bool): the mean, otherwise the maximum.

    Inputs: x (N, C, H, W). Output: (N, C, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, kernel_size, stride, mean):
        super().__init__()

        def shape(x, geometry):
            return [x[0], x[1], -(-x[2] // stride), -(-x[3] // stride)]

        self.geometry = Tensor(np.array([kernel_size, stride, mean], np.int32))
        self.forward_op = operator("PoolForward", 1, shape, str(stride))
        self.backward_op = operator("PoolBackward", 1, lambda dy, x, geometry: x)

    def construct(self, x):
        return self.forward_op(x, self.geometry)

    def bprop(self, x, out, dout):
        """Gradient of x."""
        return (self.backward_op(dout, x, self.geometry),)


@form_of(MaxPool, MeanPool)
class CpuPool(CpuForm):
    """`MaxPool` and `MeanPool` by the kernel."""

    def __init__(self, layer):
        super().__init__(layer)
        self.function = PoolFunction(layer.kernel_size, layer.stride, isinstance(layer, MeanPool))

    def construct(self, x):
        return self.function(x)
