# SPDX-License-Identifier: Apache-2.0
"""A training that was stopped, however, ends as one that was not: to the last bit."""

import re
import shutil
import signal

import numpy as np
import pytest

from adabin.utils.checkpoint import OPTIMIZER_PREFIX, read_checkpoint
from adabin.utils.config import read_config
from tests.programs import STEPS_PER_EPOCH, TINY, call, call_apart, refusal_of, result_of
from tests.runs import assert_same_run, killed_five_times, metrics_of, only_run_in


def content_of(run):
    return {path.name: path.read_bytes() for path in run.iterdir()}


def test_the_run_that_the_others_are_compared_with_is_complete(tiny_run):
    rows = metrics_of(tiny_run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert len({row["train_loss"] for row in rows}) == 3 and len({row["lr"] for row in rows}) == 3
    metadata, tensors = read_checkpoint(tiny_run / "last.ckpt")
    assert metadata["epoch"] == 3
    assert any(name.startswith(OPTIMIZER_PREFIX + "moments.") and tensors[name].any() for name in tensors)
    assert int(tensors[OPTIMIZER_PREFIX + "global_step"].squeeze()) == 3 * STEPS_PER_EPOCH
    assert tensors["bn1.moving_mean"].any()
    assert {path.name for path in tiny_run.iterdir()} == {
        "config.yaml", "metrics.csv", "curves.png", "train.log", "best.ckpt", "last.ckpt",
    }  # fmt: skip


PLAIN = pytest.param(("--cpu_kernels=off",), marks=pytest.mark.slow, id="MindSpore's operators")


@pytest.fixture(params=[pytest.param((), id="CPU kernels"), PLAIN])
def kernels_and_run(request, tiny_run, tmp_path_factory):
    """Flags that choose the operators, and the folder of the tiny training that was never killed with them."""
    if not request.param:
        return request.param, tiny_run
    folder = tmp_path_factory.mktemp("plain")
    return request.param, run_to_its_end(folder, *request.param)


def run_to_its_end(folder, *flags):
    result_of(call("train.py", *TINY, *flags, "--output_path", folder / "outputs", cwd=folder))
    return only_run_in(folder)


def test_a_run_killed_five_times_ends_as_one_that_was_never_killed(kernels_and_run, tmp_path):
    kernels, reference = kernels_and_run
    run = killed_five_times(tmp_path, STEPS_PER_EPOCH, *TINY, *kernels)
    result = result_of(call("train.py", "--resume", run, cwd=tmp_path))
    assert result["epochs"] == 3 and only_run_in(tmp_path) == run
    assert_same_run(run, reference)


@pytest.mark.parametrize("name", ["metrics.csv", "best.ckpt", "config.yaml"])
def test_a_kill_while_another_file_is_written_does_no_harm(tiny_run, tmp_path, name):
    flags = (*TINY, "--output_path", tmp_path / "outputs")
    ended = call_apart("tests/killed_training.py", name, 1, *flags, cwd=tmp_path)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    run = only_run_in(tmp_path)
    assert not (run / name).exists() and (run / f".writing-{name}").exists()
    ended = call("train.py", "--resume", run, cwd=tmp_path)
    if name == "config.yaml":
        assert "is no run folder (it has no config.yaml)" in refusal_of(ended)
    else:
        result_of(ended)
        assert_same_run(run, tiny_run)


@pytest.fixture
def finished(tiny_run, tmp_path):
    """A copy of the finished run."""
    return shutil.copytree(tiny_run, tmp_path / "run")


def test_resuming_a_finished_run_prints_its_result_and_changes_nothing(tiny_run, finished):
    before = content_of(finished)
    # A flag that says what the run has is no contradiction.
    ended = call("train.py", "--resume", finished, "--epochs=3", "--lr", "1e-1", cwd=finished.parent)
    result = result_of(ended)
    assert f"it is finished: 3 epochs; a new run begins with its weights by --pretrained {finished}" in ended.stderr
    assert result["epochs"] == 3 and result["run"] == str(finished)
    assert result["top1"] == float(metrics_of(finished)[-1]["test_top1"])
    assert result["best_top1"] == max(float(row["test_top1"]) for row in metrics_of(finished))
    after = content_of(finished)
    assert after.pop("train.log").startswith(before.pop("train.log"))
    assert after == before


@pytest.mark.parametrize(
    "flag, parts",
    [
        ("--epochs=5", ("--epochs=5", "epochs=3")),
        ("--weight_decay=1e-3", ("--weight_decay=0.001", "weight_decay=0.0001")),
        ("--seed=2", ("--seed=2", "seed=1")),
        ("--sed=2", ("--sed", "did you mean --seed?")),
    ],
)
def test_a_flag_that_contradicts_the_run_is_refused_with_both_values(finished, flag, parts):
    before = content_of(finished)
    line = refusal_of(call("train.py", "--resume", finished, flag, cwd=finished.parent))
    assert all(part in line for part in parts), line
    assert content_of(finished) == before


def test_what_is_no_run_cannot_be_resumed(tmp_path):
    for name in (tmp_path, tmp_path / "absent"):
        line = refusal_of(call("train.py", "--resume", name, cwd=tmp_path))
        assert str(name) in line and "no run folder" in line


def test_a_damaged_run_is_refused(finished):
    metrics = (finished / "metrics.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    short, long = ("".join([*metrics[:-1], metrics[-1].strip() + end]) for end in ("", ",1\n"))
    short = short.rpartition(",")[0] + "\n"
    for text in ("".join(metrics[:3]), "nonsense\n1\n", short, long):
        (finished / "metrics.csv").write_text(text, encoding="utf-8")
        line = refusal_of(call("train.py", "--resume", finished, cwd=finished.parent))
        assert f"{finished / 'metrics.csv'}: has " in line and "damaged" in line
        assert (finished / "metrics.csv").read_text(encoding="utf-8") == text
    (finished / "last.ckpt").write_bytes((finished / "last.ckpt").read_bytes()[:-5])
    assert f"{finished / 'last.ckpt'}: " in refusal_of(call("train.py", "--resume", finished, cwd=finished.parent))


def test_a_loss_that_is_not_finite_stops_the_run_with_one_line(tmp_path):
    ended = call("train.py", *TINY, "--lr=1e30", "--output_path", "outputs", cwd=tmp_path)
    line = refusal_of(ended, status=1)
    assert re.search(r"the loss is (nan|inf) in epoch 1, step \d+: the training has diverged", line), line
    assert line.endswith("(no epoch has finished, nothing is kept)")
    assert not (only_run_in(tmp_path) / "last.ckpt").exists()


def test_a_run_that_diverges_later_says_which_epoch_is_kept(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    config = (run / "config.yaml").read_text(encoding="utf-8")
    config = config.replace("\nepochs: 3\n", "\nepochs: 5\n").replace("\nlr: 0.1\n", "\nlr: 1.0e+30\n")
    (run / "config.yaml").write_text(config, encoding="utf-8")
    line = refusal_of(call("train.py", "--resume", run, cwd=tmp_path), status=1)
    assert "in epoch 4, " in line and line.endswith("(epoch 3 is kept)")
    assert read_checkpoint(run / "last.ckpt")[0]["epoch"] == 3


def test_a_run_keeps_its_resolved_config(tiny_run):
    config = read_config(tiny_run / "config.yaml")
    assert (config.network, config.epochs, config.train_size, config.momentum) == ("resnet8", 3, 120, 0.9)
    assert np.isclose(float(metrics_of(tiny_run)[1]["lr"]), 0.075)
