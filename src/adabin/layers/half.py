# SPDX-License-Identifier: Apache-2.0
"""What mixed precision puts around layers: float16 where it is fast and safe, float32 where it is not."""

from mindspore import dtype as mstype
from mindspore import nn, ops


class HalfProduct(nn.Cell):
    """A convolution or matrix product whose operands are rounded to float16 in training.

    Args:
        product (Primitive): (x, weight) -> output.
        out (dtype): of the output in training.
    """

    def __init__(self, product, out):
        super().__init__(auto_prefix=False)
        self.product = product
        self.out = out

    def construct(self, x, weight):
        if not self.training:
            return self.product(x, weight)
        return ops.cast(self.product(ops.cast(x, mstype.float16), ops.cast(weight, mstype.float16)), self.out)


class InFloat(nn.Cell):
    """A layer that computes in float32 between maps that are float16 in training.

    Args:
        layer (Cell): of one input and one output.
    """

    def __init__(self, layer):
        super().__init__(auto_prefix=False)
        self.layer = layer

    def construct(self, x):
        if not self.training:
            return self.layer(x)
        return ops.cast(self.layer(ops.cast(x, mstype.float32)), mstype.float16)
