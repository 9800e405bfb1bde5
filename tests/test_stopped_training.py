# SPDX-License-Identifier: Apache-2.0
"""A training that is stopped, at whatever moment, says what is left of it, and goes on to the last bit from there."""

import os
import shlex
import signal
import time

import psutil
import pytest

from adabin.training.going_on import how_to_go_on, value_of
from tests.programs import TINY, call_apart, command, result_of, start
from tests.runs import assert_same_run, only_run_in
from tests.stopped import (
    NOTHING_KEPT,
    advice_of,
    read_terminal,
    start_on_terminal,
    stop,
    wait_for_line,
    wait_until_installed,
)


def log_of(run):
    return (run / "train.log").read_text(encoding="utf-8").splitlines()


def stop_training(number, moment, *flags, folder):
    """Start train.py, stop it and return what it says of going on.

    Args:
        moment: "imports", "compilation", which is that of the first step, or the beginning of a line to wait for.
    """
    process = start("train.py", *flags, cwd=folder)
    seen = []
    if moment == "imports":
        wait_until_installed(process)
    else:
        seen = wait_for_line(process, "results in " if moment == "compilation" else moment)
    if moment == "compilation":
        time.sleep(0.3)
    ended = stop(process, number)
    ended.stderr = "".join(seen) + ended.stderr
    advice = advice_of(ended, number, folder)
    if moment != "imports":
        run = only_run_in(folder)
        assert log_of(run)[-1].endswith(f" stopped by {number.name}{advice}")
        assert not list(run.glob(".writing-*"))
    return advice


@pytest.mark.parametrize(
    "first, second",
    [(signal.SIGINT, signal.SIGTERM), pytest.param(signal.SIGTERM, signal.SIGINT, marks=pytest.mark.slow)],
)
def test_a_training_stopped_at_any_moment_goes_on_as_if_it_had_not_been(tiny_run, tmp_path, first, second):
    """Both signals, with one and two threads for the data, while it imports, compiles, and trains."""
    new = (*TINY, "--output_path", "outputs")
    assert stop_training(first, "imports", *new, "--num_workers=1", folder=tmp_path) == NOTHING_KEPT
    assert stop_training(second, "imports", *new, "--num_workers=2", folder=tmp_path) == NOTHING_KEPT
    assert not list(tmp_path.iterdir())
    assert stop_training(first, "compilation", *new, "--num_workers=1", folder=tmp_path) == NOTHING_KEPT
    run = only_run_in(tmp_path)
    resume = ("--resume", run.relative_to(tmp_path))
    goes_on = f"; go on with: python train.py --resume {run.relative_to(tmp_path)}"
    assert stop_training(second, "compilation", *resume, "--num_workers=2", folder=tmp_path) == NOTHING_KEPT
    assert not (run / "last.ckpt").exists()
    assert stop_training(first, "epoch 1/3:", *resume, "--num_workers=2", folder=tmp_path) == goes_on
    assert stop_training(second, "imports", *resume, folder=tmp_path) == goes_on
    assert stop_training(second, "resuming ", *resume, "--num_workers=1", folder=tmp_path) == goes_on
    words = goes_on.removeprefix("; go on with: python ").split()
    assert result_of(call_apart(*words, cwd=tmp_path))["epochs"] == 3
    assert_same_run(run, tiny_run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_on_a_terminal_the_line_stands_below_the_bar(tmp_path, number, workers):
    flags = (*TINY, "--epochs=50", "--output_path", "outputs", f"--num_workers={workers}")
    process, terminal = start_on_terminal(command("train.py", *flags), cwd=tmp_path)
    shown = read_terminal(terminal, until="epoch 2/50 loss")
    if number == signal.SIGINT:
        os.write(terminal, b"\x03")
    else:
        process.send_signal(number)
    shown += read_terminal(terminal)
    os.close(terminal)
    assert process.wait(timeout=20) == 128 + number, shown
    *_, bar, line = shown.replace("\r\n", "\n").removesuffix("\n").split("\n")
    run = only_run_in(tmp_path).relative_to(tmp_path)
    assert line == f"stopped by {number.name}; go on with: python train.py --resume {run}"
    assert "loss" in bar and "img/s" in bar and bar.endswith("^C") == (number == signal.SIGINT), shown
    assert shown.count("stopped by") == 1 and "Traceback" not in shown and "analyze_fail" not in shown
    assert log_of(only_run_in(tmp_path))[-1].endswith(line)


def test_two_signals_in_a_row_are_answered_once(tmp_path):
    """As a job scheduler sends them, or somebody who is in a hurry."""
    process = start("train.py", *TINY, "--output_path", "outputs", "--num_workers=2", cwd=tmp_path)
    wait_for_line(process, "results in ")
    for _ in range(5):
        process.send_signal(signal.SIGINT)
    advice_of(stop(process, signal.SIGINT), signal.SIGINT, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_training_that_compiles_the_cpu_kernels_leaves_no_compiler_and_no_folder(tmp_path, number, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    process = start("train.py", *TINY, "--output_path", "outputs", "--cpu_kernels=on", cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list(cache.glob("*/building-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    compilers = psutil.Process(process.pid).children(recursive=True)
    assert compilers
    assert advice_of(stop(process, number), number, tmp_path) == NOTHING_KEPT
    _, alive = psutil.wait_procs(compilers, timeout=10)
    assert not alive and not list(cache.glob("*/building-*"))


def test_a_training_in_steps_goes_on_from_the_checkpoint_of_any_step(tmp_path):
    assert how_to_go_on(tmp_path, "train") == how_to_go_on(None, "train") == NOTHING_KEPT
    assert how_to_go_on(tmp_path / "absent", "train") == NOTHING_KEPT
    (tmp_path / "step1").mkdir()
    assert how_to_go_on(tmp_path, "train") == NOTHING_KEPT
    (tmp_path / "step1" / "last.ckpt").touch()
    assert how_to_go_on(tmp_path, "train") == f"; go on with: train --resume {tmp_path}"
    odd = tmp_path / "my $runs"
    odd.mkdir()
    (odd / "last.ckpt").touch()
    assert shlex.split(how_to_go_on(odd, "train").removeprefix("; go on with: ")) == ["train", "--resume", str(odd)]


def test_the_run_to_resume_is_known_before_flags_are_parsed():
    for argv in (["--resume", "a", "--lr=1"], ["train.py", "--resume=a"], ["--epochs", "1", "--resume", "a"]):
        assert value_of("--resume", argv) == "a"
    for argv in ([], ["--resume"], ["--resumed=a"], ["resume", "a"]):
        assert value_of("--resume", argv) == ""
