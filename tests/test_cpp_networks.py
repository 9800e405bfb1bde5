# SPDX-License-Identifier: Apache-2.0
"""Every network with random parameters, exported: in C++ layer by layer and as a whole, and in ONNX Runtime."""

from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest

from adabin.deploy import to_deploy
from adabin.export import write
from adabin.layers import AdaBinConv2d
from adabin.models import build_model
from adabin.utils.config import read_config
from tests import cpp
from tests.golden.make_golden import randomize, record_layers

SIZES = {"resnet18_cifar": 32, "vgg_small": 32, "resnet18": 64, "resnet34": 64}
IMAGES = 2


# As long as all others together, of the blocks of resnet18.
NETWORKS = [*list(SIZES)[:3], pytest.param("resnet34", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=NETWORKS)
def exported(request, tmp_path_factory):
    """A network's files, input, output, and what its binary layers saw."""
    folder, size = tmp_path_factory.mktemp(request.param), SIZES[request.param]
    ms.set_context(mode=ms.GRAPH_MODE)
    form = ("paper", "released")[list(SIZES).index(request.param) % 2]
    network = build(request.param, size, binary_form=form)
    shape = (IMAGES, 3, size, size)
    x = np.random.default_rng(6).normal(size=shape).astype(np.float32)
    layers = balance(network, x)
    deployed = to_deploy(network)
    write_both(deployed, folder, shape)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    expected = deployed(ms.Tensor(x)).asnumpy()
    records = record_layers(deployed, x)
    ms.set_context(mode=ms.GRAPH_MODE)
    assert len(records) == layers and np.isfinite(expected).all()
    assert all(0.4 < bits.mean() < 0.6 for _, bits, _ in records)
    packed = folder / "net.adabin"
    cpp.run("adabin_pack", "--model", folder / "net.mindir", "--output", packed)
    return SimpleNamespace(folder=folder, packed=packed, x=x, expected=expected, records=records)


def build(name, size, **changes):
    """A network with random parameters."""
    network = build_model(read_config(None, {"network": name, "image_size": size, **changes}))
    randomize(network, np.random.default_rng(5))
    for parameter in network.trainable_params():
        if parameter.ndim == 4 and parameter.name.endswith("weight"):  # keep the maps' size from layer to layer
            value = parameter.asnumpy()
            value = (value - value.mean()) / value.std() * value[0].size ** -0.5
            parameter.set_data(ms.Tensor(value.astype(np.float32)))
    return network


def balance(network, x):
    """Set each layer's threshold near the median of its input, in the widest gap there.

    About half of the bits are 1 then, and other roundings in the layers before flip none of them. Inputs on the
    threshold are the subject of test_cpp_thresholds.py and of the golden cases.
    """

    def to_median(cell, inputs):
        values = np.sort(inputs[0].asnumpy(), axis=None)
        middle = values[int(0.45 * values.size) : int(0.55 * values.size)]
        place = np.diff(middle).argmax()
        cell.binary_a.beta_a.set_data(ms.Tensor((middle[place] + middle[place + 1]) / 2))

    layers = [cell for _, cell in network.cells_and_names() if isinstance(cell, AdaBinConv2d)]
    handles = [cell.register_forward_pre_hook(to_median) for cell in layers]
    ms.set_context(mode=ms.PYNATIVE_MODE)
    network.set_train(False)(ms.Tensor(x))
    ms.set_context(mode=ms.GRAPH_MODE)
    for handle in handles:
        handle.remove()
    return len(layers)


def write_both(deployed, folder, shape):
    """MindIR and ONNX file of a network."""
    for suffix, file_format in ((".mindir", "MINDIR"), (".onnx", "ONNX")):
        write(deployed, folder / f"net{suffix}", file_format, shape)


def run_onnx(path, x):
    """Outputs of ONNX Runtime."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (name,) = (tensor.name for tensor in session.get_inputs())
    return session.run(None, {name: x})[0]


def check_logits(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def test_every_binary_layer_is_packed_and_gives_equal_bits_and_outputs(exported, tmp_path):
    cpp.check_layers(exported.packed, exported.records, tmp_path)


def test_bits_and_outputs_that_differ_are_counted(exported, tmp_path):
    x, bits, y = exported.records[0]
    wrong_bits, wrong_y = bits.copy(), y.copy()
    wrong_bits[0, 0, 0, :3] ^= True
    wrong_y[0, 0, 0, 0] += 0.01 * np.abs(y).max()
    ((count, difference),) = cpp.layer_differences(exported.packed, [(x, wrong_bits, wrong_y)], tmp_path)
    assert count == 3 and difference == pytest.approx(0.01, rel=0.02)
    for record in ((x, wrong_bits, y), (x, bits, wrong_y)):
        with pytest.raises(AssertionError, match="layer 0: "):
            cpp.check_layers(exported.packed, [record], tmp_path)


def test_the_whole_network_runs_in_cpp_from_either_file(exported, tmp_path):
    for file in (exported.folder / "net.mindir", exported.packed):
        logits, result = cpp.infer(file, exported.x, tmp_path / file.suffix)
        assert result["binary_layers"] == result["binary_layers_packed"] == len(exported.records)
        check_logits(logits, exported.expected)


def test_onnx_runtime_gives_the_deploy_forms_outputs(exported):
    check_logits(run_onnx(exported.folder / "net.onnx", exported.x), exported.expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_float_version_gives_the_same_in_cpp_and_onnx_runtime(name, tmp_path):
    size = SIZES[name] + 11  # windows over the borders of odd maps
    network = build(name, size, w_bits=32, a_bits=32)
    x = np.random.default_rng(7).normal(size=(IMAGES, 3, size, size)).astype(np.float32)
    deployed = to_deploy(network)
    write_both(deployed, tmp_path, x.shape)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    expected = deployed(ms.Tensor(x)).asnumpy()
    ms.set_context(mode=ms.GRAPH_MODE)
    logits, result = cpp.infer(tmp_path / "net.mindir", x, tmp_path)
    assert result["binary_layers"] == 0
    check_logits(logits, expected)
    check_logits(run_onnx(tmp_path / "net.onnx", x), expected)
