# SPDX-License-Identifier: Apache-2.0
"""Poolings of any window and padding, as MindSpore exports them: outputs of the C++ program against MindSpore's."""

import pytest
from mindspore import nn, ops

from adabin.engine import Model
from adabin.export import write
from adabin.utils.errors import UserError
from tests.operators import Function, check

SHAPE = (2, 6, 9, 8)  # odd and even: what ceil_mode adds differs


def maximum(*arguments, **keys):
    return nn.MaxPool2d(*arguments, pad_mode="pad", **keys)


def average(*arguments, **keys):
    return nn.AvgPool2d(*arguments, pad_mode="pad", **keys)


# MindSpore compiles it from its source: a function of its own, no lambda.
def function_max_pool(x):
    return ops.max_pool2d(x, 3, 2, 1, 1, ceil_mode=True)


class Both(nn.Cell):
    """Poolings behind each other, the second one of what two read."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(6, 18, 3, pad_mode="pad", padding=1, weight_init="normal")
        self.first = nn.MaxPool2d(3, 1, pad_mode="pad", padding=1, dilation=(1, 2))
        self.second = nn.AvgPool2d(2, 2, pad_mode="pad", padding=1)
        self.relu = nn.ReLU()

    def construct(self, x):
        y = self.first(self.conv(x))
        return self.relu(self.second(y)), y


CELLS = {
    "max, padding 1": lambda: maximum(3, 2, padding=1),
    "max, padding of rows": lambda: maximum((3, 2), (2, 1), padding=(1, 0)),
    "max, ceil": lambda: maximum(2, 2, padding=0, ceil_mode=True),
    "max, ceil and padding": lambda: maximum(3, 2, padding=1, ceil_mode=True),
    "max, ceil without the window behind the map": lambda: maximum((2, 3), (4, 3), padding=(1, 1), ceil_mode=True),
    "max, dilated": lambda: maximum(3, 1, padding=1, dilation=2),
    "max, dilated and strided": lambda: maximum((2, 3), (2, 1), padding=1, dilation=(3, 2), ceil_mode=True),
    "max, a function": lambda: Function(function_max_pool),
    "max, adaptive": lambda: nn.AdaptiveMaxPool2d((3, 4)),
    "average, same": lambda: nn.AvgPool2d(3, 2, pad_mode="same"),
    "average, padding that counts": lambda: average(3, 2, padding=1),
    "average, padding that does not count": lambda: average(3, 2, padding=1, count_include_pad=False),
    "average, ceil": lambda: average(2, 2, padding=0, ceil_mode=True),
    "average, ceil and padding that counts": lambda: average((3, 4), (2, 3), padding=(1, 2), ceil_mode=True),
    "average, ceil, nothing counts": lambda: average(3, 2, padding=1, ceil_mode=True, count_include_pad=False),
    "average, divisor": lambda: average((3, 2), 2, padding=1, divisor_override=5),
    "average, divisor and ceil": lambda: average(3, 2, padding=0, ceil_mode=True, divisor_override=7),
    "average, adaptive": lambda: nn.AdaptiveAvgPool2d((3, 2)),
    "both": Both,
}


@pytest.mark.parametrize("name", CELLS)
def test_a_pooling_gives_mindspores_outputs(name, tmp_path):
    check(CELLS[name](), tmp_path, SHAPE)


def test_a_pooling_of_unequal_windows_is_refused_by_name(tmp_path):
    write(nn.AdaptiveAvgPool2d((4, 3)), tmp_path / "net.mindir", "MINDIR", (1, *SHAPE[1:]))
    with pytest.raises(UserError, match=r"net\.mindir: operator AdaptiveAvgPool2D.*does not divide"):
        Model(tmp_path / "net.mindir")
