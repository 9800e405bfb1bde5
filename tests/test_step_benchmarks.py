# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of the training step and of the data pipeline, on the smallest network: what they write, not times."""

import csv
import json

import pytest

from tests.programs import TINY, call, call_apart, refusal_of, result_of

MEASURED = ("--steps=2", "--warmup=1", "--rounds=1")


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_a_step_is_measured_into_a_table(tmp_path):
    path = tmp_path / "new" / "step.csv"
    flags = ("--threads=1,2", "--csv_path", path)
    result = result_of(call_apart("benchmarks/train_step.py", *TINY[:3], *MEASURED, *flags, cwd=tmp_path))
    rows = rows_of(path)
    assert [row["threads"] for row in rows] == ["1", "2"]
    for row in rows:
        assert (row["network"], row["program"], row["ratio"]) == ("resnet8", "MindSpore, cpu_kernels=auto", "")
        assert 0 < float(row["fastest_step_s"]) <= float(row["median_step_s"]) < float(row["first_step_s"])
        assert float(row["peak_memory_mb"]) > 50
        assert float(row["median_step_s"]) == round(result["steps"][row["threads"]], 4)
        assert 0.3 < float(row["cpu_over_wall"]) < int(row["threads"]) + 1
        gain = float(rows[0]["median_step_s"]) / float(row["median_step_s"])
        assert float(row["speedup"]) == pytest.approx(gain, abs=0.01)
        assert str(tmp_path) not in row["command"]
    refused = call("benchmarks/train_step.py", *TINY[:3], "--threads=two", cwd=tmp_path)
    assert "--threads two:" in refusal_of(refused)


def test_the_profile_tells_the_projects_operators_apart(tmp_path):
    ended = call_apart("benchmarks/train_step.py", *TINY[:3], *MEASURED, "--cpu_kernels=on", "--profile", cwd=tmp_path)
    assert json.loads(ended.stdout.splitlines()[-1])["ms_per_step"] > 0
    calls = {}
    for line in ended.stderr.splitlines():
        time, _, rest = line.strip().partition(" ms  ")
        if rest and float(time) >= 0:
            count, _, kind = rest.partition(" x  ")
            calls[kind] = int(count)
    assert calls["AdaBinConvFunction, forward"] == calls["AdaBinConvFunction, gradients"] == 6
    assert calls["FloatConvFunction, forward"] == calls["FloatConvFunction, gradients"] == 1
    assert "Custom" not in calls and calls["MatMul"] >= 1


def test_an_evaluation_is_measured_into_a_table(tmp_path):
    flags = (*TINY, "--passes=1", "--rounds=1", "--threads=1,2", "--csv_path", tmp_path / "e.csv")
    result = result_of(call_apart("benchmarks/evaluation.py", *flags, cwd=tmp_path))
    rows = rows_of(tmp_path / "e.csv")
    assert [row["threads"] for row in rows] == ["1", "2"]
    for row in rows:
        assert row["images"] == "40" and float(row["median_s"]) == result["seconds"][row["threads"]] > 0


def test_the_pipeline_is_compared_with_what_the_training_consumes(tmp_path):
    flags = (*TINY, "--workers", "1,2", "--seconds=0.2", "--csv_path", tmp_path / "p.csv")
    result = result_of(call_apart("benchmarks/data_pipeline.py", *flags, cwd=tmp_path))
    rows = rows_of(tmp_path / "p.csv")
    assert [row["workers"] for row in rows] == ["1", "2"]
    for row in rows:
        ratio = float(row["pipeline_images_per_s"]) / float(row["training_images_per_s"])
        assert abs(float(row["ratio"]) / ratio - 1) < 0.05
    assert result["least_ratio"] == min(float(row["ratio"]) for row in rows)
    assert "--workers one:" in refusal_of(call("benchmarks/data_pipeline.py", *flags, "--workers=one", cwd=tmp_path))
