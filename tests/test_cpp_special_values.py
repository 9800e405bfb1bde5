# SPDX-License-Identifier: Apache-2.0
"""NaN, infinities and signed zeros: what MindSpore's CPU operators make of them, the C++ program makes too."""

import numpy as np
import pytest
from mindspore import nn, ops

from adabin.layers.maxout import Maxout
from tests.operators import check

# What no number is, and zeros of either sign: each beside each.
SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1, -1, 7, -7, 3], np.float32)


class OfTwo(nn.Cell):
    """A function of the first half of the channels and of the second one."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def construct(self, x):
        return self.function(x[:, :10], x[:, 10:])


def maxout():
    layer = Maxout(20)
    layer.set_train(False)
    return layer.deploy_form()


@pytest.mark.parametrize(
    "name, cell",
    {
        "relu": nn.ReLU,
        "relu6": nn.ReLU6,
        "prelu": lambda: nn.PReLU(20, 0.25),
        "leaky relu": lambda: nn.LeakyReLU(0.1),
        "maxout": maxout,
        "hsigmoid": nn.HSigmoid,
        "hswish": nn.HSwish,
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "maximum": lambda: OfTwo(ops.maximum),
        "minimum": lambda: OfTwo(ops.minimum),
        "max pooling with padding": lambda: nn.MaxPool2d(3, 1, pad_mode="pad", padding=1),
    }.items(),
)
def test_what_is_no_number_comes_out_as_mindspores(name, cell, tmp_path):
    first, second = np.meshgrid(SPECIAL, SPECIAL)
    x = np.stack((first, second)).reshape(1, 20, 2, 5)
    check(cell(), tmp_path, x.shape, x=x)
