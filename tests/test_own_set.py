# SPDX-License-Identifier: Apache-2.0
"""A binary set that the package does not know: in use from one line in a file of its own on."""

import mindspore as ms
import numpy as np
import pytest

from adabin.binarize import ActivationBinarizer, Binarization, WeightBinarizer
from adabin.binary_sets import SETS
from adabin.cpu import accelerate
from adabin.deploy import to_deploy
from adabin.export import write
from adabin.layers import AdaBinConv2d
from adabin.models import build_model
from adabin.training.health import weight_bits
from adabin.utils.config import read_config
from tests import cpp
from tests.cpu_library import needs_kernels
from tests.golden.make_golden import record_layers
from tests.test_binarize import gradients

FILE = '''
from mindspore import ops

from adabin.binary_sets import SETS, BinarySet, detached, mean


def median(w):
    """The median, and the mean distance from it."""
    beta = ops.median(w, 1, keepdims=True)[0]
    return beta, mean(ops.abs(w - beta), 1)


SETS["median"] = BinarySet(median, detached, ("beta",))
'''


@pytest.fixture
def median(someones):
    """The set's name; its file lies outside the package."""
    someones(FILE)
    yield "median"
    del SETS["median"]


def expected_of(w):
    flat = w.reshape(len(w), -1).astype(np.float64)
    beta = np.sort(flat, axis=1)[:, (flat.shape[1] - 1) // 2][:, None]
    alpha = np.abs(flat - beta).mean(1, keepdims=True)
    return flat, beta, alpha


def test_weights_get_its_two_values_and_the_gradient_that_it_says(mode, median):
    rng = np.random.default_rng(1)
    w, grad = (rng.normal(0.2, 0.5, (4, 3, 3, 3)).astype(np.float32) for _ in range(2))
    one = ms.Tensor(1.0, ms.float32)
    out, (found, *_) = gradients(WeightBinarizer(median, "clipped_ste"), [ms.Tensor(w), one, one], grad)
    flat, beta, alpha = expected_of(w)
    np.testing.assert_allclose(out.reshape(4, -1), np.where(flat >= beta, beta + alpha, beta - alpha), rtol=1e-5)
    inside = np.abs((flat - beta) / alpha) <= 1
    np.testing.assert_allclose(found.reshape(4, -1), inside * grad.reshape(4, -1), rtol=1e-5)


def test_activations_learn_what_it_says_and_nothing_else(median):
    cell = ActivationBinarizer(Binarization(activation_set=median))
    assert [p.name for p in cell.trainable_params()] == ["beta_a"]


def test_the_signs_whose_flips_are_counted_are_those_of_the_set(median):
    layer = AdaBinConv2d(3, 4, 3, settings=Binarization(weight_set=median))
    flat, beta, _ = expected_of(layer.weight.asnumpy())
    np.testing.assert_array_equal(weight_bits(layer), flat >= beta)


@needs_kernels
def test_the_cpu_kernels_leave_it_to_mindspore_and_say_so(median, capsys):
    config = read_config(None, {"network": "resnet8", "weight_set": median, "cpu_kernels": "on"})
    x = ms.Tensor(np.random.default_rng(4).normal(size=(2, 3, 16, 16)).astype(np.float32))
    network = build_model(config).set_train(False)
    expected = network(x).asnumpy()
    capsys.readouterr()
    network = accelerate(network, config)
    assert "binary set 'median' (6 x)" in capsys.readouterr().err
    np.testing.assert_allclose(network(x).asnumpy(), expected, rtol=1e-3, atol=1e-3)


def test_the_engine_packs_it_and_its_layers_compute_what_mindspores_do(pynative, median, tmp_path):
    config = read_config(None, {"network": "resnet8", "weight_set": median, "execution_mode": "PYNATIVE"})
    network = to_deploy(build_model(config))
    images = np.random.default_rng(4).normal(size=(3, 3, 32, 32)).astype(np.float32)
    write(network, tmp_path / "net.mindir", "MINDIR", (1, 3, 32, 32))
    records = record_layers(network, images)
    packed = cpp.run("adabin_pack", "--model", tmp_path / "net.mindir", "--output", tmp_path / "net.adabin")
    assert packed["binary_layers"] == len(records) == 6
    cpp.check_layers(tmp_path / "net.adabin", records, tmp_path)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="weight_set: 'median' is not one of adabin, scale, fixed"):
        Binarization(weight_set="median")
    with pytest.raises(ValueError, match="binary set: 'median' is not one of adabin"):
        WeightBinarizer("median")
