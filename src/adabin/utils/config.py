# SPDX-License-Identifier: Apache-2.0
"""Configs: a YAML file over the defaults of the schema, flags over both; every key known, every value of its type."""

import argparse
import copy
import difflib
from pathlib import Path
from types import SimpleNamespace

import yaml

from adabin.utils.base_file import written
from adabin.utils.cli import log
from adabin.utils.errors import UserError
from adabin.utils.places import RECIPES
from adabin.utils.schema import GROUPS, KEYS, OUTPUTS, RENAMED
from adabin.utils.yaml_file import read_yaml

BASE_PATH = RECIPES / "base.yaml"


class Config(SimpleNamespace):
    """Resolved config: one attribute per key of `KEYS`. Frozen: what needs another value takes a `changed` copy.

    A list is given as a copy, so that changing it changes no config.
    """

    def __setattr__(self, key, value):
        raise AttributeError(f"a config is frozen: config.changed({key}=...) gives another")

    def __delattr__(self, key):
        raise AttributeError(f"a config is frozen: {key} cannot be deleted")

    def __getattribute__(self, key):
        value = super().__getattribute__(key)
        return list(value) if isinstance(value, list) else value

    def changed(self, **values):
        """A config with other values."""
        return type(self)(**vars(self) | values)

    def text(self, header=""):
        """All keys as YAML, readable by `read_config`, below a header of comments."""
        return header + yaml.safe_dump(vars(self), sort_keys=False, allow_unicode=True)

    def save(self, path, header=""):
        """Write `text` to a file."""
        Path(path).write_text(self.text(header), encoding="utf-8")


def nearest(word, known):
    """' (did you mean X?)', or nothing where no known word resembles it."""
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def checked_value(key, value, source):
    """A value for a key of `KEYS` after it was found to be of its type and range, else a UserError."""
    return KEYS[key].checked(value, f"{source}: {key}")


def _checked_values(keys, source):
    """The checked values of a file or of flags, by the names that keys have now.

    Raises:
        UserError: unknown key, a key that has its old and its new name, or a wrong value.
    """
    values = {}
    for name, value in keys.items():
        key = RENAMED.get(name, name)
        if key not in KEYS:
            raise UserError(f"{source}: unknown key {key!r}{nearest(str(key), KEYS)}; config/base.yaml lists all keys")
        if key in values:
            raise UserError(f"{source}: {key}: stands there twice, also by its old name; leave one of them out")
        values[key] = KEYS[key].checked(value, f"{source}: {name}")
    return values


def check_together(values, source):
    """Refuse values that contradict each other; each of them has passed `checked_value`."""
    if values["estimator_t_min"] > values["estimator_t_max"]:
        raise UserError(
            f"{source}: estimator_t_min: {values['estimator_t_min']!r} is above estimator_t_max="
            f"{values['estimator_t_max']!r}, but t rises; give that or less"
        )


def _as_of_then(keys):
    """Keys of a file, by their names of now, with what a file of all keys of an earlier time meant by those it lacks.

    Before there was `split_seed`, folders of pictures were split by `seed`, and no data set but shapes heeded
    `train_size` and `test_size`. A recipe, which holds what differs from the defaults, means today's.
    """
    written = {"seed", "test_share", "class_names"} <= keys.keys()  # by a run, an export or the converter
    if not written or "split_seed" in keys:
        return keys
    whole = {} if keys.get("dataset") == "shapes" else {"train_size": 0, "test_size": 0}
    return keys | {"split_seed": keys["seed"]} | whole


def recipe_keys(path, text=None):
    """The checked keys that a file itself holds, by the names that they have now; arguments as of `read_config`.

    Raises:
        UserError: see `read_config`.
    """
    content = {key: value for key, value in (read_yaml(path, text) if path else {}).items() if key != OUTPUTS}
    return _checked_values(content, path)


def read_config(path, overrides=None, text=None):
    """Config of a file, over the defaults, below the overrides.

    Args:
        path: YAML file, or None for the defaults alone.
        overrides (dict): key to value, e.g. from flags; here and in the file a key may have its old name.
        text (str): the YAML, where `path` is another file that holds it; None: of the file.

    Raises:
        UserError: unreadable file, unknown key (the nearest is suggested), value of a wrong type or range.
    """
    defaults = {key: copy.copy(entry.default) for key, entry in KEYS.items()}
    of_file = _as_of_then(recipe_keys(path, text))
    of_flags = _checked_values(overrides or {}, "command line")
    values = defaults | of_file | of_flags
    check_together(values, "command line" if {"estimator_t_min", "estimator_t_max"} & of_flags.keys() else path)
    return Config(**values)


class _Parser(argparse.ArgumentParser):
    """Errors end in a UserError, not in argparse's own exit with a page of usage."""

    def error(self, message):
        raise UserError(f"{self.prog}: {message}; -h lists all flags")


def parse_flags(description, argv, add_flags, with_config_keys=True, uses=None, tell=log):
    """Parse the flags of an entry point.

    Args:
        description (str): first lines of `-h`.
        argv (list of str): command line without the program's name.
        add_flags: function that adds the entry point's own flags to an ArgumentParser.
        with_config_keys (bool): also accept config keys as `--key=value`.
        uses (tuple): what the program does, as `Key.uses` says it: only keys that have an effect there are accepted.
            None: all keys, as in a training.
        tell: is told the new name of a flag that was given by its old one.

    Returns:
        (namespace of own flags, dict of the config keys that were given, by the names that they have now).
    """
    parser = _Parser(description=description, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_flags(parser)
    given = _add_config_keys(parser, uses) if with_config_keys else {}
    flags, unknown = parser.parse_known_args(argv)
    if unknown:
        names = [f"--{key}" for key in given]
        names += [name for action in parser._actions if action.dest not in given for name in action.option_strings]
        word = unknown[0].split("=")[0]
        key = RENAMED.get(word.removeprefix("--"), word.removeprefix("--"))
        if with_config_keys and word.startswith("--") and key in KEYS:
            raise UserError(f"{parser.prog}: {word}: is a key of train.py and has no effect here; leave it out")
        raise UserError(f"{parser.prog}: unknown argument {word}{nearest(word, names)}; -h lists all flags")
    for old, new in RENAMED.items():
        action = parser._option_string_actions.get(f"--{old}")  # may be a flag of the program's own
        if action and action.dest == new and any(word.split("=")[0] == f"--{old}" for word in argv):
            tell(f"--{old} is called --{new} now")
    overrides = {}
    for key, entry in given.items():
        text = getattr(flags, key)
        delattr(flags, key)
        if text is not None:
            try:
                overrides[key] = text if isinstance(entry.default, str) else yaml.safe_load(text)
            except (yaml.YAMLError, ValueError, RecursionError) as error:
                raise UserError(f"--{key}: {text!r} cannot be read; the default is {entry.default!r}") from error
    return flags, overrides


def _add_config_keys(parser, uses):
    """Give a parser a flag for each key, below the headings of config/base.yaml; returns the keys that got one.

    An entry point's own flag hides a key of the same name (export.py: --batch_size).
    """
    given = {}
    about = "config keys, with the defaults of config/base.yaml; a recipe changes some"
    for name, keys in GROUPS.items():
        keys = {
            key: entry
            for key, entry in keys.items()
            if f"--{key}" not in parser._option_string_actions and (uses is None or set(uses) & set(entry.uses))
        }
        if not keys:
            continue
        group = parser.add_argument_group(name, about if not given else None)
        for key, entry in keys.items():
            values = "|".join(map(str, entry.choices)) or ("true|false" if isinstance(entry.default, bool) else "V")
            explained = f"{entry.help} [{written(entry.default)}]"
            group.add_argument(f"--{key}", metavar=values, help=explained.replace("%", "%%"))
            for old in (old for old, new in RENAMED.items() if new == key):
                if f"--{old}" not in parser._option_string_actions:
                    group.add_argument(f"--{old}", dest=key, default=None, help=argparse.SUPPRESS)
        given |= keys
    return given
