# SPDX-License-Identifier: Apache-2.0
"""Every operator of the engine as MindSpore exports it: outputs of the C++ program against MindSpore's."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from adabin.engine import Model
from adabin.export import write
from adabin.layers.l2_norm import DeployL2Norm, L2Norm
from adabin.utils.errors import UserError
from tests import cpp

SHAPE = (2, 6, 5, 4)
RNG = np.random.default_rng(3)


def constant(*shape):
    return ms.Tensor(RNG.normal(size=shape).astype(np.float32) + 2)


class Function(nn.Cell):
    """A function of tensors as a Cell."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def construct(self, x):
        return self.function(x)


# MindSpore compiles these from their source: each a function of its own, no lambda.
def by_box(x, length):
    return ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (x.shape[0], -1, length))


def transpose(x):
    return ops.transpose(x, (0, 3, 1, 2))


def transpose_to_channels_last(x):
    return ops.transpose(x, (0, 2, 3, 1))


def transpose_of_rank_5(x):
    return ops.transpose(ops.reshape(x, (2, 2, 3, 5, 4)), (0, 4, 2, 1, 3))


def channel_shuffle(x):
    parts = ops.transpose(ops.reshape(x, (2, 2, 3, 5, 4)), (0, 2, 1, 3, 4))
    return ops.relu(ops.reshape(parts, (2, 6, 5, 4)))


def heads(x):
    return ops.concat((by_box(x, 3), by_box(x * 2, 3)), 1)


def two_outputs(x):
    return by_box(x, 3), ops.relu(x)


def concat_of_channels(x):
    return ops.concat((x, ops.relu(x), x), 1)


def concat_of_columns(x):
    return ops.concat((x, ops.relu(x)), -1)


def concat_of_vectors(x):
    return ops.concat((x.mean((2, 3)), x.mean((2, 3)) * 2), 1)


def flatten(x):
    return ops.flatten(ops.transpose(x, (0, 2, 3, 1)))


def squeeze_and_expand(x):
    return ops.expand_dims(ops.squeeze(x[:, :1], 1), -1)


def softmax_of_boxes(x):
    return ops.softmax(by_box(x, 3), -1)


def softmax_of_vectors(x):
    return ops.softmax(x.mean((2, 3)), -1)


def sigmoid_of_boxes(x):
    return ops.sigmoid(by_box(x, 3))


def exp_and_abs(x):
    return ops.exp(-ops.abs(x))


def add_a_scalar(x):
    return x + 0.5


def scalar_minus(x):
    return 0.5 - x


def divide_by_a_scalar(x):
    return x / 3.0


def boxes_by_a_scalar(x):
    return by_box(x, 3) * 0.25


def product(x):
    return x * ops.relu(x)


def difference_of_transposed(x):
    return ops.transpose(ops.relu(x), (0, 2, 3, 1)) - ops.transpose(x, (0, 2, 3, 1))


def quotient(x):
    return x / (ops.relu(x) + 1)


def maximum(x):
    return ops.maximum(x, x * -1)


def minimum(x):
    return ops.minimum(x, ops.sigmoid(x))


def sum_with_a_map_of_one_pixel(x):
    return x + x.mean((2, 3), True)


def mean_with_axes_kept(x):
    return x.mean((2, 3), True)


def slice_of_channels(x):
    return x[:, 2:5]


def slice_of_all_axes(x):
    return x[:, ::2, 1:, :-1]


def softmax_of_one(x):
    return ops.softmax(ops.reshape(ops.mean(x, (2, 3)), (x.shape[0], 6, 1, 1)), 2)


def vector_and_map(x):
    return ops.mean(x, (2, 3)) + ops.mean(x, (2, 3), True)


def split_of_channels(x):
    first, second, third = ops.split(x, 2, 1)
    return ops.concat((third, second, first), 1)


FUNCTIONS = (
    transpose,
    transpose_to_channels_last,
    transpose_of_rank_5,
    channel_shuffle,
    heads,
    two_outputs,
    concat_of_channels,
    concat_of_columns,
    concat_of_vectors,
    flatten,
    squeeze_and_expand,
    softmax_of_boxes,
    softmax_of_vectors,
    softmax_of_one,
    ops.sigmoid,
    sigmoid_of_boxes,
    exp_and_abs,
    add_a_scalar,
    scalar_minus,
    divide_by_a_scalar,
    boxes_by_a_scalar,
    product,
    difference_of_transposed,
    quotient,
    maximum,
    minimum,
    sum_with_a_map_of_one_pixel,
    mean_with_axes_kept,
    slice_of_channels,
    slice_of_all_axes,
    split_of_channels,
)


class SqueezeExcite(nn.Cell):
    """Channels weighted by a function of their means."""

    def __init__(self):
        super().__init__()
        self.mean = ops.ReduceMean(keep_dims=True)
        self.conv = nn.Conv2d(6, 6, 1, has_bias=True, weight_init="normal")

    def construct(self, x):
        return x * ops.sigmoid(self.conv(self.mean(x, (2, 3))))


class AddsConstant(nn.Cell):
    def __init__(self, shape, boxes=False):
        super().__init__()
        self.constant = ms.Parameter(constant(*shape))
        self.boxes = boxes

    def construct(self, x):
        return (by_box(x, 3) if self.boxes else x) + self.constant


def l2_norm():
    layer = L2Norm(6)
    layer.scale.set_data(constant(1, 6, 1, 1))
    return DeployL2Norm(layer)


class BinaryDense(nn.Cell):
    """A binarized vector, or flattened map, times weights of two values per output; BatchNorm and PReLU behind it."""

    def __init__(self, columns, rising=True, binary=True):
        super().__init__()
        weight = np.where(RNG.random((7, columns)) < 0.5, RNG.normal(size=(7, 1)), RNG.normal(size=(7, 1)))
        weight[0, 0] += 0 if binary else 1
        self.dense = nn.Dense(columns, 7, weight_init=ms.Tensor(weight.astype(np.float32)), bias_init="normal")
        self.norm = nn.BatchNorm1d(7, moving_mean_init="normal")
        self.prelu = nn.PReLU(7)
        self.rising = rising
        self.beta, self.upper, self.lower = (ms.Tensor(np.float32(value)) for value in (0.1, 0.8, -0.6))

    def construct(self, x):
        bits = x >= self.beta if self.rising else self.beta >= x
        return self.prelu(self.norm(self.dense(ops.flatten(ops.select(bits, self.upper, self.lower)))))


CELLS = {function.__name__.replace("_", " "): lambda function=function: Function(function) for function in FUNCTIONS}
CELLS |= {
    "l2 norm": l2_norm,
    "softmax of channels": lambda: nn.Softmax(axis=1),
    "softmax of columns": lambda: nn.Softmax(axis=-1),
    "relu6": nn.ReLU6,
    "leaky relu": lambda: nn.LeakyReLU(0.1),
    "hswish": nn.HSwish,
    "hsigmoid": nn.HSigmoid,
    "tanh": nn.Tanh,
    "add per channel": lambda: AddsConstant((1, 6, 1, 1)),
    "add per channel without a batch": lambda: AddsConstant((6, 1, 1)),
    "add along the last axis": lambda: AddsConstant((3,), boxes=True),
    "squeeze-excite": SqueezeExcite,
    "binary dense layer of a map": lambda: BinaryDense(120),
    "binary dense layer of a map, falling": lambda: BinaryDense(120, rising=False),
    "dense layer of a binarized map": lambda: BinaryDense(120, binary=False),
    "adaptive average": lambda: nn.AdaptiveAvgPool2d(1),
    "max pooling, same": lambda: nn.MaxPool2d(3, 2, pad_mode="same"),
    "max pooling, 3x3 of stride 1": lambda: nn.MaxPool2d(3, 1, pad_mode="same"),
}


def check(cell, folder, shape=SHAPE, within=1e-5):
    """The exported Cell in C++, from either file, gives MindSpore's outputs, in their order."""
    ms.set_context(mode=ms.GRAPH_MODE)
    cell.set_train(False)
    x = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    write(cell, folder / "net.mindir", "MINDIR", shape)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    expected = cell(ms.Tensor(x))
    ms.set_context(mode=ms.GRAPH_MODE)
    expected = expected if isinstance(expected, tuple) else (expected,)
    cpp.run("adabin_pack", "--model", folder / "net.mindir", "--output", folder / "net.adabin")
    for suffix in (".mindir", ".adabin"):
        found, _ = cpp.outputs(folder / f"net{suffix}", x, folder / suffix)
        assert len(found) == len(expected)
        for own, theirs in zip(found, expected, strict=True):
            theirs = theirs.asnumpy().reshape(shape[0], -1)
            assert own.shape == theirs.shape
            np.testing.assert_allclose(own, theirs, rtol=within, atol=within * np.abs(theirs).max())


class AddsWhatItReads(nn.Cell):
    """A convolution and its own input, which two transpositions have made another value of the same memory."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(6, 6, 3, pad_mode="pad", padding=1, weight_init="normal")

    def construct(self, x):
        y = ops.relu(x)
        return self.conv(y) + ops.transpose(ops.transpose(y, (0, 2, 3, 1)), (0, 3, 1, 2))


def test_a_convolution_does_not_overwrite_what_it_reads_under_another_name(tmp_path):
    check(AddsWhatItReads(), tmp_path)
    with Model(tmp_path / "net.adabin") as model:
        (convolution,) = (step for step in model.steps if step.startswith("Conv"))
    assert "+residual" in convolution and "in place" not in convolution


def test_a_vector_and_a_map_of_one_pixel_are_not_added_as_if_they_were_the_same(tmp_path):
    write(Function(vector_and_map), tmp_path / "net.mindir", "MINDIR", (1, *SHAPE[1:]))
    with pytest.raises(UserError, match=r"net\.mindir: operator Add"):
        Model(tmp_path / "net.mindir")


@pytest.mark.parametrize(("binary", "layers"), [(True, 1), (False, 0)])
def test_a_binary_dense_layer_of_a_vector_runs_on_bits(binary, layers, tmp_path):
    check(BinaryDense(40, binary=binary), tmp_path, shape=(3, 40))
    with Model(tmp_path / "net.adabin") as model:
        assert model.binary_layers == model.packed_layers == layers


@pytest.mark.parametrize("name", CELLS)
def test_an_operator_gives_mindspores_outputs(name, tmp_path):
    check(CELLS[name](), tmp_path)
