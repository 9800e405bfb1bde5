# SPDX-License-Identifier: Apache-2.0
"""Every network with random parameters, exported: in C++ layer by layer and as a whole, and in ONNX Runtime."""

from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest

from src.deploy import to_deploy
from src.export import write
from src.layers import AdaBinConv2d
from src.models import build_model
from src.utils.config import read_config
from tests import cpp
from tests.golden.make_golden import inputs_of, randomize, record_layers

SIZES = {"resnet18_cifar": 32, "vgg_small": 32, "resnet18": 64, "resnet34": 64}
IMAGES = 2


@pytest.fixture(scope="module", params=SIZES)
def exported(request, tmp_path_factory):
    """A network's files, input, output, and what its binary layers saw."""
    folder, size = tmp_path_factory.mktemp(request.param), SIZES[request.param]
    ms.set_context(mode=ms.GRAPH_MODE)
    form = ("paper", "released")[list(SIZES).index(request.param) % 2]
    network = build_model(read_config(None, {"network": request.param, "image_size": size, "binary_form": form}))
    rng = np.random.default_rng(5)
    randomize(network, rng)
    layers = sum(isinstance(cell, AdaBinConv2d) for _, cell in network.cells_and_names())
    shape = (IMAGES, 3, size, size)
    x = inputs_of(network, shape, rng)
    deployed = to_deploy(network)
    for suffix, file_format in ((".mindir", "MINDIR"), (".onnx", "ONNX")):
        write(deployed, folder / f"net{suffix}", file_format, shape)
    expected = deployed(ms.Tensor(x)).asnumpy()
    ms.set_context(mode=ms.PYNATIVE_MODE)
    records = record_layers(deployed, x)
    ms.set_context(mode=ms.GRAPH_MODE)
    assert len(records) == layers and np.isfinite(expected).all()
    packed = folder / "net.adabin"
    cpp.run("adabin_pack", "--model", folder / "net.mindir", "--output", packed)
    return SimpleNamespace(folder=folder, packed=packed, x=x, expected=expected, records=records)


def check_logits(found, expected):
    """Other roundings may flip a bit at a threshold here and there, which moves an image's logits a little."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 0.02 * np.abs(expected).max()


def test_every_binary_layer_is_packed_and_gives_equal_bits_and_outputs(exported, tmp_path):
    cpp.check_layers(exported.packed, exported.records, tmp_path)


def test_the_whole_network_runs_in_cpp_from_either_file(exported, tmp_path):
    for file in (exported.folder / "net.mindir", exported.packed):
        logits, result = cpp.infer(file, exported.x, tmp_path / file.suffix)
        assert result["binary_layers"] == result["binary_layers_packed"] == len(exported.records)
        check_logits(logits, exported.expected)


def test_onnx_runtime_gives_the_deploy_forms_outputs(exported):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(exported.folder / "net.onnx"), providers=["CPUExecutionProvider"])
    (name,) = (tensor.name for tensor in session.get_inputs())
    (logits,) = session.run(None, {name: exported.x})
    check_logits(logits, exported.expected)
