# SPDX-License-Identifier: Apache-2.0
"""SSD in the C++ program: both outputs from either file, binary layers packed and held to MindSpore one by one."""

from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest

from adabin.deploy import to_deploy
from adabin.detection.priors import ssd_priors
from adabin.export import write
from tests import cpp
from tests.golden.make_golden import record_layers
from tests.test_cpp_networks import balance, build, check_logits

NARROW = {"width": 0.125, "num_classes": 3}
# Odd maps: 55, 28, 14, 7, 4, 2; and the size of the paper, whose maps are 38, 19, 10, 5, 3, 1.
CASES = [("ssd_vgg16", 110), ("ssd_vgg16_plain", 64), pytest.param(("ssd_vgg16", 300), marks=pytest.mark.slow)]
BINARY = {"ssd_vgg16": 17, "ssd_vgg16_plain": 13}


def exported_to(folder, name, size, **changes):
    """The network's MindIR and packed file, an input, both outputs, and what its binary layers saw."""
    ms.set_context(mode=ms.GRAPH_MODE)
    network = build(name, size, **NARROW, **changes)
    rng = np.random.default_rng(8)
    network.norm.scale.set_data(ms.Tensor(rng.normal(5, 2, network.norm.scale.shape).astype(np.float32)))
    x = rng.normal(size=(2, 3, size, size)).astype(np.float32)
    if "a_bits" not in changes:  # the float version has no thresholds
        balance(network, x)
    deployed = to_deploy(network)
    write(deployed, folder / "net.mindir", "MINDIR", x.shape)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    expected = [output.asnumpy() for output in deployed(ms.Tensor(x))]
    ms.set_context(mode=ms.GRAPH_MODE)
    packed = folder / "net.adabin"
    cpp.run("adabin_pack", "--model", folder / "net.mindir", "--output", packed)
    return SimpleNamespace(folder=folder, packed=packed, x=x, expected=expected, deployed=deployed, size=size)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def exported(request, tmp_path_factory):
    name, size = request.param
    found = exported_to(tmp_path_factory.mktemp(name), name, size)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    found.records = record_layers(found.deployed, found.x)
    ms.set_context(mode=ms.GRAPH_MODE)
    assert len(found.records) >= BINARY[name]
    return found


def test_every_binary_layer_is_packed_and_gives_equal_bits_and_outputs(exported, tmp_path):
    cpp.check_layers(exported.packed, exported.records, tmp_path)


def test_both_outputs_come_from_either_file(exported, tmp_path):
    assert [output.shape for output in exported.expected] == [(2, len(ssd_priors(exported.size)), 4)] * 2
    for file in (exported.folder / "net.mindir", exported.packed):
        found, result = cpp.outputs(file, exported.x, tmp_path / file.suffix)
        assert result["binary_layers"] == result["binary_layers_packed"] == len(exported.records)
        for own, theirs in zip(found, exported.expected, strict=True):
            check_logits(own, theirs.reshape(2, -1))


def test_the_float_version_gives_the_same(tmp_path):
    network = exported_to(tmp_path, "ssd_vgg16", 75, w_bits=32, a_bits=32)
    found, result = cpp.outputs(network.packed, network.x, tmp_path)
    assert result["binary_layers"] == 0
    for own, theirs in zip(found, network.expected, strict=True):
        check_logits(own, theirs.reshape(2, -1))
