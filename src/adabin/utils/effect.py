# SPDX-License-Identifier: Apache-2.0
"""Keys that change nothing for what else was chosen: flags are refused, keys of a recipe named."""

from adabin.utils.base_file import written
from adabin.utils.cli import log
from adabin.utils.config import recipe_keys
from adabin.utils.errors import UserError
from adabin.utils.key import TEST
from adabin.utils.schema import KEYS


def missing_need(key, configs, of=None):
    """The first `Need` of a key that holds in none of the configs, those of a run's stages, or None.

    `of` are the only other keys that count; None: all.
    """
    needs = [need for need in KEYS[key].needs if of is None or need.key in of]
    return next((need for need in needs if not any(map(need.holds, configs))), None)


def refuse_without_effect(overrides, *configs, besides=(), of=None):
    """Refuse config keys that a user has just given and that have no effect.

    Args:
        overrides (dict): keys that flags gave; a value that asks for nothing (0, false, "", []) is never refused.
        configs (Config): what came of them; of every stage of a training.
        besides: keys that are needed for something else, such as to agree with a checkpoint.
        of: see `missing_need`.

    Raises:
        UserError: names the flag and what else it would take.
    """
    for key, value in overrides.items():
        need = missing_need(key, configs, of) if value and key not in besides else None
        if need:
            raise UserError(
                f"--{key}: has no effect with {need.key}={written(getattr(configs[0], need.key))} "
                f"(it takes {need.what}); leave it out"
            )


def name_without_effect(path, overrides, *configs):
    """Say in one line which keys of a recipe have no effect in the configs that came of it.

    Keys that flags replaced are none of its own, and a default is nothing that was chosen.
    """
    idle = {
        key: need
        for key, value in recipe_keys(path).items()
        if value and value != KEYS[key].default and key not in overrides and (need := missing_need(key, configs))
    }
    if idle:
        whole = "; ".join(f"{key} (takes {need.key}: {need.what})" for key, need in idle.items())
        log(f"{path}: without effect here: {whole}")


def refuse_for_tests(overrides, flag):
    """Refuse keys that speak of test images alone where `flag` asks for none.

    Raises:
        UserError: names the key and the flag.
    """
    for key, value in overrides.items():
        if value and KEYS[key].uses == (TEST,) and not KEYS[key].exported:
            raise UserError(f"--{key}: has no effect with {flag}, which takes no test images; leave it out")


def without_keys_of_other_data(config, overrides):
    """The config without what it says of the data of the training, where a flag names another data set."""
    if "dataset" not in overrides:
        return config
    idle = [key for key in KEYS if key not in overrides and missing_need(key, [config], of=("dataset",))]
    return config.changed(**{key: KEYS[key].default for key in idle})
