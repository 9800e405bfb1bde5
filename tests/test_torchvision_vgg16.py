# SPDX-License-Identifier: Apache-2.0
"""torchvision's VGG16 as float backbone of a detector: state dicts written out from its documented structure."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from adabin.models import build_model
from adabin.models.torchvision_vgg16 import backbone_values, is_vgg16
from adabin.utils.checkpoint import assign, network_parameters, read_checkpoint
from adabin.utils.config import read_config
from scripts.convert_torch_checkpoint import main
from tests.programs import ROOT, call, refusal_of
from tests.test_convert_torch import save

# torchvision's configuration "D"; M: max pooling.
STRUCTURE = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
BASE = ROOT / "config" / "base.yaml"
FLOAT = {"w_bits": 32, "a_bits": 32, "nonlinearity": "relu"}


def state_of(with_norm, fc=4096, classes=10, divide=1):
    """(tensors by torchvision's names, indices of convolutions and poolings in order); channels divided by `divide`."""
    rng = np.random.default_rng(2)
    state, order, index, before = {}, [], 0, 3
    for entry in STRUCTURE:
        if entry == "M":
            order.append(("pool", index))
            index += 1
            continue
        channels = entry // divide
        order.append(("conv", index))
        state[f"features.{index}.weight"] = rng.normal(0, (2 / (9 * before)) ** 0.5, (channels, before, 3, 3))
        state[f"features.{index}.bias"] = rng.normal(0, 0.1, channels)
        if with_norm:
            for kind in ("weight", "bias", "running_mean"):
                state[f"features.{index + 1}.{kind}"] = rng.normal(0.3, 0.5, channels)
            state[f"features.{index + 1}.running_var"] = rng.uniform(0.5, 2, channels)
        index += 3 if with_norm else 2
        before = channels
    for number, (rows, columns) in ((0, (fc, before * 49)), (3, (fc, fc)), (6, (classes, fc))):
        state[f"classifier.{number}.weight"] = rng.normal(0, (2 / columns) ** 0.5, (rows, columns))
        state[f"classifier.{number}.bias"] = rng.normal(0, 0.1, rows)
    return {name: np.asarray(value, np.float32) for name, value in state.items()}, order


def torchvisions_maps(state, order, x):
    """Outputs of torchvision's convolution 4_3 and 5_3, behind their ReLUs."""
    x, maps = ms.Tensor(x), []
    for kind, index in order:
        if kind == "pool":
            maps.append(x)
            x = nn.MaxPool2d(2, 2)(x)
            continue
        weight, bias = (ms.Tensor(state[f"features.{index}.{part}"]) for part in ("weight", "bias"))
        x = ops.conv2d(x, weight, bias, pad_mode="pad", padding=1)
        norm = f"features.{index + 1}"
        if f"{norm}.running_mean" in state:
            gamma, beta, mean, variance = (
                state[f"{norm}.{part}"].reshape(1, -1, 1, 1)
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            x = (x - ms.Tensor(mean)) / ms.Tensor(np.sqrt(variance + 1e-5)) * ms.Tensor(gamma) + ms.Tensor(beta)
        x = ops.relu(x)
    return maps[3], maps[4]


@pytest.mark.parametrize("with_norm", [False, True])
def test_the_backbone_computes_what_torchvisions_network_does(with_norm):
    state, order = state_of(with_norm, fc=512, divide=8)
    assert is_vgg16(state)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        config = read_config(None, {"network": "vgg16_plain", "width": 0.125, "num_classes": 4, **FLOAT})
        backbone = build_model(config).backbone.set_train(False)
        values, unused = backbone_values(state)
        assign(network_parameters(backbone), values, "the state dict")
        assert unused == ["classifier.6.weight", "classifier.6.bias"]
        x = np.random.default_rng(0).normal(size=(2, 3, 112, 112)).astype(np.float32)
        fourth, fifth = torchvisions_maps(state, order, x)
        found, last = backbone(ms.Tensor(x))
        np.testing.assert_allclose(found.asnumpy(), fourth.asnumpy(), rtol=1e-3, atol=1e-4)
        # The linear layers at the picture's center, on the map that the last pooling leaves at its size.
        pooled = nn.MaxPool2d(3, 1, pad_mode="same")(fifth).asnumpy()
        first = state["classifier.0.weight"].reshape(512, 64, 7, 7)[::4, :, ::3, ::3]
        padded = np.pad(pooled, ((0, 0), (0, 0), (6, 6), (6, 6)))
        taps = np.stack([padded[:, :, 3 + 6 * i, 3 + 6 * j] for i in range(3) for j in range(3)], -1)
        hidden = np.einsum("ncp,ocp->no", taps, first.reshape(128, 64, 9)) + state["classifier.0.bias"][::4]
        out = np.maximum(hidden, 0) @ state["classifier.3.weight"][::4, ::4].T + state["classifier.3.bias"][::4]
        np.testing.assert_allclose(last.asnumpy()[:, :, 3, 3], np.maximum(out, 0), rtol=1e-3, atol=1e-4)
    finally:
        ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.parametrize("with_norm", [False, True])
def test_names_and_shapes_of_the_whole_network_are_those_of_the_detector(with_norm):
    state, _ = state_of(with_norm)
    assert len(state) == (13 * 6 if with_norm else 26) + 6
    values, _ = backbone_values(state)
    network = build_model(read_config(None, {"network": "ssd_vgg16_plain", "image_size": 300, **FLOAT}))
    assert {name: value.shape for name, value in values.items()} == {
        name: tuple(p.shape) for name, p in network_parameters(network.backbone).items()
    }


def test_the_converter_writes_the_backbone_alone(tmp_path):
    state, _ = state_of(False, fc=512, divide=8)
    path = save(tmp_path / "vgg.pth", state)
    flags = ["--network=ssd_vgg16_plain", "--width=0.125", "--image_size=64", "--num_classes=3"]
    flags += ["--w_bits=32", "--a_bits=32", "--nonlinearity=relu", "--config_path", str(BASE)]
    result = main(["--torch_path", str(path), "--ckpt_path", str(tmp_path / "net.ckpt"), *flags])
    metadata, values = read_checkpoint(tmp_path / "net.ckpt")
    assert metadata["network"] == "ssd_vgg16_plain" and result["unused"] == ["classifier.6.weight", "classifier.6.bias"]
    assert len(values) == result["tensors"] == 15 * 5 and all(name.startswith("backbone.") for name in values)


def test_vgg16_for_another_network_is_refused(tmp_path):
    state, _ = state_of(False, fc=64, divide=64)
    path = save(tmp_path / "vgg.pth", state)
    flags = ("--torch_path", path, "--ckpt_path", tmp_path / "net.ckpt", "--config_path", BASE)
    line = refusal_of(call("scripts/convert_torch_checkpoint.py", *flags, cwd=tmp_path))
    assert "is VGG16, which is the float backbone of ssd_vgg16_plain" in line
