# SPDX-License-Identifier: Apache-2.0
"""Trainings in stages, one after the other, each from the weights of the one before: the two-step recipe of ReActNet.

A config's `stages` lists what differs between them: "w_bits=32 weight_decay=1e-5". A run's folder then holds step1/,
step2/, ..., a run folder for each stage, named as they were when the key was `steps`.
"""

import yaml

from adabin.utils.config import check_together, checked_value
from adabin.utils.errors import UserError
from adabin.utils.schema import RENAMED, keys_with

# What a stage may change; data, network, teacher and device are those of the run.
STAGE_KEYS = keys_with("in_stage")


def parse_step(text):
    """Key to value of one entry of `stages`.

    Raises:
        UserError: not of the form "key=value key=value", a key that no stage may change, or a wrong value.
    """
    changes = {}
    for part in text.split():
        key, equals, value = part.partition("=")
        key = RENAMED.get(key, key)
        if not equals or key not in STAGE_KEYS:
            raise UserError(f"config: stages: {part!r} is not key=value with a key of {', '.join(STAGE_KEYS)}")
        try:
            read = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise UserError(f"config: stages: {part!r} cannot be read") from error
        changes[key] = checked_value(key, read, "config: stages")
    return changes


def step_configs(config, overrides):
    """Config of each stage of a run; the config itself where it has none.

    Args:
        config (Config): of the run.
        overrides (dict): keys that flags gave; one that a stage sets too is a contradiction.

    Raises:
        UserError: see `parse_step`, a contradiction, or no teacher.
    """
    configs = []
    if config.stages and not config.teacher:
        raise UserError(
            "--teacher: is not given, and a training in stages learns from a trained network; train one "
            "(config/teacher_*.yaml) and give its best.ckpt, or learn from the labels with --teacher=labels"
        )
    for number, text in enumerate(config.stages, 1):
        changes = parse_step(text)
        for key in changes:
            if key in overrides and getattr(config, key) != changes[key]:
                raise UserError(
                    f"--{key}={overrides[key]}: stage {number} of the recipe sets {key}={changes[key]}; "
                    "change `stages` in a copy of the recipe"
                )
        configs.append(config.changed(**changes, stages=[]))
        check_together(vars(configs[-1]), f"config: stages: {text!r}")
    return configs or [config]


def run_steps(configs, run, train_step, score):
    """Do the trainings of a run in sequence; finished ones are only looked up.

    Args:
        configs (list of Config): of the stages.
        run (RunFolder): of the whole run.
        train_step: function (config, RunFolder) -> result of `train`.
        score (str): the task's.

    Returns:
        dict: that of the last stage, its folder as `final`, and `steps` with the scores of all.
    """
    results, folder = [], None
    for number, config in enumerate(configs, 1):
        if folder and folder.path:
            # The last weights (their average, where one is evaluated), not the best: which epoch's those are was chosen
            # by looking at the test images.
            config = config.changed(pretrained=str(folder.last))
        folder = run.of_step(number, config)
        run.log(f"stage {number} of {len(configs)}: {folder.path}")
        results.append(train_step(config, folder))
    keys = ("epochs", score, f"best_{score}", "run")
    summary = {"run": str(run.path), "final": results[-1]["run"]}
    return results[-1] | summary | {"steps": [{key: result[key] for key in keys} for result in results]}
