# SPDX-License-Identifier: Apache-2.0
"""The shell scripts that users start, from training to the accuracy of the C++ program."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import cpp
from tests.programs import ROOT, TINY, call, result_of


def script(name, *arguments):
    """Run a script of scripts/ with the Python that runs the tests; returns the ended process."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", str(ROOT / "scripts" / name), *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, cwd=ROOT)


def last_json(ended):
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.strip().splitlines()[-1])


def test_training_and_evaluation_scripts_pass_their_arguments_on(tmp_path):
    config, *flags = TINY[1:]
    trained = last_json(script("run_standalone_train.sh", config, *flags, "--epochs=1", "--output_path", tmp_path))
    assert Path(trained["run"]).parent.parent == tmp_path
    resumed = last_json(script("run_standalone_train.sh", "--resume", trained["run"]))
    assert resumed["best_top1"] == trained["best_top1"]
    evaluated = last_json(script("run_eval.sh", f"{trained['run']}/best.ckpt"))
    assert evaluated["images"] == 40 and evaluated["top1"] == trained["best_top1"]


def test_inference_script_gives_the_accuracy_of_mindspore(tiny_run, tmp_path):
    cpp.program("adabin_infer")
    for name in ("best.ckpt", "config.yaml"):
        shutil.copy(tiny_run / name, tmp_path)
    exported = result_of(call("export.py", "--ckpt_path", tmp_path / "best.ckpt", cwd=tmp_path))
    evaluated = result_of(call("eval.py", "--ckpt_path", tmp_path / "best.ckpt", cwd=tmp_path))
    ended = script("run_infer_310.sh", exported["file"], "shapes", "-")
    found = last_json(ended)
    assert found["images"] == evaluated["images"] == 40
    assert found["top1"] == pytest.approx(evaluated["top1"], abs=1 / 40)
    inferred = json.loads(ended.stdout.strip().splitlines()[-2])
    assert inferred["binary_layers_packed"] == exported["binary_layers"] == 6


@pytest.mark.parametrize(
    "name",
    [
        "run_standalone_train.sh",
        "run_distribute_train.sh",
        "run_eval.sh",
        "run_infer_310.sh",
        "quickstart.sh",
        "setup.sh",
    ],
)
def test_every_script_explains_itself(name):
    ended = script(name, "-h")
    assert ended.returncode == 0 and ended.stdout.startswith(f"Usage: bash scripts/{name}")


def test_missing_arguments_end_in_a_usage_line():
    for name in ("run_eval.sh", "run_infer_310.sh"):
        ended = script(name)
        assert ended.returncode == 2 and "Usage:" in ended.stderr


@pytest.mark.slow
def test_quick_start_reaches_its_accuracy_with_every_binary_layer_packed():
    ended = script("quickstart.sh")
    assert ended.returncode == 0, ended.stderr
    assert "18 of 18 binary layers packed" in ended.stdout
    accuracies = [float(value) for value in re.findall(r"accuracy in .*?([0-9.]+) %", ended.stdout)]
    assert len(accuracies) == 2 and min(accuracies) >= 85
