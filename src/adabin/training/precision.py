# SPDX-License-Identifier: Apache-2.0
"""Mixed precision: float16 where it is fast and safe, float32 where sums and statistics need it.

In training, convolutions and linear layers multiply in float16 and the maps between layers are float16. BatchNorm, the
nonlinearities with learned slopes, the binarizers with their statistics and the sums of their gradients, the loss and
all parameters stay in float32. Evaluation is in float32 throughout: it sees what export will write.
"""

from mindspore import dtype as mstype
from mindspore import nn, ops

from adabin.layers import AdaBinConv2d, Maxout

IN_FLOAT = (nn.BatchNorm1d, nn.BatchNorm2d, Maxout, nn.PReLU)


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


def train_in_half(network):
    """Make a network train in mixed precision; its parameters and their names stay."""
    for _, cell in list(network.cells_and_names()):
        if isinstance(cell, AdaBinConv2d):
            cell.conv = HalfProduct(cell.conv, mstype.float16)
        elif isinstance(cell, nn.Conv2d):
            cell.conv2d = HalfProduct(cell.conv2d, mstype.float16)
        elif isinstance(cell, nn.Dense):
            cell.matmul = HalfProduct(cell.matmul, mstype.float32)  # its bias and the loss are float32
        for name, child in list(cell._cells.items()):
            if isinstance(child, IN_FLOAT):
                cell._cells[name] = InFloat(child)
        if isinstance(cell, nn.SequentialCell):
            cell.cell_list = list(cell._cells.values())  # what it runs
    return network
