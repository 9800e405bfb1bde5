# SPDX-License-Identifier: Apache-2.0
"""The float teachers: torchvision's tensors, counts and structure."""

import mindspore as ms
import numpy as np
import pytest

from adabin.models import build_model
from adabin.utils.checkpoint import assign, network_parameters, read_checkpoint
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from scripts.convert_torch_checkpoint import to_mindspore
from tests.programs import ROOT, call, result_of
from tests.test_convert_torch import save
from tests.torchvision_layout import LAYOUTS, standard

FLOAT = {"w_bits": 32, "a_bits": 32, "nonlinearity": "relu"}


def build(name, **changes):
    return build_model(read_config(None, {"network": name, **FLOAT, **changes}))


def random_state(name, classes):
    rng = np.random.default_rng(1)
    shapes = standard(LAYOUTS[name][0], classes)
    state = {key: np.asarray(rng.normal(size=shape), np.float32) for key, shape in shapes.items()}
    return {key: np.abs(value) + 0.5 if key.endswith("running_var") else value for key, value in state.items()}


@pytest.mark.parametrize("name", LAYOUTS)
def test_torchvisions_tensors_all_find_their_place(name):
    _, entries, parameters = LAYOUTS[name]
    state = random_state(name, 1000)
    assert len(state) == entries
    network = build(name, num_classes=1000)
    assert sum(p.size for p in network.trainable_params()) == parameters
    converted = to_mindspore(state)
    assert {key: value.shape for key, value in converted.items()} == {
        key: tuple(p.shape) for key, p in network_parameters(network).items()
    }
    assign(network_parameters(network), converted, "the state dict")


def test_the_small_networks_count_as_in_their_paper():
    trained = {name: sum(p.size for p in build(name).trainable_params()) for name in ("standard_resnet20",)}
    assert trained == {"standard_resnet20": 269_722}


def test_a_block_adds_its_shortcut_after_two_convolutions():
    """The network of He et al. written out in NumPy, on one block and its neighbors."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        network = build("standard_resnet18", num_classes=4)
        block = network.layer2[0].set_train(False)
        x = ms.Tensor(np.random.default_rng(0).normal(size=(2, 64, 6, 6)).astype(np.float32))
        main = block.bn2(block.conv2(ms.ops.relu(block.bn1(block.conv1(x))))).asnumpy()
        weight = block.downsample[0].weight.asnumpy()[:, :, 0, 0]
        shortcut = np.einsum("oc,nchw->nohw", weight, x.asnumpy()[:, :, ::2, ::2]) / np.sqrt(1 + 1e-5)
        expected = np.maximum(main + shortcut, 0)
        np.testing.assert_allclose(block(x).asnumpy(), expected, rtol=1e-4, atol=1e-4)
    finally:
        ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.parametrize("change", [{"w_bits": 1}, {"a_bits": 1}, {"nonlinearity": "maxout"}])
def test_a_binary_version_is_refused(change):
    with pytest.raises(
        UserError,
        match="standard_resnet8 is a float network with ReLU; give w_bits: 32, a_bits: 32",
    ):
        build("standard_resnet8", **change)


def test_torchvisions_checkpoint_becomes_a_teacher(tmp_path):
    """A state dict without a wrapper, as torchvision publishes it, through the program."""
    state = random_state("standard_resnet18", 5)
    path = save(tmp_path / "resnet18.pth", state)
    ended = call(
        "scripts/convert_torch_checkpoint.py", "--torch_path", path, "--num_classes=5",
        "--config_path", ROOT / "config" / "teacher_resnet34_imagenet.yaml", "--network=standard_resnet18",
        "--ckpt_path", tmp_path / "net.ckpt", cwd=tmp_path,
    )  # fmt: skip
    result = result_of(ended)
    metadata, tensors = read_checkpoint(tmp_path / "net.ckpt")
    counters = sum(key.endswith("num_batches_tracked") for key in state)
    assert result["tensors"] == len(tensors) == len(state) - counters and result["binary_form"] == "paper"
    assert (metadata["network"], metadata["w_bits"]) == ("standard_resnet18", 32)
    assert tensors["layer3.1.bn2.moving_variance"].tobytes() == state["layer3.1.bn2.running_var"].tobytes()
    assert tensors["layer4.0.downsample.0.weight"].tobytes() == state["layer4.0.downsample.0.weight"].tobytes()
