# SPDX-License-Identifier: Apache-2.0
"""Health of a training: the numbers in metrics.csv by their definitions, and the pictures."""

import csv
import shutil

import mindspore as ms
import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.models import build_model
from adabin.training.health import IMAGES, QUANTITIES, HealthRecord, binary_layers, layer_inputs, saturation
from adabin.utils.checkpoint import load_network, network_parameters
from adabin.utils.config import read_config
from tests.programs import TINY, call, refusal_of, result_of

HEALTH = "scripts/health.py"

COLUMNS = (
    "epoch", "lr", "k", "t", "train_loss", "train_top1", "test_loss", "test_top1", "images_per_second", "seconds",
)  # fmt: skip


def rows_of(folder):
    with open(folder / "metrics.csv", newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def make(**changes):
    config = read_config(None, {"network": "resnet8", "test_size": 50, "train_size": 20, **changes})
    ms.set_seed(1)
    return build_model(config), build_dataset(config, "test"), config


def test_flips_are_the_share_of_weights_that_crossed_their_threshold():
    network, data, config = make()
    record = HealthRecord(network, data, config)
    layer = network.layer2[0].conv1
    weight = layer.weight.asnumpy().copy()
    center = weight.mean(axis=(1, 2, 3), keepdims=True)
    turned = weight.copy()
    turned[:8] = 2 * center[:8] - turned[:8]  # mirrored at the mean: a quarter of 32 channels changes all its signs
    layer.weight.set_data(ms.Tensor(turned))
    rows = [record.measure()]
    layer.weight.set_data(ms.Tensor(weight * 3))  # back, and scaled, which is no change of sign
    rows += [record.measure(), record.measure()]
    layers = list(binary_layers(network))
    assert len(layers) == 6 and list(rows[0]) == [f"{quantity}/{name}" for quantity in QUANTITIES for name in layers]
    assert [float(row["flips/layer2.0.conv1"]) for row in rows] == [0.25, 0.25, 0]
    assert sum(float(row[f"flips/{name}"]) for row in rows for name in layers) == 0.5


def test_alpha_beta_and_saturation_are_those_of_the_layers_input():
    network, data, config = make()
    rng = np.random.default_rng(0)
    for layer in binary_layers(network).values():
        layer.binary_a.alpha_a.set_data(ms.Tensor(np.float32(rng.uniform(-1.5, 1.5))))
        layer.binary_a.beta_a.set_data(ms.Tensor(np.float32(rng.uniform(-0.5, 0.5))))
    before = {name: p.asnumpy().copy() for name, p in network_parameters(network).items()}
    row = HealthRecord(network, data, config).measure()
    assert all(np.array_equal(p.asnumpy(), before[name]) for name, p in network_parameters(network).items())
    images = next(iter(data.batches(0)))[0].asnumpy()[:IMAGES]
    first = network.set_train(False)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    x = first.maxpool(first.join1(first.conv1(ms.Tensor(images)))).asnumpy()
    ms.set_context(mode=ms.GRAPH_MODE)
    alpha, beta = (float(before[f"layer1.0.conv1.binary_a.{kind}"]) for kind in ("alpha_a", "beta_a"))
    measured = [float(row[f"{quantity}/layer1.0.conv1"]) for quantity in ("alpha", "beta", "saturation")]
    assert measured[:2] == pytest.approx([alpha, beta], rel=1e-5)
    assert measured[2] == pytest.approx(np.mean(np.abs((x - beta) / alpha) > 1), abs=1e-5)
    assert saturation(np.array([0.0, 1.0, 3.0]), -2.0, 1.0) == 0 and saturation(np.array([0.0, 3.1]), -2.0, 1.0) == 0.5


def test_looking_inside_gives_every_binary_input_and_leaves_the_network_and_the_mode_as_they_were(mode, monkeypatch):
    network, _, _ = make()
    images = ms.Tensor(np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32))
    classes = [type(cell) for _, cell in network.cells_and_names()]
    with monkeypatch.context() as patch:
        patch.setattr(ms, "set_context", None)  # which is the whole process's
        inputs = layer_inputs(network, images)
    assert {name: x.shape for name, x in inputs.items()} == {
        "layer1.0.conv1": (2, 16, 32, 32), "layer1.0.conv2": (2, 16, 32, 32),
        "layer2.0.conv1": (2, 16, 32, 32), "layer2.0.conv2": (2, 32, 16, 16),
        "layer3.0.conv1": (2, 32, 16, 16), "layer3.0.conv2": (2, 64, 8, 8),
    }  # fmt: skip
    assert [type(cell) for _, cell in network.cells_and_names()] == classes
    ms.set_context(mode=ms.PYNATIVE_MODE)
    recorded = {}
    for name, layer in binary_layers(network).items():
        layer.register_forward_pre_hook(lambda cell, x, name=name: recorded.update({name: x[0].asnumpy()}))
    network(images)
    assert all(np.array_equal(x, recorded[name]) for name, x in inputs.items())


@pytest.mark.parametrize("w_bits, a_bits, absent", [(32, 1, {"flips"}), (1, 32, {"alpha", "beta", "saturation"})])
def test_what_a_layer_does_not_have_is_no_column(w_bits, a_bits, absent):
    network, data, config = make(w_bits=w_bits, a_bits=a_bits)
    columns = {column.partition("/")[0] for column in HealthRecord(network, data, config).measure()}
    assert columns == set(QUANTITIES) - absent


def test_a_float_network_has_no_record():
    network, data, config = make(w_bits=32, a_bits=32)
    assert HealthRecord(network, data, config).measure() == {}


def test_a_training_records_every_epoch_and_layer(tiny_run):
    rows = rows_of(tiny_run)
    config = read_config(tiny_run / "config.yaml")
    config = config.changed(evaluate_ema=False)
    network = build_model(config)
    load_network(tiny_run / "last.ckpt", network, config)
    layers = binary_layers(network)
    assert len(rows) == 3 and list(rows[0]) == [*COLUMNS, *(f"{q}/{name}" for q in QUANTITIES for name in layers)]
    for name, layer in layers.items():
        alpha = float(layer.binary_a.alpha_a.asnumpy())
        assert float(rows[-1][f"alpha/{name}"]) == pytest.approx(alpha, rel=1e-5)
        assert all(0 < float(row[f"flips/{name}"]) < 0.5 for row in rows)
        assert all(0 <= float(row[f"saturation/{name}"]) <= 1 for row in rows)


def test_pictures_of_every_layer_and_of_the_course(tiny_run, tmp_path):
    from PIL import Image

    flags = ("--ckpt_path", tiny_run / "last.ckpt", "--output_path", tmp_path / "pictures")
    result = result_of(call(HEALTH, *flags, cwd=tmp_path))
    assert result["layers"] == 6 and result["course"]
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert names == {f"layer{s}.0.conv{h}.png" for s in (1, 2, 3) for h in (1, 2)} | {"course.png"}
    for path in (tmp_path / "pictures").iterdir():
        pixels = np.asarray(Image.open(path).convert("RGB"))
        assert pixels.shape[0] > 300 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert "exists already" in refusal_of(call(HEALTH, *flags, cwd=tmp_path))
    one = ("--ckpt_path", tiny_run / "last.ckpt", "--output_path", tmp_path / "one", "--layer")
    assert result_of(call(HEALTH, *one, "layer2.0.conv1", cwd=tmp_path))["layers"] == 1
    line = refusal_of(call(HEALTH, *one, "layer9", cwd=tmp_path))
    assert "--layer layer9: is no binary layer of resnet8" in line and "layer1.0.conv1" in line


def test_a_run_recorded_without_health_resumes_and_records_it_from_then_on(tiny_run, tmp_path):
    run = tmp_path / "run"
    flags = (*TINY, "--epochs=1", "--output_path", tmp_path / "outputs")
    result = result_of(call("train.py", *flags, cwd=tmp_path))
    shutil.copytree(result["run"], run)
    config = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(config.replace("epochs: 1\n", "epochs: 2\n"), encoding="utf-8")
    (row,) = rows_of(run)
    text = ",".join(COLUMNS) + "\n" + ",".join(row[column] for column in COLUMNS) + "\n"
    (run / "metrics.csv").write_text(text, encoding="utf-8")
    assert result_of(call("train.py", "--resume", run, cwd=tmp_path))["epochs"] == 2
    first, second = rows_of(run)
    assert list(first) == list(row) and all(second.values())
    assert {column for column, value in first.items() if not value} == set(row) - set(COLUMNS)
    pictures = ("--ckpt_path", run / "last.ckpt", "--output_path", tmp_path / "pictures")
    assert result_of(call(HEALTH, *pictures, cwd=tmp_path))["course"]


def test_a_damaged_record_is_named(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    text = (run / "metrics.csv").read_text(encoding="utf-8")
    for damaged in (text.replace("\n2,", "\nx,"), text[: text.rindex(",")] + ",y\n", text.rstrip("\n") + ",1\n"):
        (run / "metrics.csv").write_text(damaged, encoding="utf-8")
        line = refusal_of(call(HEALTH, "--ckpt_path", run / "last.ckpt", "--output_path", "pictures", cwd=tmp_path))
        assert f"{run / 'metrics.csv'}: is damaged" in line
