# SPDX-License-Identifier: Apache-2.0
"""Export: the file computes what the network computes, from constants and standard operators."""

import shutil

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

import adabin.export
import export
from adabin import opening
from adabin.binarize import ActivationBinarizer, Binarization
from adabin.cpu import accelerate
from adabin.cpu.form import CpuForm
from adabin.deploy import to_deploy
from adabin.export import write
from adabin.export.file import compare
from adabin.inference import CellModel, evaluate, load_mindir, outputs_of
from adabin.layers import AdaBinConv2d
from adabin.layers.binary_conv import DeployConv2d
from adabin.models import build_model
from adabin.opening import choose_checkpoint
from adabin.tasks.classification import Classification
from adabin.utils.config import read_config
from adabin.utils.errors import RunError, UserError
from tests.cpu_library import needs_kernels
from tests.exported import exported_by_program, operator, read_mindir
from tests.modes import in_modes

SIZE = 16
# Convolution and BatchNorm, the binary layers, Maxout, the shortcut between stages, the classifier; bookkeeping.
KNOWN_OPERATORS = {
    "Conv2D", "BatchNorm", "GreaterEqual", "Select", "Mul", "Add", "AvgPool", "Pad",
    "ReduceMean", "Reshape", "MatMul", "BiasAdd", "Dense",
    "Load", "Depend", "UpdateState", "MakeTuple", "TupleGetItem", "Return",
}  # fmt: skip


def random_network(form, size=SIZE):
    """(config, network in inference mode): random statistics, alphas of both signs, a filter without variance."""
    config = read_config(None, {"network": "resnet8", "binary_form": form, "image_size": size})
    network = build_model(config).set_train(False)
    rng = np.random.default_rng(4)
    for name, parameter in network.parameters_dict().items():
        kind, value = name.rpartition(".")[2], rng.normal(0, 0.5, parameter.shape)
        if kind in ("moving_variance", "gamma"):
            value = rng.uniform(0.5, 1.5, parameter.shape)
        if kind == "alpha_a":
            value = rng.choice([-1, 1]) * rng.uniform(0.3, 1)
        if name == "layer1.0.conv1.weight":
            value[2] = 0.125
        parameter.set_data(ms.Tensor(np.asarray(value, np.float32)))
    alphas = [float(p.asnumpy()) for name, p in network.parameters_dict().items() if name.endswith("alpha_a")]
    assert min(alphas) < 0 < max(alphas)
    return config, network


def images_of(count, size=SIZE):
    return np.random.default_rng(5).normal(size=(count, 3, size, size)).astype(np.float32)


def logits_of(network, images, batch_size):
    (logits,) = outputs_of(CellModel(network, batch_size), images, batch_size)
    return logits


@pytest.fixture(scope="module", params=["paper", "released"])
def exported(request, tmp_path_factory):
    """(path of a MindIR, of an ONNX file, logits of the training form, images, batch size 7)."""
    folder = tmp_path_factory.mktemp("exported")
    _, network = random_network(request.param)
    images = images_of(17)
    expected = logits_of(network, images, 7)
    deployed = to_deploy(network)
    for suffix, file_format in ((".mindir", "MINDIR"), (".onnx", "ONNX")):
        write(deployed, folder / f"net{suffix}", file_format, (7, 3, SIZE, SIZE))
    return folder / "net.mindir", folder / "net.onnx", expected, images


def test_a_mindir_gives_the_training_forms_logits_bit_by_bit(exported):
    path, _, expected, images = exported
    np.testing.assert_array_equal(outputs_of(load_mindir(path, 7), images, 7)[0], expected)
    result = compare(load_mindir(path, 7), (expected,), images, 7, 0.0, Classification, "the file")
    assert result == {"compared_images": 17, "largest_difference": 0.0, "equal_decisions": 1.0}


def test_a_mindir_takes_any_number_of_images_in_pieces_of_its_batch_size(exported):
    path, _, expected, images = exported
    model, labels = load_mindir(path), np.arange(17) % 10
    for count in (17, 7, 1):
        np.testing.assert_array_equal(model(images[:count])[0], expected[:count])
    batches = [(images[part], labels[part]) for part in (slice(0, 14), slice(14, 17))]
    metric, whole = evaluate(model, batches, Classification.metric()), Classification.metric()
    whole.update((expected,), labels)
    assert metric.result([metric.state()]) == pytest.approx(whole.result([whole.state()]))


def test_an_onnx_file_gives_the_training_forms_logits(exported):
    onnxruntime = pytest.importorskip("onnxruntime")
    _, path, expected, images = exported
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (name,) = (tensor.name for tensor in session.get_inputs())
    padded = np.concatenate([images, images[:4]])
    found = np.concatenate([session.run(None, {name: padded[k : k + 7]})[0] for k in (0, 7, 14)])[:17]
    # Other roundings may flip a bit at a threshold here and there, which moves an image's logits a little.
    difference, scale = np.abs(found - expected).max(axis=1), np.abs(expected).max()
    assert np.median(difference) < 1e-5 * scale and difference.max() < 0.05 * scale
    assert np.mean(found.argmax(axis=1) == expected.argmax(axis=1)) >= 16 / 17


def test_the_graph_holds_standard_operators_and_no_weight_statistics(exported):
    graph = read_mindir(exported[0])
    kinds = [operator(node) for node in graph.node if node.op_type != "Constant"]
    assert set(kinds) <= KNOWN_OPERATORS, set(kinds) - KNOWN_OPERATORS
    assert kinds.count("Conv2D") == 7 and kinds.count("ReduceMean") == 1  # the mean over space before the classifier
    # Thresholds of 6 binary activations and the zeros of 7 Maxouts: nothing else is compared or chosen.
    assert kinds.count("GreaterEqual") == kinds.count("Select") == 13


def test_binary_weights_are_constants_of_two_values_per_output_channel(exported):
    weights = {
        value.name: np.frombuffer(value.raw_data, np.float32).reshape(value.dims)
        for value in read_mindir(exported[0]).parameter
        if len(value.dims) == 4 and value.name.endswith("weight")
    }
    binary = {name: value for name, value in weights.items() if ".conv" in name}
    assert len(binary) == 6 and len(weights) == 7
    for name, value in binary.items():
        counts = [len(np.unique(channel)) for channel in value]
        assert set(counts[:2] + counts[3:]) == {2}, name
        assert counts[2] == (1 if "layer1.0.conv1" in name else 2), name  # the filter without variance
    (real,) = weights.keys() - binary.keys()
    assert len(np.unique(weights[real])) > 100


@pytest.mark.parametrize("form", ["paper", "released"])
@pytest.mark.parametrize(("mode", "alpha"), in_modes([0.7, -0.7, 1e-3, -0.3, 0.0, 2.5], [-0.7]), indirect=["mode"])
@pytest.mark.parametrize("beta", [0.0, 0.3, -1.1])
def test_deploy_form_equals_training_form_at_and_around_the_threshold(mode, form, alpha, beta):
    layer = AdaBinConv2d(1, 1, 1, settings=Binarization(w_bits=32, form=form))
    layer.weight.set_data(ms.Tensor(np.ones((1, 1, 1, 1), np.float32)))
    layer.binary_a.alpha_a.set_data(ms.Tensor(alpha, ms.float32))
    layer.binary_a.beta_a.set_data(ms.Tensor(beta, ms.float32))
    beta = np.float32(beta)
    below, above = np.nextafter(beta, np.float32(-9)), np.nextafter(beta, np.float32(9))
    if beta == 0:  # MindSpore's CPU threads take denormals for 0
        above = np.finfo(np.float32).tiny
        below = -above
    x = ms.Tensor(np.array([below, beta, above, -0.0, 0.0, -5, 5], np.float32).reshape(1, 1, 1, -1))
    trained = layer(x).asnumpy()
    np.testing.assert_array_equal(DeployConv2d(layer)(x).asnumpy(), trained)
    alpha = np.float32(alpha)
    s = np.where(x.asnumpy() >= beta if alpha >= 0 else x.asnumpy() <= beta, np.float32(1), np.float32(-1))
    expected = alpha * (s + beta) if form == "released" else alpha * s + beta
    np.testing.assert_array_equal(trained, expected)


@pytest.mark.parametrize("file_format, size", [("MINDIR", 7), ("ONNX", 1)])
def test_the_program_proves_what_it_wrote_on_the_test_images(tiny_run, tmp_path, file_format, size):
    result = exported_by_program(tiny_run, tmp_path, f"--file_format={file_format}", f"--batch_size={size}")
    path = tmp_path / f"net.{file_format.lower()}"
    assert result["file"] == str(path) and result["bytes"] == path.stat().st_size
    assert (result["compared_images"], result["largest_difference"], result["equal_decisions"]) == (40, 0.0, 1.0)
    assert result["binary_layers"] == 6 and result["batch_size"] == size
    assert set(tmp_path.iterdir()) == {path, tmp_path / "net.yaml"}


def test_without_images_nothing_is_compared_and_no_data_needed(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "build_dataset", None)
    result = exported_by_program(tiny_run, tmp_path, "--check_images=0")
    assert "largest_difference" not in result and (tmp_path / "net.mindir").stat().st_size == result["bytes"]
    assert result["batch_size"] == 1  # where none is given


class Wrong:
    """What a faulty export would be: the right network with one logit moved."""

    def __init__(self, model):
        self.model = model

    def __call__(self, images):
        (logits,) = self.model(images)
        return (logits + np.eye(1, 10, dtype=np.float32) * 0.25,)


def test_a_file_that_differs_is_not_kept_and_replaces_nothing(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(adabin.export, "load_mindir", lambda path, size: Wrong(load_mindir(path, size)))
    (tmp_path / "net.mindir").write_text("the one before")
    with pytest.raises(RunError, match=r"net\.mindir differs from the training form by 0\.25 .*--tolerance"):
        exported_by_program(tiny_run, tmp_path, "--force")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the one before"]
    result = exported_by_program(tiny_run, tmp_path, "--force", "--tolerance=1e3")
    assert result["largest_difference"] == pytest.approx(0.25, abs=1e-5)


@pytest.mark.parametrize("file_format", ["MINDIR", "ONNX"])
def test_a_wrong_constant_in_the_deploy_form_is_found_in_every_format(tiny_run, tmp_path, monkeypatch, file_format):
    def spoiled(network):
        deployed = to_deploy(network)
        layer = next(cell for _, cell in deployed.cells_and_names() if isinstance(cell, DeployConv2d))
        layer.upper = ms.Tensor(layer.upper.asnumpy() + np.float32(1))
        return deployed

    monkeypatch.setattr(adabin.export, "to_deploy", spoiled)
    with pytest.raises(RunError, match="differs from the training form"):
        exported_by_program(tiny_run, tmp_path, f"--file_format={file_format}")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_mindir_is_refused(exported, tmp_path):
    whole = exported[0].read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2]):
        (tmp_path / "bad.mindir").write_bytes(content)
        with pytest.raises(UserError, match="bad.mindir: is not a MindIR"):
            load_mindir(tmp_path / "bad.mindir")


def test_the_newest_runs_best_checkpoint_is_taken_when_none_is_given(tiny_run, tmp_path, monkeypatch, capsys):
    for name in ("20260101-000000", "20260102-000000"):
        shutil.copytree(tiny_run, tmp_path / "outputs" / "resnet8_shapes" / name)
    monkeypatch.chdir(tmp_path)
    export.main(["--check_images=0"])
    score = max(float(line.split(",")[7]) for line in (tiny_run / "metrics.csv").read_text().splitlines()[1:])
    taken = f"taking outputs/resnet8_shapes/20260102-000000/best.ckpt, the newest run (top1 {score:.4f})"
    assert taken in capsys.readouterr().err
    assert (tmp_path / "outputs/resnet8_shapes/20260102-000000/resnet8_shapes.mindir").is_file()


def test_a_better_run_than_the_newest_is_named(tiny_run, tmp_path, monkeypatch, capsys):
    for name in ("20260101-000000", "20260102-000000", "20260103-000000"):
        shutil.copytree(tiny_run, tmp_path / "outputs" / "resnet8_shapes" / name)
    runs = tmp_path / "outputs" / "resnet8_shapes"
    head, *rows = (runs / "20260101-000000" / "metrics.csv").read_text().splitlines()
    better = rows[-1].split(",")
    better[7] = "0.9876"
    (runs / "20260101-000000" / "metrics.csv").write_text("\n".join([head, *rows[:-1], ",".join(better)]) + "\n")
    (runs / "20260102-000000" / "metrics.csv").write_text("damaged")
    monkeypatch.chdir(tmp_path)
    choose_checkpoint(None, {})
    said = capsys.readouterr().err
    assert "the best on shapes is outputs/resnet8_shapes/20260101-000000/best.ckpt with 0.9876)" in said


class Doubled(AdaBinConv2d):
    """Computes something else than the layer it is derived from."""

    def construct(self, x, fork=False):
        return 2 * super().construct(x)


class SameAsEver(AdaBinConv2d):
    """Says that it computes the same."""

    deploy_form = AdaBinConv2d.deploy_form


class WithBinarizer(nn.Cell):
    """Uses a binarizer itself."""

    def __init__(self):
        super().__init__()
        self.binary = ActivationBinarizer(Binarization())
        self.one = ms.Tensor(1.0, ms.float32)

    def construct(self, x):
        return self.binary(x, self.one, self.one)


@pytest.mark.parametrize(
    "layer, message",
    [
        (lambda: Doubled(3, 3, 1), "1.0: Doubled is derived from AdaBinConv2d and says no deploy form of its own"),
        (WithBinarizer, "1.0.binary: ActivationBinarizer is a training form"),
    ],
)
def test_what_would_be_exported_in_training_form_is_refused_by_name(layer, message):
    with pytest.raises(ValueError, match=message):
        to_deploy(nn.SequentialCell(nn.ReLU(), nn.SequentialCell(layer())))


class InPython(nn.Cell):
    """Keeps its layers where no Cell keeps them."""

    def __init__(self, kept):
        super().__init__()
        self.first = AdaBinConv2d(3, 3, 1)
        self.kept = kept(self.first)

    def construct(self, x):
        return self.first(x)


@pytest.mark.parametrize(
    "kept, name",
    [
        (lambda first: [nn.ReLU(), AdaBinConv2d(3, 3, 1)], r"1\.kept\[0\]: ReLU"),
        (lambda first: ((first,),), r"1\.kept\[0\]\[0\]: AdaBinConv2d"),  # as an attribute it has become another
        (lambda first: {"a": AdaBinConv2d(3, 3, 1)}, r"1\.kept\['a'\]: AdaBinConv2d"),
    ],
    ids=["list", "tuple", "dict"],
)
def test_layers_in_a_list_of_python_are_refused_by_name(kept, name):
    with pytest.raises(ValueError, match=f"{name} stands in a list, tuple or dict of Python.*nn.CellList"):
        to_deploy(nn.SequentialCell(nn.ReLU(), InPython(kept)))


def test_layers_in_a_cell_list_are_exported():
    network = nn.CellList([AdaBinConv2d(3, 3, 1)])
    deployed = to_deploy(network)
    assert [type(cell) for _, cell in deployed.cells_and_names()][2:] == [DeployConv2d]


def test_a_derived_layer_may_say_that_it_computes_the_same():
    network = nn.SequentialCell(SameAsEver(3, 4, 1))
    x = ms.Tensor(images_of(2))
    expected = network(x).asnumpy()
    np.testing.assert_array_equal(to_deploy(network)(x).asnumpy(), expected)


@needs_kernels
@pytest.mark.parametrize("network", ["resnet8", "vgg_small"])
def test_an_accelerated_network_exports_what_the_plain_one_exports(network, tmp_path):
    constants = []
    for name in ("plain", "fast"):
        ms.set_seed(5)
        made = build_model(read_config(None, {"network": network, "image_size": SIZE}))
        if name == "fast":
            made = accelerate(made)
            assert any(isinstance(cell, CpuForm) for _, cell in made.cells_and_names())
        write(to_deploy(made), tmp_path / f"{name}.mindir", "MINDIR", (2, 3, SIZE, SIZE))
        graph = read_mindir(tmp_path / f"{name}.mindir")
        kinds = [operator(node) for node in graph.node]
        constants.append((kinds, [(value.name.split(":")[-1], value.raw_data) for value in graph.parameter]))
    assert constants[0] == constants[1]
