# SPDX-License-Identifier: Apache-2.0
"""Keys of a recipe that change nothing are named; flags that speak of test images where none are taken are refused."""

import pytest

from adabin.models import build_model
from adabin.training.optimizer import name_idle_kinds
from adabin.training.steps import step_configs
from adabin.utils.config import read_config
from adabin.utils.effect import name_without_effect, refuse_for_tests
from adabin.utils.errors import UserError
from adabin.utils.places import RECIPES
from tests.programs import TINY, call, refusal_of

RECIPE = "network: resnet8\nnms_iou: 0.6\nmin_score: 0.01\noptimizer: adam\nmomentum: 0.5\nsteps: []\n"


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE)
    return path


def named(capsys, path, overrides, **stage):
    config = read_config(path, overrides)
    stages = [config, config.changed(**stage)] if stage else [config]
    name_without_effect(path, overrides, *stages)
    return capsys.readouterr().err


def test_keys_of_a_recipe_without_effect_are_named_in_one_line_with_what_they_take(recipe, capsys):
    text = named(capsys, recipe, {})
    assert text == (
        f"{recipe}: without effect here: nms_iou (takes task: detection); momentum (takes optimizer: sgd)\n"
    )


def test_what_a_flag_replaced_or_a_stage_uses_or_nobody_chose_is_not_named(recipe, capsys):
    assert "momentum" not in named(capsys, recipe, {"optimizer": "sgd"})
    assert "momentum" not in named(capsys, recipe, {"momentum": 0.9})  # the flag itself is refused elsewhere
    assert "momentum" not in named(capsys, recipe, {}, optimizer="sgd")
    assert not named(capsys, RECIPES / "base.yaml", {})  # defaults are nobody's choice


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_recipe_of_the_project_holds_a_key_without_effect(path, capsys):
    given = {"teacher": "labels"} if read_config(path).stages else {}
    name_without_effect(path, given, *step_configs(read_config(path, given), given))
    assert not capsys.readouterr().err


@pytest.mark.parametrize("nonlinearity, told", [("relu", True), ("maxout", False), ("prelu", False)])
def test_a_kind_spared_from_decay_that_the_network_lacks_is_named(nonlinearity, told, capsys):
    keys = {"network": "resnet8", "nonlinearity": nonlinearity, "decay_exclude": ["nonlinearity", "batch_norm"]}
    config = read_config(None, keys)
    name_idle_kinds(build_model(config), config)
    expected = "decay_exclude: nonlinearity: without effect, resnet8 has no parameter of that kind here\n"
    assert capsys.readouterr().err == (expected if told else "")


def test_the_training_says_so_before_it_begins(recipe, tmp_path):
    flags = (*TINY[2:], "--epochs=1", "--nonlinearity=relu", "--decay_exclude=[nonlinearity]")
    done = call("train.py", "--config_path", recipe, *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    kinds = ["without effect" in line for line in lines]
    assert kinds.count(True) == 2 and max(i for i, found in enumerate(kinds) if found) < next(
        i for i, line in enumerate(lines) if line.startswith("epoch 1/1")
    )


@pytest.mark.parametrize("flag", ["--data_path=DIR", "--num_workers=2", "--eval_batch_size=10"])
def test_export_without_test_images_refuses_flags_that_only_they_heed(tiny_run, tmp_path, flag):
    ended = call("export.py", "--ckpt_path", tiny_run / "best.ckpt", "--check_images=0", flag, cwd=tmp_path)
    name = flag.split("=")[0]
    text = f"error: {name}: has no effect with --check_images 0, which takes no test images; leave it out"
    assert refusal_of(ended) == text


def test_keys_that_an_export_writes_down_are_not_of_test_images_alone():
    refuse_for_tests({"test_size": 10, "image_size": 16, "data_path": "", "num_classes": 3}, "--check_images 0")
    with pytest.raises(UserError, match="--data_path"):
        refuse_for_tests({"data_path": "DIR"}, "--check_images 0")
