# SPDX-License-Identifier: Apache-2.0
"""Trainings in stages: the two-step recipe end to end, stopped and resumed in each step, and what is refused."""

import csv
import shutil
import signal
from pathlib import Path

import pytest

from adabin.models import build_model
from adabin.training import opened_run
from adabin.training.steps import parse_step, step_configs
from adabin.utils.checkpoint import read_checkpoint
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from scripts import summary
from tests.programs import ROOT, STEPS_PER_EPOCH, TINY, call, call_apart, refusal_of, result_of
from tests.runs import assert_same_run, only_run_in

TWO_STEP = (
    "--config_path", str(ROOT / "config" / "resnet20_shapes_two_step.yaml"), *TINY[2:], "--epochs=2", "--lr=0.005",
)  # fmt: skip
FLOAT = ("--network=standard_resnet8", "--w_bits=32", "--a_bits=32", "--nonlinearity=relu", "--epochs=1")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    return result_of(call("train.py", *TINY, *FLOAT, "--output_path", folder, cwd=folder))["run"] + "/best.ckpt"


@pytest.fixture(scope="module")
def two_steps(teacher, tmp_path_factory):
    """(run folder, result) of a two-step training that ran to its end."""
    folder = tmp_path_factory.mktemp("two")
    flags = (*TWO_STEP, "--teacher", teacher, "--output_path", folder / "outputs")
    result = result_of(call("train.py", *flags, cwd=folder))
    return Path(result["run"]), result


def health_of(run):
    """Quantities of the binary layers that metrics.csv has, and its rows."""
    with open(run / "metrics.csv", newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    return {column.partition("/")[0] for column in rows[0] if "/" in column}, rows


def test_each_step_is_a_run_of_its_own_and_the_second_starts_from_the_first(two_steps, teacher):
    run, result = two_steps
    assert {path.name for path in run.iterdir()} == {"config.yaml", "train.log", "step1", "step2"}
    configs = [read_config(run / step / "config.yaml") for step in ("step1", "step2")]
    assert [(c.w_bits, c.a_bits, c.weight_decay, c.optimizer, c.lr_schedule, c.stages) for c in configs] == [
        (32, 1, 1e-5, "adam", "linear", []), (1, 1, 0.0, "adam", "linear", []),
    ]  # fmt: skip
    assert [c.pretrained for c in configs] == ["", str(run / "step1" / "last.ckpt")]
    assert {c.teacher for c in configs} == {teacher}
    first, second = (read_checkpoint(run / step / "last.ckpt") for step in ("step1", "step2"))
    assert (first[0]["w_bits"], second[0]["w_bits"]) == (32, 1) and first[1].keys() == second[1].keys()
    assert not any(name.startswith("teacher") or "teacher." in name for name in second[1])
    assert result["final"] == str(run / "step2") and result["pretrained"]["missing"] == 0
    assert [step["run"] for step in result["steps"]] == [str(run / "step1"), str(run / "step2")]
    # Float weights have no signs to change; both steps binarize activations.
    line = refusal_of(call("train.py", "--resume", run / "step1", cwd=run.parent))
    assert f"--resume {run / 'step1'}: is a stage of a training in several; give the folder above it" in line
    assert health_of(run / "step1")[0] == {"alpha", "beta", "saturation"}
    quantities, rows = health_of(run / "step2")
    assert quantities == {"flips", "alpha", "beta", "saturation"} and all(all(row.values()) for row in rows)


def test_a_two_step_training_killed_in_each_step_ends_as_one_that_was_not(two_steps, teacher, tmp_path):
    def killed(moment, count, *flags):
        ended = call_apart("tests/killed_training.py", moment, count, *flags, cwd=tmp_path)
        assert ended.returncode == -signal.SIGKILL and ended.stdout == "", ended.stderr

    # In the second epoch of the first step.
    flags = (*TWO_STEP, "--teacher", teacher, "--output_path", tmp_path / "outputs")
    killed("step", STEPS_PER_EPOCH + 5, *flags)
    run = only_run_in(tmp_path)
    assert (run / "step1" / "last.ckpt").exists() and not (run / "step2").exists()
    # In the first epoch of the second step: it starts again from the end of the first.
    killed("step", STEPS_PER_EPOCH + 5, "--resume", run)
    assert read_checkpoint(run / "step1" / "last.ckpt")[0]["epoch"] == 2
    assert (run / "step2" / "config.yaml").exists() and not (run / "step2" / "last.ckpt").exists()
    # While the last checkpoint of all is written.
    killed("last.ckpt", 2, "--resume", run)
    assert read_checkpoint(run / "step2" / "last.ckpt")[0]["epoch"] == 1
    result = result_of(call("train.py", "--resume", run, cwd=tmp_path))
    for step in ("step1", "step2"):
        assert_same_run(run / step, two_steps[0] / step)
    assert result["top1"] == two_steps[1]["top1"]


def test_stages_are_prepared_once_each_and_go_on_without_the_checkpoint_that_the_first_began_with(
    tiny_run, tmp_path, monkeypatch
):
    prepared = []
    monkeypatch.setattr(opened_run, "build_model", lambda config: prepared.append(config.lr) or build_model(config))
    start = shutil.copy(tiny_run / "best.ckpt", tmp_path / "start.ckpt")
    stages = ("--teacher=labels", "--stages=['lr=1e-3', 'lr=1e-4']", "--pretrained", start)
    flags = (*TINY, "--epochs=1", *stages, "--output_path", tmp_path / "outputs")
    ended = call("train.py", *flags, cwd=tmp_path)
    run = Path(result_of(ended)["run"])
    assert prepared == [1e-3, 1e-4] and ended.stderr.count(f"starting from {start}: ") == 1
    shutil.rmtree(run / "step2")
    start.unlink()
    result = result_of(call("train.py", "--resume", run, cwd=tmp_path))
    assert result["final"] == str(run / "step2") and (run / "step2" / "last.ckpt").is_file()


def test_the_final_checkpoint_evaluates_exports_and_counts_as_any_other(two_steps, tmp_path):
    run = two_steps[0]
    evaluated = result_of(call("eval.py", "--output_path", run.parents[1], cwd=tmp_path))
    assert evaluated["ckpt"] == str(run / "step2" / "best.ckpt")
    assert evaluated["top1"] == two_steps[1]["best_top1"]
    flags = ("--ckpt_path", run / "step2" / "best.ckpt", "--file_name", tmp_path / "net")
    assert result_of(call("export.py", *flags, cwd=tmp_path))["binary_layers"] == 6
    counted = summary.main(["--config_path", str(run / "step2" / "config.yaml")])
    assert counted["binary_weights"] > 0 and counted["bops"] > 0


AVERAGE = ("--ema_decay=0.9",)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            (*AVERAGE, "--amp_level=O2", "--accumulation=2", "--optimizer=adam", "--lr=0.005", "--clip_norm=1"),
            id="adam-float16-parts",
        ),
        pytest.param(
            (*AVERAGE, "--evaluate_ema=false", "--label_smoothing=0.1", "--lr_schedule=linear"),
            id="sgd",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run_with_an_average_resumes_to_the_last_bit_and_gives_both_weights(tmp_path, options):
    flags = (*TINY, "--epochs=2", *options)
    reference = result_of(call("train.py", *flags, "--output_path", tmp_path / "whole" / "outputs", cwd=tmp_path))
    ended = call_apart(
        "tests/killed_training.py", "last.ckpt", 2, *flags, "--output_path", tmp_path / "outputs", cwd=tmp_path
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    run = only_run_in(tmp_path)
    assert read_checkpoint(run / "last.ckpt")[0]["epoch"] == 1
    result = result_of(call("train.py", "--resume", run, cwd=tmp_path))
    whole = only_run_in(tmp_path / "whole")
    assert_same_run(run, whole)
    assert result["top1"] == reference["top1"]
    averaged, own = (
        result_of(call("eval.py", "--ckpt_path", run / "last.ckpt", f"--evaluate_ema={choice}", cwd=tmp_path))
        for choice in ("true", "false")
    )
    assert averaged["loss"] != own["loss"]
    assert result["top1"] == (own if "--evaluate_ema=false" in options else averaged)["top1"]
    exported = result_of(call("export.py", "--ckpt_path", run / "best.ckpt", cwd=tmp_path))
    assert exported["largest_difference"] < 1e-3


# --- refusals


def test_a_recipe_in_steps_asks_for_its_teacher(tmp_path):
    line = refusal_of(call("train.py", *TWO_STEP, cwd=tmp_path))
    assert line.startswith("error: --teacher: is not given") and "config/teacher_" in line
    assert not list(tmp_path.iterdir())


def test_a_teacher_for_other_pictures_or_classes_is_refused(teacher, tmp_path):
    for flag, part in (
        ("--mean=[0.5, 0.5, 0.5]", "has mean=[0.485"),
        ("--teacher=absent.ckpt", "absent.ckpt: no such"),
    ):
        line = refusal_of(call("train.py", *TWO_STEP, "--teacher", teacher, flag, cwd=tmp_path))
        assert part in line, line
    assert not (tmp_path / "outputs").exists()


def test_a_teacher_that_does_not_say_what_it_is_is_refused(teacher, tmp_path):
    import mindspore as ms

    _, tensors = read_checkpoint(teacher)
    ms.save_checkpoint([{"name": n, "data": ms.Tensor(v)} for n, v in tensors.items()], str(tmp_path / "bare.ckpt"))
    line = refusal_of(call("train.py", *TINY, "--teacher", tmp_path / "bare.ckpt", cwd=tmp_path))
    assert "bare.ckpt: does not say which network it holds" in line


@pytest.mark.parametrize(
    "text, part",
    [
        ("w_bits=3", "w_bits: 3 is not one of 1, 32"),
        ("dataset=cifar10", "'dataset=cifar10' is not key=value with a key of w_bits"),
        ("w_bits", "'w_bits' is not key=value"),
        ("lr=fast", "lr: 'fast' is not of type float"),
        ("lr=[", "'lr=[' cannot be read"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(text, part):
    with pytest.raises(UserError) as caught:
        parse_step(text)
    assert part in str(caught.value)


def test_a_step_that_contradicts_the_recipe_is_refused():
    config = read_config(None, {"teacher": "labels", "stages": ["estimator_t_min=1e-2", "estimator_t_min=20"]})
    with pytest.raises(
        UserError, match=r"stages: 'estimator_t_min=20': estimator_t_min: 20\.0 is above estimator_t_max=10\.0"
    ):
        step_configs(config, {})


def test_a_stage_may_name_a_key_as_it_was_called():
    assert parse_step("t_min=1e-2 progressive=false") == {"estimator_t_min": 0.01, "estimator_progressive": False}


def test_a_flag_that_a_step_overrides_is_refused_and_one_that_agrees_is_not():
    config = read_config(ROOT / "config" / "resnet20_shapes_two_step.yaml", {"teacher": "labels"})
    with pytest.raises(UserError, match=r"--w_bits=1: stage 1 of the recipe sets w_bits=32"):
        step_configs(config, {"w_bits": 1})
    first, second = step_configs(config, {"a_bits": 1, "teacher": "labels"})
    assert (first.w_bits, second.w_bits) == (32, 1)
    assert step_configs(read_config(None), {"w_bits": 1})[0].w_bits == 1


def test_a_run_in_steps_that_moved_goes_on_where_it_lies(two_steps, tmp_path):
    run = shutil.copytree(two_steps[0], tmp_path / "moved")
    result = result_of(call("train.py", "--resume", run, cwd=tmp_path))
    assert result["run"] == str(run) and result["best_top1"] == two_steps[1]["best_top1"]


def test_a_text_that_yaml_cannot_read_is_refused_and_an_equal_flag_is_no_contradiction():
    with pytest.raises(UserError, match="'lr=2026-99-99' cannot be read"):
        parse_step("lr=2026-99-99")
    config = read_config(None, {"stages": ["w_bits=32 lr=1e-3", "lr=1e-3"], "teacher": "labels", "lr": "1e-3"})
    assert [stage.lr for stage in step_configs(config, {"lr": "1e-3"})] == [1e-3, 1e-3]
