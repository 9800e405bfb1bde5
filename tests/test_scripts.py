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
from tests.programs import ROOT, TINY, call_apart, result_of


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
    exported = result_of(call_apart("export.py", "--ckpt_path", tmp_path / "best.ckpt", cwd=tmp_path))
    evaluated = result_of(call_apart("eval.py", "--ckpt_path", tmp_path / "best.ckpt", cwd=tmp_path))
    ended = script("run_infer_310.sh", exported["file"], "shapes", "-")
    found = last_json(ended)
    assert found["images"] == evaluated["images"] == 40
    assert found["top1"] == pytest.approx(evaluated["top1"], abs=1 / 40)
    inferred = json.loads(ended.stdout.strip().splitlines()[-2])
    assert inferred["binary_layers_packed"] == exported["binary_layers"] == 6


@pytest.fixture
def project(tmp_path):
    """A tree with the real script and stand-ins for what it starts; the model takes images of 32 x 32."""
    (tmp_path / "scripts").mkdir()
    for name in ("common.sh", "run_infer_310.sh"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    program = tmp_path / "ascend310_infer" / "build" / "adabin_infer"
    sources = ("src/graph/plan.cc", "inc/base/file.h", "tools/api.cc", "CMakeLists.txt")
    for path in (program, *(program.parents[1] / name for name in sources), tmp_path / "model" / "net.mindir"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1000, 1000))
    program.write_text("#!/bin/sh\necho '{\"samples\": 40}'\n", encoding="utf-8")
    program.chmod(0o755)
    os.utime(program, (2000, 2000))
    said = "import json, sys\nprint(json.dumps({'images': 40, 'flags': sys.argv[1:]}))\n"
    for name in ("preprocess.py", "postprocess.py"):
        (tmp_path / name).write_text(said, encoding="utf-8")
    return tmp_path


def infer(project, *more, model="net.mindir"):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", project / "scripts" / "run_infer_310.sh", project / "model" / model, "shapes", "-", *more]
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True)


def test_inference_script_takes_the_description_of_the_model_before_the_config_of_the_run(project):
    for name in ("config.yaml", "net.yaml"):
        (project / "model" / name).touch()
        ended = infer(project)
        assert ended.returncode == 0 and f"preparing images as {project}/model/{name} says\n" in ended.stderr
        flags = json.loads(next(line for line in ended.stderr.splitlines() if line.startswith("{")))["flags"]
        assert flags[:2] == ["--config_path", f"{project}/model/{name}"]
    for path in (project / "model").glob("*.yaml"):
        path.unlink()
    assert "no net.yaml or config.yaml beside" in infer(project).stderr


def test_inference_script_takes_what_a_packed_file_says_of_itself_before_what_lies_beside_it(project):
    for name in ("net.adabin", "net.yaml"):
        (project / "model" / name).touch()
    program = project / "ascend310_infer" / "build" / "adabin_infer"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--print_description*) echo "image_size: 8" ;; *) echo \'{"samples": 40}\' ;; esac\n',
        encoding="utf-8",
    )
    ended = infer(project, model="net.adabin")
    assert ended.returncode == 0 and f"preparing images as {project}/model/net.adabin says\n" in ended.stderr
    flags = json.loads(next(line for line in ended.stderr.splitlines() if line.startswith("{")))["flags"]
    assert flags[0] == "--config_path" and Path(flags[1]).read_text(encoding="utf-8") == "image_size: 8\n"
    program.write_text('#!/bin/sh\n[ "$3" != --print_description ] && echo \'{"samples": 40}\'\n', encoding="utf-8")
    assert f"preparing images as {project}/model/net.yaml says\n" in infer(project, model="net.adabin").stderr


@pytest.mark.parametrize(
    "device, expected", [((), "CPU"), (("Reference",), "Reference"), (("3",), "Ascend --device_id 3")]
)
def test_inference_script_hands_flags_on_behind_an_optional_device(project, device, expected):
    program = project / "ascend310_infer" / "build" / "adabin_infer"
    program.write_text('#!/bin/sh\necho "$@" >&2\necho \'{"samples": 40}\'\n', encoding="utf-8")
    ended = infer(project, *device, "--label_file", "labels.txt", "--skip_corrupt=true")
    assert ended.returncode == 0 and ended.stderr.splitlines()[-1].endswith(f"--device_type {expected}")
    flags = json.loads(next(line for line in ended.stderr.splitlines() if line.startswith("{")))["flags"]
    assert flags[:3] == ["--label_file", "labels.txt", "--skip_corrupt=true"]


@pytest.mark.parametrize("name", ["CMakeLists.txt", "src/graph/plan.cc", "inc/base/file.h", "tools/api.cc"])
def test_inference_script_warns_of_a_program_older_than_its_sources(project, name):
    assert "warning" not in infer(project).stderr
    os.utime(project / "ascend310_infer" / name, (3000, 3000))
    warnings = [line for line in infer(project).stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1 and f"is older than ascend310_infer/{name}; build it again" in warnings[0]
    assert warnings[0].endswith("bash ascend310_infer/build.sh")


def test_inference_script_refuses_images_that_the_model_takes_for_several(project):
    program = project / "ascend310_infer" / "build" / "adabin_infer"
    program.write_text("#!/bin/sh\necho '{\"samples\": 1960}'\n", encoding="utf-8")
    ended = infer(project)
    assert ended.returncode == 2 and "net.mindir: takes smaller images than were prepared" in ended.stderr
    assert ended.stdout.count("\n") == 1  # no accuracy


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


def test_the_quick_start_of_detection_explains_itself():
    ended = script("quickstart.sh", "detection", "-h")
    assert ended.returncode == 0 and ended.stdout.startswith("Usage: bash scripts/quickstart.sh detection")


@pytest.mark.parametrize("flags", [("2", "-h"), ("2", "config/resnet20_shapes.yaml", "--epochs=1", "--help")])
def test_help_among_the_arguments_of_a_distributed_training_starts_nothing(flags):
    before = set((ROOT / "outputs").glob("distribute_*"))
    ended = script("run_distribute_train.sh", *flags)
    assert ended.returncode == 0 and ended.stdout.startswith("Usage: bash scripts/run_distribute_train.sh")
    ended = call_apart("scripts/distributed_job.py", *flags[2:], flags[-1], cwd=ROOT)
    assert ended.returncode == 0 and ended.stdout.startswith("usage: ") and "--node_rank" in ended.stdout
    assert set((ROOT / "outputs").glob("distribute_*")) == before


def test_missing_arguments_end_in_a_usage_line():
    for name in ("run_eval.sh", "run_infer_310.sh"):
        ended = script(name)
        assert ended.returncode == 2 and "Usage:" in ended.stderr


@pytest.mark.slow
def test_quick_start_of_detection_has_the_scores_of_the_card_and_leaves_pictures():
    ended = script("quickstart.sh", "detection")
    assert ended.returncode == 0, ended.stderr
    assert "25 of 25 binary layers packed" in ended.stdout
    card = json.loads((ROOT / "models" / "ssd300_scenes" / "card.json").read_text(encoding="utf-8"))
    expected = 100 * card["evaluation"]["mindspore"]["map"]
    scores = [float(value) for value in re.findall(r"mAP ([0-9.]+) %", ended.stdout)]
    assert len(scores) == 4 and scores[:2] == pytest.approx([expected] * 2, abs=1) and min(scores) >= expected - 5
    (found,) = re.findall(r"new scenes with boxes +(.+)", ended.stdout)
    assert len(list((ROOT / found).glob("*.png"))) == len(card["pictures"])


@pytest.mark.slow
def test_quick_start_reaches_its_accuracy_with_every_binary_layer_packed():
    ended = script("quickstart.sh")
    assert ended.returncode == 0, ended.stderr
    assert "18 of 18 binary layers packed" in ended.stdout
    accuracies = [float(value) for value in re.findall(r"accuracy in .*?([0-9.]+) %", ended.stdout)]
    assert len(accuracies) == 2 and min(accuracies) >= 85
