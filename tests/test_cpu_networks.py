# SPDX-License-Identifier: Apache-2.0
"""Networks with the CPU kernels against the same networks without them."""

import itertools

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from adabin.binarize import ESTIMATORS, FORMS
from adabin.binary_sets import SETS
from adabin.cpu import accelerate
from adabin.layers import AdaBinConv2d, set_estimator
from adabin.models import build_model
from adabin.tasks.classification.loss import ClassificationLoss
from adabin.training.step import TrainStep, build_optimizer
from adabin.utils.config import read_config
from tests.cpu_library import needs_kernels
from tests.modes import in_modes

pytestmark = needs_kernels

PLAIN = {"lr": 1.0, "momentum": 0.0, "weight_decay": 0.0}  # so that an update is the gradient


def pictures(batch, size=32):
    rng = np.random.default_rng(3)
    return ms.Tensor(rng.standard_normal((batch, 3, size, size)).astype(np.float32)), ms.Tensor(
        rng.integers(0, 10, batch).astype(np.int32)
    )


class SumOfSquares(nn.Cell):
    """A loss of one block."""

    def __init__(self, block):
        super().__init__(auto_prefix=False)
        self.block = block

    def construct(self, x):
        y = self.block(x)
        return ops.sum(y * y)


def first_step(config, kernels, images, labels):
    """(loss, logits in inference mode, change of every parameter) of a network's first step from seeded weights."""
    config = config.changed(cpu_kernels=kernels)
    ms.set_seed(5)
    network = accelerate(build_model(config), config)
    set_estimator(network, 1.0, 1.0)
    for _, cell in network.cells_and_names():
        if isinstance(cell, AdaBinConv2d):  # at a threshold of 0 many sums are equal to it but for rounding
            cell.binary_a.beta_a.set_data(ms.Tensor(0.0123, ms.float32))
    step = TrainStep(network, build_optimizer(network, config), ClassificationLoss())
    network.set_train(False)
    logits = network(images).asnumpy()
    step.set_train(True)
    before = {p.name: p.asnumpy().copy() for p in network.get_parameters()}
    loss = float(step(images, labels)[0].asnumpy())
    return loss, logits, {p.name: p.asnumpy() - before[p.name] for p in network.get_parameters()}


@pytest.mark.parametrize(
    "settings",
    [{}, {"binary_form": "released"}, {"nonlinearity": "prelu"}, {"nonlinearity": "relu"}, {"w_bits": 32}],
    ids=str,
)
def test_a_step_changes_every_parameter_as_without_kernels(settings):
    config = read_config(None, {"network": "resnet8"} | PLAIN | settings)
    images, labels = pictures(16)
    loss, logits, changes = first_step(config, "off", images, labels)
    fast_loss, fast_logits, fast_changes = first_step(config, "on", images, labels)
    # A bit that rounding has turned over moves all that follows in its image, in training through BatchNorm in all
    # images: here most must agree closely, and all roughly; single layers and blocks are held to rounding itself.
    assert fast_loss == pytest.approx(loss, rel=1e-2)
    assert np.median(np.abs(fast_logits - logits).max(1)) <= 1e-3 * np.abs(logits).max()
    assert list(fast_changes) == list(changes)
    errors = []
    for name, change in changes.items():
        norm = np.linalg.norm(change.astype(np.float64))
        if norm > 1e-3:
            errors.append(np.linalg.norm(fast_changes[name].astype(np.float64) - change) / norm)
    assert np.median(errors) < 0.05 and max(errors) < 0.5, (np.median(errors), max(errors))


STAGES = [f"layer{stage}.{index}" for stage in range(1, 5) for index in range(2)]


def build_pair(config):
    """A network without and with kernels, equal parameters, in training mode."""
    pair = []
    for kernels in ("off", "on"):
        config = config.changed(cpu_kernels=kernels)
        ms.set_seed(5)
        network = accelerate(build_model(config), config)
        for _, cell in network.cells_and_names():
            if isinstance(cell, AdaBinConv2d):
                cell.binary_a.beta_a.set_data(ms.Tensor(0.0123, ms.float32))
        pair.append(network.set_train(True))
    return pair


def assert_nearly_all_equal(found, expected, what):
    """Within rounding, but for the little that a bit turned over within a block reaches."""
    assert found.shape == expected.shape, what
    scale = max(1.0, np.abs(expected).max())
    differing = np.abs(found - expected) > 1e-4 * scale
    assert differing.mean() < 0.03, (what, differing.mean())


@pytest.mark.parametrize("network", ["resnet18_cifar", "resnet18"])
def test_every_block_computes_the_same_from_the_same_input(pynative, network):
    size = 64 if network == "resnet18" else 32
    plain, fast = build_pair(read_config(None, {"network": network, "image_size": size}))
    x, _ = pictures(4, size)
    y = plain.maxpool(plain.join1(plain.conv1(x)))
    assert_nearly_all_equal(fast.maxpool(fast.join1(fast.conv1(x))).asnumpy(), y.asnumpy(), "first layers")
    x = y
    for name in STAGES:
        stage, index = name.split(".")
        block, fast_block = (getattr(n, stage)[int(index)] for n in (plain, fast))
        y, fast_y = block(x), fast_block(x)
        assert_nearly_all_equal(fast_y.asnumpy(), y.asnumpy(), name)
        if name == "layer2.0":  # the shortcut that is a convolution
            gradients = (ms.grad(SumOfSquares(b))(x).asnumpy() for b in (fast_block, block))
            assert_nearly_all_equal(*gradients, f"gradient of {name}")
        x = y
    statistics = [n.parameters_dict()["layer4.1.bn2.moving_variance"].asnumpy() for n in (fast, plain)]
    np.testing.assert_allclose(*statistics, rtol=2e-2)


def test_every_layer_of_vgg_computes_the_same_from_the_same_input(pynative):
    plain, fast = build_pair(read_config(None, {"network": "vgg_small"}))
    x, _ = pictures(4)
    for number in range(6):
        z, fast_z = (n._cells[f"conv{number}"](x) for n in (plain, fast))
        assert_nearly_all_equal(fast_z.asnumpy(), z.asnumpy(), f"conv{number}")
        z = plain.pooling(z) if number % 2 else z
        y, fast_y = (n._cells[f"join{number}"](z) for n in (plain, fast))
        assert_nearly_all_equal(fast_y.asnumpy(), y.asnumpy(), f"join{number}")
        x = y
    images, _ = pictures(4)
    plain.set_train(False), fast.set_train(False)
    assert_nearly_all_equal(fast(images).asnumpy(), plain(images).asnumpy(), "logits")


class Layer:
    """One layer with inputs, run with and without kernels: output and gradients."""

    def __init__(
        self,
        settings,
        mode,
        shape=(3, 7, 9, 8),
        channels=5,
        kernel=3,
        stride=1,
        padding=1,
        dilation=1,
        alpha=0.7,
        beta=0.1,
    ):
        self.arguments = (shape[1], channels, kernel, stride, padding, dilation)
        self.config = read_config(None, {"network": "resnet8", "execution_mode": mode, "cpu_kernels": "on"})
        self.settings, self.alpha, self.beta = settings, alpha, beta
        rng = np.random.default_rng(7)
        self.x = rng.standard_normal(shape).astype(np.float32)
        self.x.ravel()[::11] = np.float32(beta)  # exactly on the threshold
        self.x.ravel()[1::13] = 0
        self.weight = rng.standard_normal((channels, shape[1], kernel, kernel)).astype(np.float32)
        self.rng = rng

    def results(self, fast):
        layer = AdaBinConv2d(*self.arguments, settings=self.settings)
        layer.weight.set_data(ms.Tensor(self.weight))
        if layer.binarizes_input:
            layer.binary_a.alpha_a.set_data(ms.Tensor(self.alpha, ms.float32))
            layer.binary_a.beta_a.set_data(ms.Tensor(self.beta, ms.float32))
        network = ms.nn.SequentialCell(layer)
        set_estimator(network, 1.5, 0.8)
        if fast:
            accelerate(network, self.config)
            assert type(network[0]) is not AdaBinConv2d
        y = network(ms.Tensor(self.x))
        weights = ms.Tensor(np.random.default_rng(8).standard_normal(y.shape).astype(np.float32))

        def weighted(x):
            return ms.ops.sum(network(x) * weights)

        parameters = layer.trainable_params()
        dx, gradients = ms.grad(weighted, 0, ms.ParameterTuple(parameters))(ms.Tensor(self.x))
        names = ("y", "dx", *(f"gradient of {parameter.name}" for parameter in parameters))
        return {name: value.asnumpy() for name, value in zip(names, (y, dx, *gradients), strict=True)}

    def compare(self):
        found_values, expected_values = self.results(True), self.results(False)
        assert found_values.keys() == expected_values.keys()
        for name, expected in expected_values.items():
            found = found_values[name]
            assert found.shape == expected.shape, name
            scale = max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(found, expected, rtol=2e-4, atol=3e-5 * scale, err_msg=name)


def settings_of(**changes):
    from adabin.binarize import Binarization

    return Binarization(**changes)


SETTINGS = list(itertools.product(FORMS, SETS, ESTIMATORS))
COMPILED = [("paper", "adabin", name) for name in ESTIMATORS] + [("released", name, "tanh") for name in SETS]


@pytest.mark.parametrize(("mode", "setting"), in_modes(SETTINGS, COMPILED), indirect=["mode"], ids=str)
def test_a_layer_computes_the_same_with_every_setting(mode, setting):
    form, binary_set, estimator = setting
    settings = settings_of(
        form=form,
        weight_set=binary_set,
        activation_set=binary_set,
        weight_estimator=estimator,
        activation_estimator=estimator,
    )
    Layer(settings, mode).compare()


@pytest.mark.parametrize("bits", [(1, 32), (32, 1), (32, 32)], ids="W{0[0]}A{0[1]}".format)
def test_a_layer_with_a_side_in_float_computes_the_same(mode, bits):
    Layer(settings_of(w_bits=bits[0], a_bits=bits[1]), mode, stride=2).compare()


LAYERS = [
    {"shape": (2, 5, 9, 12), "channels": 4, "stride": 2, "padding": (2, 1, 0, 3), "dilation": (2, 3)},
    {"alpha": -0.6, "beta": 0.2},
    {"alpha": 0.0, "beta": 0.2},
    {"beta": 0.0},
    {"shape": (2, 16, 6, 6), "channels": 32, "stride": 2},
    {"shape": (1, 70, 5, 11), "channels": 3, "kernel": 1, "padding": 0},
    {"shape": (2, 3, 9, 9), "channels": 4, "kernel": 5, "padding": (2, 1, 0, 3)},
    {"shape": (2, 16, 19, 19), "channels": 8, "padding": 6, "dilation": 6},
]


@pytest.mark.parametrize(("mode", "changes"), in_modes(LAYERS, LAYERS[:2]), indirect=["mode"], ids=str)
def test_a_layer_computes_the_same_in_both_modes(mode, changes):
    Layer(settings_of(form="released"), mode, **changes).compare()


def test_layers_that_differ_in_stride_or_dilation_alone_do_not_share_a_shape(mode):
    shape = (2, 4, 8, 8)
    for stride, padding, dilation in ((1, 1, 1), (2, 1, 1), (1, 0, 1), (1, 1, 2), (1, 1, (1, 2))):
        Layer(settings_of(), mode, shape=shape, stride=stride, padding=padding, dilation=dilation).compare()


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel_size": 3, "padding": 1, "has_bias": True},
        {"kernel_size": 1},
        {"kernel_size": 3, "padding": (2, 3, 0, 1), "dilation": (2, 3), "stride": 2, "has_bias": True},
        {"kernel_size": 3, "padding": 1, "has_bias": True, "first": True},
    ],
    ids=str,
)
def test_a_float_convolution_computes_the_same_in_both_modes(mode, changes):
    first = changes.get("first", False)
    rng = np.random.default_rng(2)
    x = ms.Tensor(rng.standard_normal((3, 6, 9, 8)).astype(np.float32))

    def values(fast):
        ms.set_seed(1)
        options = {key: value for key, value in changes.items() if key != "first"}
        network = nn.SequentialCell(nn.Conv2d(6, 10, pad_mode="pad", bias_init="normal", **options))
        network[0].sees_picture = first
        if fast:
            accelerate(network, read_config(None, {"cpu_kernels": "on"}))
            assert type(network[0]) is not nn.Conv2d
        y = network(x)
        weights = ms.Tensor(np.random.default_rng(8).standard_normal(y.shape).astype(np.float32))

        def weighted(x):
            return ops.sum(network(x) * weights)

        dx, gradients = ms.grad(weighted, 0, ms.ParameterTuple(network.trainable_params()))(x)
        return [value.asnumpy() for value in (y, *gradients, *(() if first else (dx,)))]

    for expected, found in zip(values(False), values(True), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=3e-5 * max(1.0, np.abs(expected).max()))


@needs_kernels
@pytest.mark.parametrize(
    "layer",
    [
        lambda: AdaBinConv2d(4, 6, 3, padding=1, group=2),
        lambda: nn.Conv2d(4, 6, 3, pad_mode="pad", padding=1, group=2, has_bias=False),
    ],
    ids=["binary", "float"],
)
def test_groups_are_left_to_mindspore_and_named(layer, capsys):
    plain = layer()
    x = ms.Tensor(np.random.default_rng(0).normal(size=(2, 4, 5, 5)).astype(np.float32))
    expected = plain(x).asnumpy()
    capsys.readouterr()
    network = accelerate(nn.SequentialCell([plain]))
    assert "group 2 (1 x)" in capsys.readouterr().err
    np.testing.assert_array_equal(network(x).asnumpy(), expected)
