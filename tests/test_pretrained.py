# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning: what fits of a checkpoint is loaded, the rest is reported, another network is refused."""

import shutil
import signal

import mindspore as ms
import numpy as np
import pytest

from adabin.models import build_model
from adabin.training.pretrained import load_pretrained
from adabin.training.step import build_optimizer
from adabin.utils.checkpoint import describe, network_parameters, read_checkpoint, save_checkpoint
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from tests.pictures import fill
from tests.programs import TINY, call, call_apart, refusal_of, result_of
from tests.runs import only_run_in


def make(seed, **changes):
    ms.set_seed(seed)
    config = read_config(None, {"network": "resnet8", **changes})
    return config, build_model(config)


def values_of(network):
    return {name: parameter.asnumpy().copy() for name, parameter in network_parameters(network).items()}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A training checkpoint of ResNet-8 with ten classes, and its tensors."""
    path = tmp_path_factory.mktemp("source") / "last.ckpt"
    config, network = make(3)
    for parameter in network_parameters(network).values():
        parameter.set_data(parameter + 0.25)
    save_checkpoint(path, network, describe(config), build_optimizer(network, config))
    return path, values_of(network)


def test_the_same_network_gets_every_tensor(source):
    config, network = make(4)
    report = load_pretrained(source[0], network, config)
    assert not (report.other_shape or report.missing or report.unused or report.differences)
    after = values_of(network)
    assert set(report.loaded) == set(after) == set(source[1])
    for name, value in source[1].items():
        np.testing.assert_array_equal(after[name], value)


def test_another_class_count_keeps_all_but_the_last_layer(source):
    config, network = make(4, num_classes=3)
    before = values_of(network)
    report = load_pretrained(source[0], network, config)
    assert report.other_shape == [("linear.weight", (10, 64), (3, 64)), ("linear.bias", (10,), (3,))]
    after = values_of(network)
    for name, value in after.items():
        np.testing.assert_array_equal(value, (before if name.startswith("linear.") else source[1])[name])
    text = report.text()
    assert f"{len(after) - 2} tensors loaded" in text
    assert "left out, of another shape: 2 (linear.weight (10, 64) there, (3, 64) here" in text
    assert report.counts() == {
        "ckpt": str(source[0]), "loaded": len(after) - 2, "other_shape": 2, "missing": 0, "unused": 0,
    }  # fmt: skip


def test_a_deeper_network_takes_the_layers_that_it_shares(source):
    config, network = make(4, network="resnet20", nonlinearity="relu", a_bits=32, std=[0.2, 0.2, 0.2])
    report = load_pretrained(source[0], network, config)
    assert "layer1.0.conv1.weight" in report.loaded and "layer1.1.conv1.weight" in report.missing
    assert "layer1.0.conv1.binary_a.alpha_a" in report.unused
    assert report.differences == [
        "nonlinearity=maxout there, relu here",
        "a_bits=1 there, 32 here",
        "std=[0.229, 0.224, 0.225] there, [0.2, 0.2, 0.2] here",
    ]
    assert "not in the file, initialized: " in report.text() and " more)" in report.text()


def test_a_checkpoint_of_another_width_is_refused_with_the_flag(tmp_path):
    keys = {"network": "vgg16", "image_size": 32, "num_classes": 3}
    narrow, wide = (read_config(None, {**keys, "width": width}) for width in (0.125, 0.25))
    save_checkpoint(tmp_path / "narrow.ckpt", build_model(narrow), describe(narrow))
    with pytest.raises(UserError, match=r"has width=0.125, the config says 0.25: .*; give --width=0.125"):
        load_pretrained(tmp_path / "narrow.ckpt", build_model(wide), wide)


@pytest.mark.parametrize("key, here, there, matters_for", [
    ("binary_form", "released", "paper", "a_bits"), ("activation_set", "scale", "adabin", "a_bits"),
    ("weight_set", "scale", "adabin", "w_bits"), ("nonlinearity", "prelu", "maxout", None),
])  # fmt: skip
def test_weights_that_would_mean_something_else_are_refused_with_the_flag(source, key, here, there, matters_for):
    config, network = make(4, **{key: here})
    before = values_of(network)
    with pytest.raises(UserError) as caught:
        load_pretrained(source[0], network, config)
    assert f"--pretrained {source[0]}: was made with {key}={there}" in str(caught.value)
    assert str(caught.value).endswith(f"; give --{key}={there}") and "\n" not in str(caught.value)
    assert all(np.array_equal(value, before[name]) for name, value in values_of(network).items())
    if matters_for:  # where that side is float it has no meaning
        config, network = make(4, **{key: here, matters_for: 32})
        assert load_pretrained(source[0], network, config).differences == [f"{matters_for}=1 there, 32 here"]


def test_a_checkpoint_where_no_weight_fits_is_refused_and_changes_nothing(source, tmp_path):
    values = {name: value for name, value in source[1].items() if value.ndim != 4 or 1 in value.shape}
    values["linear.weight"] = np.zeros((7, 7), np.float32)
    ms.save_checkpoint([{"name": n, "data": ms.Tensor(v)} for n, v in values.items()], str(tmp_path / "other.ckpt"))
    config, network = make(4)
    before = values_of(network)
    with pytest.raises(UserError, match="--pretrained .*other.ckpt: is of another network.*none of its weights fits"):
        load_pretrained(tmp_path / "other.ckpt", network, config)
    assert all(np.array_equal(value, before[name]) for name, value in values_of(network).items())


def test_a_training_starts_from_the_checkpoint_and_resumes_without_it(tiny_run, tmp_path):
    start = tmp_path / "start.ckpt"
    start.write_bytes((tiny_run / "best.ckpt").read_bytes())
    flags = (*TINY, "--epochs=1", "--lr=1e-30", "--pretrained", start, "--output_path", tmp_path / "outputs")
    ended = call("train.py", *flags, cwd=tmp_path)
    result = result_of(ended)
    assert result["pretrained"]["loaded"] > 40 and result["pretrained"]["ckpt"] == str(start)
    assert f"starting from {start}: " in ended.stderr
    # With so small a learning rate the weights stay those of the file.
    weights = [read_checkpoint(path)[1]["layer1.0.conv1.weight"] for path in (start, result["run"] + "/last.ckpt")]
    np.testing.assert_array_equal(*weights)
    start.unlink()
    result_of(call("train.py", "--resume", result["run"], cwd=tmp_path))


def test_a_run_resumes_from_any_folder_with_the_files_that_it_was_given(tiny_run, tmp_path):
    shutil.copy(tiny_run / "best.ckpt", tmp_path / "start.ckpt")
    fill(tmp_path / "pictures", 20, ("green", "red"))
    flags = (
        "--dataset=image_folder", "--data_path=pictures", "--num_classes=0", "--network=resnet8", "--epochs=1",
        "--batch_size=4", "--eval_batch_size=4", "--log_steps=1", "--pretrained=start.ckpt", "--teacher=labels",
    )  # fmt: skip
    ended = call_apart("tests/killed_training.py", "step", 2, *flags, cwd=tmp_path)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    run = only_run_in(tmp_path)
    config = read_config(run / "config.yaml")
    assert (config.data_path, config.pretrained) == (str(tmp_path / "pictures"), str(tmp_path / "start.ckpt"))
    assert config.teacher == "labels" and not (run / "last.ckpt").exists()
    (tmp_path / "elsewhere").mkdir()
    ended = call("train.py", "--resume", run, cwd=tmp_path / "elsewhere")
    assert result_of(ended)["epochs"] == 1 and f"starting from {tmp_path / 'start.ckpt'}: " in ended.stderr


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "notes.ckpt").write_text("notes")
    line = refusal_of(call("train.py", *TINY, "--pretrained", tmp_path / "notes.ckpt", cwd=tmp_path))
    assert f"{tmp_path / 'notes.ckpt'}: is not a readable MindSpore checkpoint" in line
    assert not (tmp_path / "outputs").exists()
