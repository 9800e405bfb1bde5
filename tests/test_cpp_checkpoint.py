# SPDX-License-Identifier: Apache-2.0
"""The authors' checkpoint in C++: every binary layer on MindSpore's own input, and the whole network on all images."""

import mindspore as ms
import numpy as np
import pytest

from adabin.deploy import to_deploy
from adabin.export import write
from adabin.inference import CellModel, outputs_of
from adabin.models import build_model
from adabin.utils.checkpoint import assign, network_parameters
from adabin.utils.config import read_config
from adabin.utils.torch_checkpoint import read_torch_checkpoint
from scripts.convert_torch_checkpoint import state_dict_of, to_mindspore
from tests import cpp
from tests.golden.make_golden import record_layers

BINARY_LAYERS = 18
PACKED_BYTES_ALLOWED = 58_000


@pytest.fixture(scope="module")
def config(cifar10_dir):
    return read_config("config/resnet20_cifar10.yaml", {"binary_form": "released", "data_path": str(cifar10_dir)})


def deployed_network(config, test_data):
    """The converted network in deploy form."""
    path = test_data / "adabin_reference" / "resnet20_w1a1_cifar10.th"
    network = build_model(config)
    assign(network_parameters(network), to_mindspore(state_dict_of(read_torch_checkpoint(path), path)), path)
    return to_deploy(network)


@pytest.fixture(scope="module")
def model(config, test_data, tmp_path_factory):
    """MindIR file of the converted network."""
    ms.set_context(mode=ms.GRAPH_MODE)
    path = tmp_path_factory.mktemp("model") / "resnet20.mindir"
    write(deployed_network(config, test_data), path, "MINDIR", (1, 3, 32, 32))
    return path


@pytest.fixture(scope="module")
def images(config):
    """All test images, normalized, and their labels."""
    from adabin.data import build_dataset
    from adabin.data.image_dataset import EpochBatches

    batches = list(EpochBatches(build_dataset(config, "test"), 0))
    return np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches])


@pytest.mark.parametrize("kernel", ["portable", "reference"])
def test_every_binary_layer_gives_equal_bits_and_outputs(config, test_data, model, images, tmp_path, kernel):
    ms.set_context(mode=ms.PYNATIVE_MODE)
    count = 40 if kernel == "portable" else 4
    records = record_layers(deployed_network(config, test_data), images[0][:count])
    ms.set_context(mode=ms.GRAPH_MODE)
    assert len(records) == BINARY_LAYERS
    cpp.check_layers(model, records, tmp_path, kernel)


@pytest.mark.parametrize("count, drift", [(1000, 0.002), pytest.param(10_000, 0.001, marks=pytest.mark.slow)])
def test_the_whole_network_agrees_with_mindspore(config, test_data, model, images, tmp_path, count, drift):
    ms.set_context(mode=ms.GRAPH_MODE)
    x, labels = (part[:count] for part in images)
    (expected,) = outputs_of(CellModel(deployed_network(config, test_data), 250), x, 250)
    logits, result = cpp.infer(model, x, tmp_path, "--threads", 2)
    assert result["binary_layers"] == result["binary_layers_packed"] == BINARY_LAYERS
    decisions, expected_decisions = logits.argmax(1), expected.argmax(1)
    assert len(decisions) == count
    assert np.mean(decisions == expected_decisions) >= 0.996
    assert abs(np.mean(decisions == labels) - np.mean(expected_decisions == labels)) <= drift


def test_packed_file_and_threads_give_bit_identical_outputs(model, images, tmp_path):
    packed = tmp_path / "resnet20.adabin"
    assert cpp.run("adabin_pack", "--model", model, "--output", packed)["packed_bytes"] == packed.stat().st_size
    assert packed.stat().st_size <= PACKED_BYTES_ALLOWED
    x = images[0][:200]
    expected, _ = cpp.infer(model, x, tmp_path / "mindir", "--threads", 1)
    for file in (model, packed):
        for threads in (1, 2, 3, 8):
            found, _ = cpp.infer(file, x, tmp_path / f"{file.suffix}{threads}", "--threads", threads)
            np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))
