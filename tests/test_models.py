# SPDX-License-Identifier: Apache-2.0
"""Networks: the authors' architecture to the last parameter, and its variants."""

import mindspore as ms
import numpy as np
import pytest

from adabin.layers import AdaBinConv2d
from adabin.models import MODELS, build_model
from adabin.models.resnet_cifar import SubsampleAndPad
from adabin.utils.checkpoint import network_parameters
from adabin.utils.config import read_config
from adabin.utils.errors import UserError


def build(**changes):
    return build_model(read_config(None, changes))


def binary_convolutions(network):
    return [cell for _, cell in network.cells_and_names() if isinstance(cell, AdaBinConv2d)]


def authors_parameters():
    """Name (after renaming, facts page, section 5) to shape of every tensor in the authors' ResNet-20."""

    def batch_norm(name, channels):
        return {f"{name}.{kind}": (channels,) for kind in ("gamma", "beta", "moving_mean", "moving_variance")}

    def maxout(name, channels):
        return {f"{name}.{kind}": (1, channels, 1, 1) for kind in ("pos_scale", "neg_scale")}

    shapes = {"conv1.weight": (16, 3, 3, 3), **batch_norm("bn1", 16), **maxout("nonlinear1", 16)}
    before = 16
    for stage, channels in enumerate((16, 32, 64), 1):
        for block in range(3):
            for half in (1, 2):
                name = f"layer{stage}.{block}"
                shapes[f"{name}.conv{half}.weight"] = (channels, before, 3, 3)
                shapes |= {f"{name}.conv{half}.binary_a.{kind}": () for kind in ("alpha_a", "beta_a")}
                shapes |= batch_norm(f"{name}.bn{half}", channels) | maxout(f"{name}.nonlinear{half}", channels)
                before = channels
    return shapes | batch_norm("bn2", 64) | {"linear.weight": (10, 64), "linear.bias": (10,)}


def test_resnet20_has_the_authors_tensors_under_their_names():
    found = {name: tuple(p.shape) for name, p in network_parameters(build()).items()}
    assert found == authors_parameters()


def test_resnet20_counts_as_the_authors_does():
    network = build()
    layers = binary_convolutions(network)
    assert len(layers) == 18
    assert sum(layer.weight.size for layer in layers) == 267_264
    assert sum(p.size for p in network.trainable_params()) == 271_262


def test_resnet20_starts_as_the_authors_does():
    network = build()
    values = {name: p.asnumpy() for name, p in network.parameters_dict().items()}
    for name, value in values.items():
        kind = name.rpartition(".")[2]
        start = {"alpha_a": 1, "beta_a": 0, "gamma": 1, "beta": 0, "pos_scale": 1, "neg_scale": 0.25}.get(kind)
        assert start is None or (value == start).all(), name
    for name in ("conv1.weight", "layer2.0.conv1.weight", "layer3.2.conv2.weight"):  # He, fan in
        value = values[name]
        assert value.std() == pytest.approx((2 / value[0].size) ** 0.5, rel=0.1), name
    assert np.abs(values["linear.bias"]).max() <= 1 / 8 < 10 * np.abs(values["linear.bias"]).max()


@pytest.mark.parametrize("shape, extra", [((2, 3, 6, 8), 4), ((1, 2, 5, 7), 3), ((1, 1, 1, 1), 2)])
def test_a_shortcut_between_stages_slices_and_pads(mode, shape, extra):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    cell = SubsampleAndPad(2, extra)
    expected = np.pad(x[:, :, ::2, ::2], ((0, 0), (extra // 2, extra - extra // 2), (0, 0), (0, 0)))
    np.testing.assert_array_equal(cell(ms.Tensor(x)).asnumpy(), expected)

    def loss(value):
        return (cell(value) * ms.Tensor(expected)).sum()

    gradient = ms.grad(loss)(ms.Tensor(x)).asnumpy()
    scattered = np.zeros_like(x)
    scattered[:, :, ::2, ::2] = x[:, :, ::2, ::2]
    np.testing.assert_array_equal(gradient, scattered)


@pytest.mark.parametrize("image_size", [4, 7, 32])
def test_the_network_takes_pictures_of_other_sizes(pynative, image_size):
    out = build(network="resnet8", num_classes=3).set_train(False)(ms.ops.ones((2, 3, image_size, image_size)))
    assert out.shape == (2, 3) and np.isfinite(out.asnumpy()).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"nonlinearity": "relu"},
        {"nonlinearity": "prelu"},
        {"w_bits": 32},
        {"a_bits": 32},
        {"w_bits": 32, "a_bits": 32},
        {"weight_set": "scale", "activation_set": "scale"},
        {"weight_set": "fixed", "activation_set": "fixed", "activation_estimator": "ste"},
    ],
    ids=str,
)
def test_the_baselines_run_and_have_a_gradient_in_every_parameter(pynative, changes):
    ms.set_seed(1)
    network = build(network="resnet8", **changes)
    x = ms.Tensor(np.random.default_rng(0).normal(size=(4, 3, 16, 16)).astype(np.float32))
    parameters = network.trainable_params()
    gradients = ms.grad(lambda value: (network.set_train()(value) ** 2).sum(), None, parameters)(x)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert np.isfinite(gradient.asnumpy()).all() and gradient.asnumpy().any(), parameter.name
    names = {name.rpartition(".")[2] for name in network_parameters(network)}
    assert ("alpha_a" in names) == (changes.get("a_bits") != 32)
    assert ("pos_scale" in names) == ("nonlinearity" not in changes)


@pytest.mark.parametrize(
    "changes, part",
    [
        ({"network": "resnet21"}, f"network: 'resnet21' is not known; choose from {', '.join(sorted(MODELS))}"),
        ({"nonlinearity": "gelu"}, "nonlinearity: 'gelu'"),
        ({"binary_form": "papre"}, "config: binary_form: 'papre' is not one of paper, released"),
        ({"weight_set": "pair"}, "config: weight_set: 'pair' is not one of adabin"),
        ({"activation_set": "pair"}, "config: activation_set: 'pair' is not one of adabin"),
        ({"weight_estimator": "sgn"}, "config: weight_estimator: 'sgn' is not one of tanh"),
        ({"activation_estimator": "form: sgn"}, "config: activation_estimator: 'form: sgn' is not one of tanh"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(changes, part):
    with pytest.raises(UserError) as refusal:
        build(**changes)
    assert part in str(refusal.value) and "\n" not in str(refusal.value)
