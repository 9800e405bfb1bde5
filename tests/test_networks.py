# SPDX-License-Identifier: Apache-2.0
"""The larger networks: the authors' tensors, counts and initial values, and a step of training."""

from fnmatch import fnmatchcase

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from adabin.cpu import accelerate
from adabin.layers import AdaBinConv2d, MaxPool3x3
from adabin.layers.max_pool import DeployMaxPool3x3
from adabin.models import MODELS, build_model
from adabin.tasks.classification.loss import ClassificationLoss
from adabin.training.step import TrainStep, build_optimizer
from adabin.utils.checkpoint import assign, network_parameters
from adabin.utils.config import read_config
from adabin.utils.device import init_device
from adabin.utils.errors import UserError
from scripts.convert_torch_checkpoint import to_mindspore, without_unused
from tests.authors_layout import LAYOUTS
from tests.programs import ROOT, call, refusal_of, result_of
from tests.test_convert_torch import save

IMAGENET = ("resnet18", "resnet34")
UNUSED = {"nonlinear2.pos_scale", "nonlinear2.neg_scale"}
UNUSED |= {f"bn3.{kind}" for kind in ("gamma", "beta", "moving_mean", "moving_variance")}
SHORTCUTS = {"layer?.0.shortcut.0", "layer?.0.downsample.0"}
CLASSES = {"resnet18_cifar": 10, "vgg_small": 10, "resnet18": 1000, "resnet34": 1000}
# Entries of the authors' state dict; trained and binary parameters without the unused ones; binary convolutions.
COUNTS = {
    "resnet18_cifar": (193, 11_182_826, 10_985_472, 16),
    "vgg_small": (60, 4_663_700, 4_571_136, 5),
    "resnet18": (200, 11_701_400 - 3_024, 10_985_472, 16),
    "resnet34": (360, 21_817_016 - 3_024, 21_086_208, 32),
}


def build(network, **changes):
    return build_model(read_config(None, {"network": network, "num_classes": CLASSES.get(network, 10), **changes}))


def random_state(name, classes):
    """Tensors in the authors' layout, each of its own values."""
    rng = np.random.default_rng(1)
    return {
        key: np.asarray(rng.normal(size=shape), np.int64 if key.endswith("tracked") else np.float32)
        for key, shape in LAYOUTS[name](classes).items()
    }


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_authors_tensors_all_find_their_place(name):
    state = random_state(name, CLASSES[name])
    network = build(name)
    converted, unused = without_unused(to_mindspore(state), network)
    found = {key: tuple(p.shape) for key, p in network_parameters(network).items()}
    assert found == {key: value.shape for key, value in converted.items()}
    assert set(unused) == (UNUSED if name in IMAGENET else set())
    assert len(state) == COUNTS[name][0]
    assign(network_parameters(network), converted, "the state dict")


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_count_as_the_authors_do(name):
    network = build(name)
    layers = [cell for _, cell in network.cells_and_names() if isinstance(cell, AdaBinConv2d)]
    trained = sum(p.size for p in network.trainable_params())
    assert (trained, sum(layer.weight.size for layer in layers), len(layers)) == COUNTS[name][1:]


def convert(path, folder, *flags):
    config = ROOT / "config" / "resnet18_imagenet.yaml"
    files = ("--torch_path", path, "--config_path", config, "--ckpt_path", folder / "net.ckpt")
    return call("scripts/convert_torch_checkpoint.py", *files, *flags, cwd=folder)


def test_the_converter_reports_what_it_leaves_out_and_accepts_nothing_else(tmp_path):
    state = {f"module.{key}": value for key, value in random_state("resnet18", 7).items() if value.dtype == np.float32}
    result = result_of(convert(save(tmp_path / "net.th", state), tmp_path, "--num_classes=7"))
    assert set(result["unused"]) == UNUSED
    assert result["tensors"] == 172 and result["left_out"] == 6
    state["module.bn4.weight"] = state["module.bn3.weight"]
    (tmp_path / "net.ckpt").unlink()
    line = refusal_of(convert(save(tmp_path / "net.th", state), tmp_path, "--num_classes=7", "--force"))
    assert "its tensor bn4.weight has no place here" in line


@pytest.mark.parametrize("bits, name", [(b, n) for b in (1, 32) for n in MODELS if b == 32 or "standard" not in n])
def test_every_float_layer_is_one_that_the_network_names(name, bits):
    network = build(name, w_bits=bits, a_bits=bits, nonlinearity="relu", image_size=64)
    floats = [key for key, cell in network.cells_and_names() if isinstance(cell, (nn.Conv2d, nn.Dense))]
    for key in floats:
        assert sum(fnmatchcase(key, pattern) for pattern in network.full_precision) == 1, key
    # Small ResNets have shortcuts without parameters, and the pattern from the class that they share with ResNet-18.
    without = SHORTCUTS if name.removeprefix("standard_") in ("resnet8", "resnet20") else set()
    matched = {pattern for pattern in network.full_precision if any(fnmatchcase(key, pattern) for key in floats)}
    assert network.full_precision.keys() - matched == network.full_precision.keys() & without


@pytest.mark.parametrize("name", COUNTS)
def test_initial_weights_are_the_authors(name):
    ms.set_seed(3)
    values = {key: p.asnumpy() for key, p in network_parameters(build(name)).items()}
    for key, value in values.items():
        if value.ndim != 4 or not key.endswith("weight"):
            continue
        fan_in, fan_out = value[0].size, value[:, 0].size
        largest = np.abs(value).max()
        if name == "resnet18_cifar":  # PyTorch's default, uniform
            assert 0.95 < largest * fan_in**0.5 <= 1 + 1e-6, key
        else:  # normal
            deviation = (2 / (fan_out if name in IMAGENET else fan_in)) ** 0.5
            assert value.std() == pytest.approx(deviation, rel=0.05), key
            assert largest > 2.9 * deviation, key
    dense = "linear" if name == "resnet18_cifar" else "fc"
    weight, bias = values[f"{dense}.weight"], values[f"{dense}.bias"]
    bound = weight.shape[1] ** -0.5
    if name == "vgg_small":
        assert weight.std() == pytest.approx(2**0.5 * bound, rel=0.05)
    else:
        assert 0.95 * bound < np.abs(weight).max() <= bound * (1 + 1e-6)
    assert 0 < np.abs(bias).max() <= bound


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 8), (9, 6)])
def test_the_stems_pooling_its_gradient_and_its_deploy_form(mode, size):
    rng = np.random.default_rng(0)
    x = rng.normal(-5, 1, (2, 3, *size)).astype(np.float32)  # zeros around the map would win
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    rows, columns = (size[0] + 1) // 2, (size[1] + 1) // 2
    windows = np.stack(
        [padded[:, :, i : i + 2 * rows : 2, j : j + 2 * columns : 2][..., :rows, :columns] for i, j in np.ndindex(3, 3)]
    )
    expected = windows.max(axis=0)
    grad = rng.normal(size=expected.shape).astype(np.float32)
    scattered = np.zeros_like(padded)
    for index in np.ndindex(expected.shape):
        n, c, row, column = index
        i, j = divmod(int(windows[(slice(None), *index)].argmax()), 3)
        scattered[n, c, 2 * row + i, 2 * column + j] += grad[index]
    cell = MaxPool3x3()

    def loss(value):
        out = cell(value)
        return (out * ms.Tensor(grad)).sum(), out

    (_, out), dx = ms.value_and_grad(loss, 0, has_aux=True)(ms.Tensor(x))
    np.testing.assert_array_equal(out.asnumpy(), expected)
    np.testing.assert_array_equal(DeployMaxPool3x3(cell)(ms.Tensor(x)).asnumpy(), expected)
    np.testing.assert_allclose(dx.asnumpy(), scattered[:, :, 1:-1, 1:-1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [4, 5])
def test_the_downsampling_averages_what_lies_inside(pynative, size):
    downsample = build("resnet18").layer2[0].downsample[0]
    x = np.random.default_rng(0).normal(size=(1, 2, size, size)).astype(np.float32)
    out = downsample(ms.Tensor(x)).asnumpy()
    rows = (size + 1) // 2
    assert out.shape == (1, 2, rows, rows)
    for i, j in np.ndindex(rows, rows):
        window = x[0, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        np.testing.assert_allclose(out[0, :, i, j], window.mean(axis=(1, 2)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "name, size", [("resnet18_cifar", 5), ("resnet18_cifar", 33), ("vgg_small", 8), ("vgg_small", 35), ("resnet18", 47)]
)
def test_other_sizes_class_counts_and_float_versions(pynative, name, size):
    for bits in (1, 32):
        network = build(name, num_classes=3, image_size=size, w_bits=bits, a_bits=bits).set_train(False)
        out = network(ms.Tensor(np.random.default_rng(0).normal(size=(2, 3, size, size)).astype(np.float32)))
        assert out.shape == (2, 3) and np.isfinite(out.asnumpy()).all()
        assert ("alpha_a" in str(network_parameters(network).keys())) == (bits == 1)


def test_vgg_small_refuses_a_picture_that_pooling_would_use_up():
    with pytest.raises(UserError, match="image_size: 7 is too small for vgg_small; give 8 or more"):
        build("vgg_small", image_size=7)


@pytest.mark.parametrize("name", COUNTS)
def test_a_compiled_training_step_moves_every_parameter(name):
    size = 48 if name in IMAGENET else 16
    config = read_config(None, {"network": name, "image_size": size, "seed": 3})
    init_device(config)
    network = accelerate(build_model(config), config)  # MindSpore's own operators take gigabytes for these
    step = TrainStep(network, build_optimizer(network, config), ClassificationLoss())
    before = {p.name: p.asnumpy().copy() for p in network.trainable_params()}
    rng = np.random.default_rng(0)
    images = ms.Tensor(rng.normal(size=(4, 3, size, size)).astype(np.float32))
    loss, _ = step(images, ms.Tensor(rng.integers(0, 10, 4).astype(np.int32)))
    assert np.isfinite(loss.asnumpy())
    for parameter in network.trainable_params():
        value = parameter.asnumpy()
        assert np.isfinite(value).all() and (value != before[parameter.name]).any(), parameter.name
