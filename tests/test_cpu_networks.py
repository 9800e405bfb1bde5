# SPDX-License-Identifier: Apache-2.0
"""Networks with the CPU kernels against the same networks without them."""

import mindspore as ms
import numpy as np
import pytest

from src.binarize import ESTIMATORS, FORMS, SETS
from src.cpu import accelerate
from src.layers import AdaBinConv2d, set_estimator
from src.models import build_model
from src.training.step import TrainStep, build_optimizer
from src.utils.config import read_config
from tests.cpu_library import needs_kernels

pytestmark = needs_kernels

PLAIN = {"lr": 1.0, "momentum": 0.0, "weight_decay": 0.0}  # so that an update is the gradient


def pictures(batch, size=32):
    rng = np.random.default_rng(3)
    return ms.Tensor(rng.standard_normal((batch, 3, size, size)).astype(np.float32)), ms.Tensor(
        rng.integers(0, 10, batch).astype(np.int32)
    )


def first_step(config, kernels, images, labels):
    """(loss, logits in inference mode, change of every parameter) of a network's first step from seeded weights."""
    config.cpu_kernels = kernels
    ms.set_seed(5)
    network = accelerate(build_model(config), config)
    set_estimator(network, 1.0, 1.0)
    step = TrainStep(network, build_optimizer(network, config))
    network.set_train(False)
    logits = network(images).asnumpy()
    step.set_train(True)
    before = {p.name: p.asnumpy().copy() for p in network.get_parameters()}
    loss = float(step(images, labels)[0].asnumpy())
    return loss, logits, {p.name: p.asnumpy() - before[p.name] for p in network.get_parameters()}


@pytest.mark.parametrize("settings", [{}, {"binary_form": "released"}, {"nonlinearity": "prelu"}], ids=str)
@pytest.mark.parametrize("network", ["resnet8", "resnet18_cifar", "vgg_small", "resnet18"])
def test_a_step_changes_every_parameter_as_without_kernels(network, settings):
    if network != "resnet8" and settings:
        pytest.skip("one network shows it")
    batch, size = (8, 64) if network == "resnet18" else (16, 32)
    config = read_config(None, {"network": network, "image_size": size} | PLAIN | settings)
    images, labels = pictures(batch, size)
    loss, logits, changes = first_step(config, "off", images, labels)
    fast_loss, fast_logits, fast_changes = first_step(config, "on", images, labels)
    # A bit that rounding has turned over moves all that follows in its image, in training through BatchNorm in all
    # images, and the maxima of VGG's pooling are often equal but for rounding: here most must agree closely, and all
    # roughly; the tests of single layers leave no such room.
    assert fast_loss == pytest.approx(loss, rel=1e-2)
    assert np.median(np.abs(fast_logits - logits).max(1)) <= 0.02 * np.abs(logits).max()
    assert list(fast_changes) == list(changes)
    errors = []
    for name, change in changes.items():
        norm = np.linalg.norm(change.astype(np.float64))
        if norm > 1e-3:
            errors.append(np.linalg.norm(fast_changes[name].astype(np.float64) - change) / norm)
    assert np.median(errors) < 0.05 and max(errors) < 0.5, (np.median(errors), max(errors))


class Layer:
    """One layer with inputs, run with and without kernels: output and gradients."""

    def __init__(
        self, settings, mode, shape=(3, 7, 9, 8), channels=5, kernel=3, stride=1, padding=1, alpha=0.7, beta=0.1
    ):
        self.arguments = (shape[1], channels, kernel, stride, padding)
        self.config = read_config(None, {"network": "resnet8", "mode": mode, "cpu_kernels": "on"})
        self.settings, self.alpha, self.beta = settings, alpha, beta
        rng = np.random.default_rng(7)
        self.x = rng.standard_normal(shape).astype(np.float32)
        self.x.ravel()[::11] = np.float32(beta)  # exactly on the threshold
        self.x.ravel()[1::13] = 0
        self.weight = rng.standard_normal((channels, shape[1], kernel, kernel)).astype(np.float32)
        self.rng = rng

    def results(self, fast):
        channels_in, channels, kernel, stride, padding = self.arguments
        layer = AdaBinConv2d(channels_in, channels, kernel, stride=stride, padding=padding, settings=self.settings)
        layer.weight.set_data(ms.Tensor(self.weight))
        layer.binary_a.alpha_a.set_data(ms.Tensor(self.alpha, ms.float32))
        layer.binary_a.beta_a.set_data(ms.Tensor(self.beta, ms.float32))
        network = ms.nn.SequentialCell(layer)
        set_estimator(network, 1.5, 0.8)
        if fast:
            accelerate(network, self.config)
        y = network(ms.Tensor(self.x))
        weights = ms.Tensor(np.random.default_rng(8).standard_normal(y.shape).astype(np.float32))

        def weighted(x):
            return ms.ops.sum(network(x) * weights)

        parameters = ms.ParameterTuple((layer.weight, layer.binary_a.alpha_a, layer.binary_a.beta_a))
        dx, gradients = ms.grad(weighted, 0, parameters)(ms.Tensor(self.x))
        return [value.asnumpy() for value in (y, dx, *gradients)]

    def compare(self):
        for name, found, expected in zip(
            ("y", "dx", "dw", "dalpha", "dbeta"), self.results(True), self.results(False), strict=True
        ):
            assert found.shape == expected.shape, name
            scale = max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(found, expected, rtol=2e-4, atol=3e-5 * scale, err_msg=name)


def settings_of(**changes):
    from src.binarize import Binarization

    return Binarization(**changes)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("binary_set", SETS)
@pytest.mark.parametrize("form", FORMS)
def test_a_layer_computes_the_same_with_every_setting(form, binary_set, estimator):
    settings = settings_of(
        form=form,
        weight_set=binary_set,
        activation_set=binary_set,
        weight_estimator=estimator,
        activation_estimator=estimator,
    )
    Layer(settings, "GRAPH").compare()


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": -0.6, "beta": 0.2},
        {"alpha": 0.0, "beta": 0.2},
        {"beta": 0.0},
        {"shape": (2, 16, 6, 6), "channels": 32, "stride": 2},
        {"shape": (1, 70, 5, 11), "channels": 3, "kernel": 1, "padding": 0},
        {"shape": (2, 3, 9, 9), "channels": 4, "kernel": 5, "padding": (2, 1, 0, 3)},
    ],
    ids=str,
)
def test_a_layer_computes_the_same_in_both_modes(mode, changes):
    Layer(settings_of(form="released"), mode, **changes).compare()


def test_layers_that_differ_in_stride_alone_do_not_share_a_shape(mode):
    shape = (2, 4, 8, 8)
    for stride, padding in ((1, 1), (2, 1), (1, 0)):
        Layer(settings_of(), mode, shape=shape, stride=stride, padding=padding).compare()


def test_steps_are_repeatable_to_the_bit():
    config = read_config(None, {"network": "resnet8"})
    images, labels = pictures(16)
    runs = [first_step(config, "on", images, labels) for _ in range(2)]
    assert runs[0][0] == runs[1][0]
    for name, change in runs[0][2].items():
        np.testing.assert_array_equal(change, runs[1][2][name], err_msg=name)
