# SPDX-License-Identifier: Apache-2.0
"""SSD on the binary VGG16, and the backbone as a classifier: counts, shapes, gradients, names, export."""

from fnmatch import fnmatchcase

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from adabin.cpu import accelerate
from adabin.deploy import to_deploy, to_plain
from adabin.detection.priors import ssd_priors
from adabin.export.file import write
from adabin.inference import CellModel, load_mindir
from adabin.layers import AdaBinConv2d
from adabin.models import build_model
from adabin.models.vgg16 import scaled
from adabin.summary import full_precision_layers, summarize, totals
from adabin.training.pretrained import load_pretrained
from adabin.training.step import TrainStep, build_optimizer
from adabin.utils.checkpoint import describe, network_parameters, save_checkpoint
from adabin.utils.config import read_config
from adabin.utils.device import init_device
from adabin.utils.errors import UserError

DETECTORS = ("ssd_vgg16", "ssd_vgg16_plain")
CLASSIFIERS = ("vgg16", "vgg16_plain")
NARROW = {"width": 0.125, "num_classes": 3}
# Picture, classes, binary convolutions; parameters, binary weights, BOPs, FLOPs. BiDet's graph has 27.34 M binary
# weights, 40.5 G BOPs and, with locations of 8 numbers instead of 4, 2.63 G FLOPs.
COUNTS = {
    "ssd_vgg16": (300, 20, 25, 32_208_608, 27_340_800, 40_489_025_536, 2_431_103_488),
    "ssd_vgg16_plain": (300, 20, 21, 26_310_104, 21_884_928, 29_594_976_256, 1_778_561_536),
    "vgg16": (224, 1000, 17, 27_426_250, 24_883_200, 22_196_256_768, 652_910_592),
    "vgg16_plain": (224, 1000, 13, 21_527_746, 19_427_328, 16_184_770_560, 293_249_024),
}


def config_of(network, **changes):
    size = 64 if network.startswith("ssd") else 32
    return read_config(None, {"network": network, "image_size": size, **NARROW, **changes})


def build(network, **changes):
    return build_model(config_of(network, **changes))


def pictures(count, size, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3, size, size)).astype(np.float32)


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_and_operations_are_bidets_and_pinned(name):
    size, classes, convolutions, *expected = COUNTS[name]
    sized = {"image_size": size} if name.startswith("ssd") else {}
    network = build(name, width=1.0, num_classes=classes, **sized)
    assert sum(isinstance(cell, AdaBinConv2d) for _, cell in network.cells_and_names()) == convolutions
    layers = summarize(network, size)
    sums = totals(layers)
    assert [sums[key] for key in ("params", "binary_weights", "bops", "flops")] == expected
    kept = full_precision_layers(network, layers)
    assert "backbone.conv6" not in kept and {"backbone.conv1", "backbone.conv7"} < set(kept)


def test_flops_differ_from_bidets_by_its_wider_locations_alone():
    maps = ((38, 4, 512), (19, 6, 1024), (10, 6, 512), (5, 6, 256), (3, 4, 256), (1, 4, 256))
    wider = sum(side**2 * 4 * boxes * channels * 9 for side, boxes, channels in maps)
    assert COUNTS["ssd_vgg16"][-1] + wider == pytest.approx(2.63e9, rel=1e-3)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("size", [300, 257, 129, 64])
def test_outputs_are_one_row_for_every_prior(pynative, name, size):
    network = build(name, image_size=size).set_train(False)
    locations, scores = network(ms.Tensor(pictures(2, size)))
    priors = len(ssd_priors(size))
    assert priors == 8732 or size != 300
    assert locations.shape == (2, priors, 4) and scores.shape == (2, priors, 4)
    assert np.isfinite(locations.asnumpy()).all() and np.isfinite(scores.asnumpy()).all()


@pytest.mark.parametrize("name", DETECTORS)
def test_rows_follow_the_priors_cell_by_cell_and_shape_by_shape(pynative, name):
    """Every head's bias tells its map, shape and number, and weights see the first channel, which tells the cell."""
    network = build(name, image_size=64, num_classes=2).set_train(False)
    for kind in ("locations", "scores"):
        for number, head in enumerate(getattr(network, kind)):
            head.weight.set_data(ms.Tensor(np.zeros(head.weight.shape, np.float32)))
            bias = 1000.0 * number + np.arange(head.bias.size)
            head.bias.set_data(ms.Tensor(bias.astype(np.float32)))
    found = {}
    found["locations"], found["scores"] = (out.asnumpy()[0] for out in network(ms.Tensor(pictures(1, 64))))
    for kind, length in (("locations", 4), ("scores", 3)):
        expected = []
        for number, (side, boxes) in enumerate(zip((8, 4, 2, 1), (4, 6, 6, 6), strict=True)):
            row = 1000.0 * number + np.arange(boxes * length).reshape(boxes, length)
            expected += [row] * side**2
        np.testing.assert_array_equal(found[kind], np.concatenate(expected), kind)
    head = network.scores[0]
    weight = np.zeros(head.weight.shape, np.float32)
    weight[0, :, 1, 1] = np.linspace(1, 2, weight.shape[1])  # the first shape's background, of what is in the cell
    head.weight.set_data(ms.Tensor(weight))
    x = ms.Tensor(pictures(1, 64))
    fourth = network.norm(network.backbone(x)[0]).asnumpy()[0]
    values = np.einsum("c,chw->hw", weight[0, :, 1, 1], fourth)
    found = network(x)[1].asnumpy()[0, : 64 * 4].reshape(8, 8, 4, 3)[:, :, 0, 0]
    np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-4)


class SquaredOutputs(nn.Cell):
    """A loss that every output takes part in."""

    def construct(self, outputs, images, goal):
        loss = (outputs[0] - goal).square().mean()
        for output in outputs[1:]:
            loss = loss + (output - goal).square().mean()
        return loss, (loss,)


@pytest.mark.parametrize(
    ("name", "kernels"), [("ssd_vgg16", "off"), ("ssd_vgg16", "on"), ("ssd_vgg16_plain", "on"), ("vgg16", "on")]
)
def test_a_compiled_training_step_moves_every_parameter(name, kernels):
    config = config_of(name, image_size=128, seed=3, cpu_kernels=kernels, lr=0.01)
    init_device(config)
    network = accelerate(build_model(config), config)
    step = TrainStep(network, build_optimizer(network, config), SquaredOutputs())
    before = {p.name: p.asnumpy().copy() for p in network.trainable_params()}
    losses = [float(step(ms.Tensor(pictures(4, 128)), ms.Tensor(0.5, ms.float32))[0].asnumpy()) for _ in range(4)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    for parameter in network.trainable_params():
        value = parameter.asnumpy()
        assert np.isfinite(value).all() and (value != before[parameter.name]).any(), parameter.name


@pytest.mark.parametrize("name", (*DETECTORS, *CLASSIFIERS))
@pytest.mark.parametrize("bits", [1, 32])
def test_every_float_layer_is_one_that_the_network_names(name, bits):
    network = build(name, w_bits=bits, a_bits=bits, nonlinearity="relu")
    floats = [key for key, cell in network.cells_and_names() if isinstance(cell, (nn.Conv2d, nn.Dense))]
    for key in floats:
        assert sum(fnmatchcase(key, pattern) for pattern in network.full_precision) == 1, key
    for pattern in network.full_precision:
        assert any(fnmatchcase(key, pattern) for key in floats), pattern
    assert ("alpha_a" in str(network_parameters(network).keys())) == (bits == 1)


@pytest.mark.parametrize("plain", ["", "_plain"])
def test_a_classifiers_backbone_starts_a_detector(plain, tmp_path):
    config = config_of(f"vgg16{plain}")
    classifier = build_model(config)
    for number, parameter in enumerate(network_parameters(classifier).values()):
        parameter.set_data(ms.Tensor(np.full(parameter.shape, number, np.float32)))
    save_checkpoint(tmp_path / "net.ckpt", classifier, describe(config))
    config = config_of(f"ssd_vgg16{plain}")
    detector = build_model(config)
    report = load_pretrained(tmp_path / "net.ckpt", detector, config)
    backbone = [name for name in network_parameters(detector) if name.startswith("backbone.")]
    assert report.loaded == backbone and report.unused == ["fc.weight", "fc.bias"] and not report.other_shape
    assert {name.split(".")[0] for name in report.missing} == {"norm", "extras", "locations", "scores"}
    here = network_parameters(detector)
    for name, parameter in network_parameters(classifier).items():
        if name in here:
            np.testing.assert_array_equal(here[name].asnumpy(), parameter.asnumpy(), name)


@pytest.mark.parametrize(
    ("channels", "width", "expected"),
    [(64, 1, 64), (64, 0.25, 16), (1024, 0.5, 512), (64, 0.05, 8), (512, 0.3, 152), (128, 1.5, 192), (64, 0.1875, 16)],
)
def test_widths_give_multiples_of_eight(channels, width, expected):
    assert scaled(channels, width) == expected


def test_every_channel_count_follows_the_width():
    network = build("ssd_vgg16", width=0.25, image_size=300)
    shapes = {name: p.shape for name, p in network_parameters(network).items() if name.endswith("weight")}
    assert shapes["backbone.conv1.weight"] == (16, 3, 3, 3)
    assert shapes["backbone.stage2.0.conv.weight"] == (32, 16, 3, 3)
    assert shapes["backbone.stage2.0.shortcut.1.weight"] == (32, 16, 1, 1)
    assert shapes["backbone.conv6.weight"] == (256, 128, 3, 3)
    assert shapes["extras.3.conv2.weight"] == (64, 32, 3, 3)
    assert shapes["scores.5.weight"] == (16, 64, 3, 3)
    assert network.norm.scale.shape == (1, 128, 1, 1)
    np.testing.assert_allclose(network.norm.scale.asnumpy(), 10)  # 20 for 512 channels


@pytest.mark.parametrize(
    ("network", "changes", "message"),
    [
        ("ssd_vgg16", {"image_size": 63}, "image_size: 63 is too small for a detector; give 64 or more"),
        ("resnet20", {"width": 0.5}, "width: resnet20 has one width; leave it out"),
        ("ssd_vgg16", {"width": 0.0}, "width: 0.0 is not above 0"),
    ],
)
def test_what_a_network_cannot_be_is_refused(network, changes, message):
    with pytest.raises(UserError, match=message):
        build(network, **{"width": 1.0, **changes})


@pytest.mark.parametrize("bits", [1, pytest.param(32, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [DETECTORS[0], pytest.param(DETECTORS[1], marks=pytest.mark.slow)])
def test_exported_files_give_the_training_forms_outputs(name, bits, tmp_path):
    ms.set_seed(1)
    network = build(name, image_size=110, w_bits=bits, a_bits=bits)  # odd maps: 55, 28, 14, 7, 4, 2
    rng = np.random.default_rng(1)
    for key, parameter in network_parameters(network).items():
        if key.endswith(("moving_mean", "beta", "alpha_a", "beta_a", "scale")):
            value = parameter.asnumpy() + rng.normal(0, 0.1, parameter.shape)
            parameter.set_data(ms.Tensor(value.astype(np.float32)))
    x = pictures(2, 110)
    expected = CellModel(to_plain(network), 2)(x)
    assert [output.shape for output in expected] == [(2, len(ssd_priors(110)), 4)] * 2
    deployed = to_deploy(network)
    write(deployed, tmp_path / "net.mindir", "MINDIR", x.shape)
    write(deployed, tmp_path / "net.onnx", "ONNX", x.shape)
    found = load_mindir(tmp_path / "net.mindir", 2)(x)
    for output, own in zip(found, expected, strict=True):
        np.testing.assert_allclose(output, own, rtol=1e-4, atol=1e-4 * np.abs(own).max())
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: x})
    for output, own in zip(outputs, expected, strict=True):
        # Another rounding may turn a bit over at a threshold, and what lies behind it in 17 layers: most must agree.
        difference, scale = np.abs(output - own), np.abs(own).max()
        assert (difference.max() < 1e-4 * scale) if bits == 32 else (np.median(difference) < 0.02 * scale)
