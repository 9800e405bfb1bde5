# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: what they carry, and that nothing damaged, foreign or contradicting gets in."""

import subprocess
import sys

import mindspore as ms
import numpy as np
import pytest

from adabin.models import build_model
from adabin.training.step import build_optimizer
from adabin.utils.checkpoint import (
    assign,
    describe,
    load_network,
    load_training,
    network_parameters,
    optimizer_parameters,
    read_checkpoint,
    save_checkpoint,
)
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from tests.programs import ROOT, environment


def make(seed=0, **changes):
    """(config, network with random values everywhere, optimizer with random moments)."""
    config = read_config(None, {"network": "resnet8", **changes})
    network = build_model(config)
    optimizer = build_optimizer(network, config)
    rng = np.random.default_rng(seed)
    for parameter in (*network_parameters(network).values(), *optimizer.moments):
        parameter.set_data(ms.Tensor(rng.normal(size=parameter.shape).astype(np.float32)))
    return config, network, optimizer


def values_of(parameters):
    return {name: parameter.asnumpy().copy() for name, parameter in parameters.items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].dtype == second[name].dtype and first[name].shape == second[name].shape, name
        assert first[name].tobytes() == second[name].tobytes(), name


def refusal(function, *arguments):
    with pytest.raises(UserError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(path of a training checkpoint, config, values of its network, of its optimizer); not to be changed."""
    config, network, optimizer = make()
    path = tmp_path_factory.mktemp("saved") / "model.ckpt"
    save_checkpoint(path, network, describe(config, epoch=3, top1=0.5, best_top1=0.75), optimizer)
    return path, config, values_of(network_parameters(network)), values_of(optimizer_parameters(optimizer, network))


def test_everything_comes_back_bit_by_bit(saved):
    path, config, network_values, optimizer_values = saved
    _, network, optimizer = make(seed=1)
    metadata = load_training(path, network, optimizer, config)
    assert (metadata["epoch"], metadata["top1"], metadata["best_top1"]) == (3, 0.5, 0.75)
    assert_same(values_of(network_parameters(network)), network_values)
    assert_same(values_of(optimizer_parameters(optimizer, network)), optimizer_values)
    assert list(path.parent.iterdir()) == [path]


def test_a_checkpoint_says_what_it_holds(saved):
    metadata, _ = read_checkpoint(saved[0])
    assert metadata["network"] == "resnet8" and metadata["dataset"] == "shapes" and metadata["binary_form"] == "paper"
    assert metadata["mean"] == [0.485, 0.456, 0.406] and metadata["std"] == [0.229, 0.224, 0.225]


def test_mindspore_itself_reads_the_tensors(saved):
    content = ms.load_checkpoint(str(saved[0]))
    for name, value in saved[2].items():
        np.testing.assert_array_equal(content[name].asnumpy(), value)


@pytest.mark.parametrize(
    "key, value",
    [("binary_form", "released"), ("dataset", "cifar10"), ("mean", [0.5, 0.5, 0.5]), ("weight_set", "scale")],
)
def test_a_contradicting_config_is_refused_naming_the_key(saved, key, value):
    config = read_config(None, {"network": "resnet8", key: value})
    message = refusal(load_network, saved[0], build_model(config), config)
    assert str(saved[0]) in message and f"{key}={getattr(saved[1], key)}" in message and str(value) in message


@pytest.mark.parametrize(
    "changes, tensor",
    [
        ({"network": "resnet20"}, "layer1.1.conv1.weight (16, 16, 3, 3)"),
        ({"num_classes": 7}, "linear.weight is (10, 64) there and (7, 64) here"),
        ({"nonlinearity": "relu"}, "nonlinear1.pos_scale"),
        ({"a_bits": 32}, "layer1.0.conv1.binary_a.alpha_a"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_naming_the_first_tensor(saved, changes, tensor):
    config, network, _ = make(seed=2, **changes)
    before = values_of(network_parameters(network))
    message = refusal(load_network, saved[0], network, config)
    assert str(saved[0]) in message and "another network" in message and tensor in message
    assert_same(values_of(network_parameters(network)), before)


def test_a_checkpoint_without_optimizer_state_cannot_be_resumed(saved, tmp_path):
    config, network, optimizer = make()
    save_checkpoint(tmp_path / "best.ckpt", network, describe(config, epoch=1, best_top1=0.5))
    assert "it has no tensor" in refusal(load_training, tmp_path / "best.ckpt", network, optimizer, config)


def test_a_checkpoint_of_other_origin_has_no_description_and_loads(saved, tmp_path):
    content = [{"name": name, "data": ms.Tensor(value)} for name, value in saved[2].items()]
    ms.save_checkpoint(content, str(tmp_path / "foreign.ckpt"))
    _, network, _ = make(seed=1)
    assert load_network(tmp_path / "foreign.ckpt", network, saved[1]) == {}
    assert_same(values_of(network_parameters(network)), saved[2])


def test_truncated_checkpoints_are_refused(saved, tmp_path):
    whole, path = saved[0].read_bytes(), tmp_path / "short.ckpt"
    lengths = [1, 10, *range(0, len(whole), len(whole) // 40), *range(len(whole) - 40, len(whole))]
    for length in lengths:
        path.write_bytes(whole[:length])
        assert f"{path}: " in refusal(read_checkpoint, path), length


def test_a_single_flipped_byte_is_noticed(saved, tmp_path):
    whole, path = saved[0].read_bytes(), tmp_path / "flipped.ckpt"
    rng = np.random.default_rng(4)
    for place in (0, len(whole) - 18, *range(len(whole) - 17, len(whole)), *rng.integers(0, len(whole), 40)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        assert f"{path}: " in refusal(read_checkpoint, path), (place, len(whole))


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "notes.ckpt").write_text("accuracy: 88\n")
    assert "not a readable MindSpore checkpoint" in refusal(read_checkpoint, tmp_path / "notes.ckpt")
    assert f"{tmp_path}: is a folder; give a checkpoint in it, such as" in refusal(read_checkpoint, tmp_path)
    assert "no such checkpoint" in refusal(read_checkpoint, tmp_path / "absent.ckpt")


def test_assign_changes_nothing_before_everything_fits():
    _, network, _ = make()
    parameters = network_parameters(network)
    before = values_of(parameters)
    values = {name: np.add(value, 1, dtype=np.float32) for name, value in before.items()}
    assert "its tensor extra has no place" in refusal(assign, parameters, {**values, "extra": np.zeros(1)}, "F")
    assert_same(values_of(parameters), before)
    assign(parameters, values, "F")
    assert_same(values_of(parameters), values)


FULL_DISK = """
import resource, signal, sys
import src
from adabin.utils.errors import UserError
from tests.test_checkpoint import describe, make, save_checkpoint
config, network, optimizer = make(seed=9)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (0, 4096, 300_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    try:
        save_checkpoint(sys.argv[1], network, describe(config), optimizer)
    except UserError as error:
        print(error)
"""


def test_a_disk_that_fills_up_leaves_the_old_checkpoint_and_nothing_else(tmp_path):
    config, network, optimizer = make()
    path = tmp_path / "last.ckpt"
    save_checkpoint(path, network, describe(config), optimizer)
    before = path.read_bytes()
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    lines = ended.stdout.splitlines()
    assert ended.returncode == 0 and len(lines) == 3, (ended.stdout, ended.stderr)
    assert all(line.startswith(f"{path}: cannot be written (") and "unchanged" in line for line in lines)
    assert "Traceback" not in ended.stderr
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
