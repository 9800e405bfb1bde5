# SPDX-License-Identifier: Apache-2.0
"""An estimator that the package does not know: in use from one line in a file of its own on."""

import mindspore as ms
import numpy as np
import pytest

from adabin.binarize import ActivationBinarization, Binarization, WeightBinarizer
from adabin.cpu import accelerate
from adabin.estimators import ESTIMATORS
from adabin.layers import AdaBinConv2d, set_estimator
from adabin.models import build_model
from adabin.tasks.classification.loss import ClassificationLoss
from adabin.training.step import TrainStep, build_optimizer
from adabin.utils.config import read_config
from tests import oracle
from tests.cpu_library import needs_kernels
from tests.test_binarize import gradients

FILE = '''
from mindspore import ops

from adabin.estimators import ESTIMATORS


def bell(u, k, t):
    """k / (1 + (t u)^2)."""
    return k / (1 + ops.square(t * u))


ESTIMATORS["bell"] = bell
'''


@pytest.fixture
def bell(someones):
    """The estimator's name; its file lies outside the package."""
    someones(FILE)
    yield "bell"
    del ESTIMATORS["bell"]


def test_it_is_the_gradient_of_activations(mode, bell):
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype(np.float32)
    cell = ActivationBinarization("paper", bell)
    one, zero, k, t = (ms.Tensor(value, ms.float32) for value in (1.0, 0.0, 2.0, 0.5))
    _, (found, *_) = gradients(cell, [ms.Tensor(x), one, zero, k, t], np.ones_like(x))
    np.testing.assert_allclose(found, 2 / (1 + np.square(0.5 * x.astype(np.float64))), rtol=1e-5)


def test_it_is_the_gradient_of_weights(mode, bell, monkeypatch):
    w = np.random.default_rng(2).normal(size=(4, 3, 3, 3)).astype(np.float32)
    grad = np.random.default_rng(3).normal(size=w.shape).astype(np.float32)
    cell, k, t = WeightBinarizer("adabin", bell), ms.Tensor(2.0, ms.float32), ms.Tensor(0.5, ms.float32)
    _, (found, *_) = gradients(cell, [ms.Tensor(w), k, t], grad)
    monkeypatch.setattr(oracle, "estimator", lambda name, u, k, t: k / (1 + np.square(t * u)))
    expected = oracle.weight_gradient(w.astype(np.float64), grad.astype(np.float64), "adabin", bell, 2.0, 0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@needs_kernels
def test_the_cpu_kernels_leave_it_to_mindspore_and_say_so_in_one_line(mode, bell, capsys):
    config = read_config(None, {"network": "resnet8", "weight_estimator": bell, "cpu_kernels": "on", "lr": 1.0})
    rng = np.random.default_rng(4)
    images = ms.Tensor(rng.normal(size=(4, 3, 16, 16)).astype(np.float32))
    labels = ms.Tensor(rng.integers(0, 10, 4).astype(np.int32))
    ms.set_seed(5)
    capsys.readouterr()
    network = accelerate(build_model(config), config)
    lines = [line for line in capsys.readouterr().err.splitlines() if "compiled" not in line]
    assert len(lines) == 1 and "estimator 'bell' (6 x)" in lines[0], lines
    set_estimator(network, 1.0, 1.0)
    before = network.parameters_dict()["layer1.0.conv1.weight"].asnumpy().copy()
    step = TrainStep(network, build_optimizer(network, config), ClassificationLoss())
    assert np.isfinite(float(step(images, labels)[0].asnumpy()))
    assert (network.parameters_dict()["layer1.0.conv1.weight"].asnumpy() != before).any()


@needs_kernels
def test_a_layer_with_it_computes_the_same_with_kernels(mode, bell):
    x = ms.Tensor(np.random.default_rng(6).normal(size=(2, 3, 6, 6)).astype(np.float32))
    layer = AdaBinConv2d(3, 4, 3, padding=1, settings=Binarization(activation_estimator=bell))
    set_estimator(layer, 1.5, 0.8)
    grad = np.random.default_rng(7).normal(size=(2, 4, 6, 6)).astype(np.float32)
    out, plain = gradients(layer, [x], grad)
    fast = accelerate(layer)
    assert type(fast) is not AdaBinConv2d
    fast_out, found = gradients(fast, [x], grad)
    np.testing.assert_allclose(fast_out, out, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-4)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="weight_estimator: 'bell' is not one of tanh, polynomial, ste, clipped_ste"):
        Binarization(weight_estimator="bell")
    with pytest.raises(ValueError, match="estimator: 'bell' is not one of tanh"):
        WeightBinarizer("adabin", "bell")
