# SPDX-License-Identifier: Apache-2.0
"""benchmarks/compare_builds.py: two builds in turns, and what their figures allow to say."""

import json
import random
import shutil
import stat
import statistics
from pathlib import Path

import pytest

from benchmarks.compare_builds import compare, lower_bound
from tests.programs import call_apart, refusal_of

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(("count", "rank"), [(1, None), (4, None), (5, 1), (10, 2), (30, 11), (100, 42)])
def test_the_bound_is_the_order_statistic_of_a_sign_test(count, rank):
    values = list(range(1, count + 1))
    random.Random(1).shuffle(values)
    assert lower_bound(values) == rank


def test_the_bound_lies_above_the_true_median_in_one_of_twenty_experiments_at_most():
    draw = random.Random(2)
    above = sum(lower_bound([draw.gauss(0, 1) for _ in range(30)]) > 0 for _ in range(2000))
    assert 0.02 < above / 2000 < 0.065


class Told:
    def __init__(self, times):
        self.times, self.cores, self.calls = times, 1.0, []

    def run(self, repeat):
        self.calls.append(repeat)
        return self.times


def test_speed_is_the_old_time_over_the_new_one():
    old, new = Told(3.0), Told(2.0)
    found = compare(old, new, pairs=6, seconds=0.1)
    assert found["speed"] == found["bound"] == 1.5
    assert statistics.mode(new.calls) == 50 and len(old.calls) == 6


@pytest.mark.parametrize("name", [".", "text", "none"])
def test_a_program_that_is_none_is_refused(name, tmp_path):
    (tmp_path / "text").write_text("text")
    line = refusal_of(call_apart("benchmarks/compare_builds.py", "--old", tmp_path / name, cwd=tmp_path))
    assert "--old" in line and "adabin_infer" in line


def test_both_programs_run_and_the_table_is_written(tmp_path):
    folder = tmp_path / "models" / "resnet20"
    folder.mkdir(parents=True)
    shutil.copy(GOLDEN / "vgg_pooling_before_batch_norm" / "model.mindir", folder / "binary.mindir")
    (folder / "int8.onnx").touch()
    programs = []
    for name, milliseconds in (("old", 4), ("new", 2)):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "{{\\"latency_ms_median\\": {milliseconds}}}"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        programs += [f"--{name}", program]
    flags = ("--only", "resnet20", "--threads", "1", "--pairs", "2", "--seconds", "0.01")
    flags += ("--models", tmp_path / "models", "--csv_path", tmp_path / "f.csv")
    done = call_apart("benchmarks/compare_builds.py", *programs, *flags, cwd=tmp_path)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["rows"][0]["speed"] == 2.0
    assert (tmp_path / "f.csv").read_text().splitlines()[1].startswith("resnet20,1,4")
