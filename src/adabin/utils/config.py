# SPDX-License-Identifier: Apache-2.0
"""Configs: a YAML file over `config/base.yaml`, flags over both; every key known, every value of its type."""

import argparse
import difflib
import math
import re
from pathlib import Path
from types import SimpleNamespace

import yaml

from adabin.utils.errors import UserError
from adabin.utils.places import RECIPES
from adabin.utils.yaml_file import read_yaml

BASE_PATH = RECIPES / "base.yaml"
CHOICES = {
    "w_bits": (1, 32),
    "a_bits": (1, 32),
    "device_target": ("CPU", "GPU", "Ascend"),
    "mode": ("GRAPH", "PYNATIVE"),
    "cpu_kernels": ("auto", "on", "off"),
    "optimizer": ("sgd", "adam"),
    "lr_schedule": ("cosine", "linear"),
    "amp_level": ("O0", "O2"),
}
AT_LEAST = {
    "epochs": 1,
    "batch_size": 1,
    "eval_batch_size": 1,
    "num_workers": 1,
    "log_steps": 1,
    "num_classes": 0,
    "momentum": 0,
    "weight_decay": 0,
    "accumulation": 1,
    "clip_norm": 0,
    "label_smoothing": 0,
    "ema_decay": 0,
    "train_size": 0,
    "test_size": 0,
    "device_id": 0,
    "seed": 0,
    "split_seed": 0,
    "image_size": 4,
    "resize": 0,
}
AT_MOST = {
    "seed": 2**32 - 1,  # NumPy's generator takes no more
    "train_size": 10**6,
    "test_size": 10**6,
    "batch_size": 65536,
    "eval_batch_size": 65536,
    "val_share": 0.9,
    "crop_scale": 1.0,
    "label_smoothing": 0.9,
    "ema_decay": 0.9999999,
}
BELOW = {"momentum": 1}
POSITIVE = ("lr", "t_min", "t_max", "std", "val_share", "crop_scale")
LISTS = {"decay_exclude": "[batch_norm]", "class_names": "[cat, dog]", "steps": "['w_bits=32 lr=1e-3', 'lr=1e-3']"}


class Config(SimpleNamespace):
    """Resolved config: one attribute per key of `config/base.yaml`."""

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


def _number(value):
    """A number, or a text that YAML should have read as one (1e-4), as a float; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    try:
        return float(value)
    except (ValueError, OverflowError):
        return value


def _checked(key, value, default, source):
    """Value with the type of the default; an int is a float too."""
    if isinstance(default, float):
        value = _number(value)
    if isinstance(value, bool) and "off" in CHOICES.get(key, ()):
        value = "on" if value else "off"  # which YAML takes for truth values
    if key in LISTS and not isinstance(value, list):
        raise UserError(f"{source}: {key}: {value!r} is not of type list; give one, such as '{LISTS[key]}'")
    if type(value) is not type(default):
        raise UserError(
            f"{source}: {key}: {value!r} is not of type {type(default).__name__}; the default is {default!r}"
        )
    if default == []:
        if not all(isinstance(v, str) for v in value):
            raise UserError(f"{source}: {key}: {value!r} is not a list of texts; put each one into quotes")
        return value
    if isinstance(default, list):
        numbers = [_number(v) for v in value]
        if len(value) != len(default) or not all(type(v) is float and math.isfinite(v) for v in numbers):
            raise UserError(f"{source}: {key}: {value!r} is not a list of {len(default)} numbers like {default!r}")
        if key in POSITIVE and not min(numbers) > 0:
            raise UserError(
                f"{source}: {key}: {value!r} holds a number that is not above 0; the default is {default!r}"
            )
        return numbers
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{source}: {key}: {value!r} is not a finite number; the default is {default!r}")
    if key in CHOICES and value not in CHOICES[key]:
        raise UserError(f"{source}: {key}: {value!r} is not one of {', '.join(map(str, CHOICES[key]))}")
    if key in AT_LEAST and not value >= AT_LEAST[key]:
        raise UserError(f"{source}: {key}: {value!r} is too small; give {AT_LEAST[key]} or more")
    if key in AT_MOST and not value <= AT_MOST[key]:
        raise UserError(f"{source}: {key}: {value!r} is too large; give {AT_MOST[key]} or less")
    if key in BELOW and not value < BELOW[key]:
        raise UserError(f"{source}: {key}: {value!r} is too large; give less than {BELOW[key]}")
    if key in POSITIVE and not value > 0:
        raise UserError(f"{source}: {key}: {value!r} is not above 0; the default is {default!r}")
    return value


def checked_value(key, value, source):
    """A value for a key of `config/base.yaml` after it was found to be of its type and range, else a UserError."""
    return _checked(key, value, read_yaml(BASE_PATH)[key], source)


def check_together(values, source):
    """Refuse values that contradict each other; each of them has passed `checked_value`."""
    if values["t_min"] > values["t_max"]:
        raise UserError(
            f"{source}: t_min: {values['t_min']!r} is above t_max={values['t_max']!r}, but t rises; give t_max or less"
        )


def _as_of_then(keys):
    """Keys of a file, with what one that holds all keys of an earlier time meant by those that it does not have.

    Before there was `split_seed`, folders of pictures were split by `seed`, and no data set but shapes heeded
    `train_size` and `test_size`. A recipe, which holds what differs from the defaults, means today's.
    """
    written = {"seed", "val_share", "class_names"} <= keys.keys()  # by a run, an export or the converter
    if not written or "split_seed" in keys:
        return keys
    whole = {} if keys.get("dataset") == "shapes" else {"train_size": 0, "test_size": 0}
    return keys | {"split_seed": keys["seed"]} | whole


def read_config(path, overrides=None):
    """Config of a file, over the defaults, below the overrides.

    Args:
        path: YAML file, or None for the defaults alone.
        overrides (dict): key to value, e.g. from flags.

    Raises:
        UserError: unreadable file, unknown key (the nearest is suggested), value of a wrong type or range.
    """
    defaults = read_yaml(BASE_PATH)
    values = dict(defaults)
    for source, keys in ((path, _as_of_then(read_yaml(path)) if path else {}), ("command line", overrides or {})):
        for key, value in keys.items():
            if key not in defaults:
                raise UserError(
                    f"{source}: unknown key {key!r}{nearest(str(key), defaults)}; config/base.yaml lists all keys"
                )
            values[key] = _checked(key, value, defaults[key], source)
    for key, value in defaults.items():
        values[key] = _checked(key, values[key], value, path)
    check_together(values, "command line" if {"t_min", "t_max"} & set(overrides or {}) else path)
    return Config(**values)


def _help_texts():
    """Key to the comment behind it in base.yaml, so that help and file never differ."""
    pattern = re.compile(r"^(\w+):[^#]*#\s*(.+)$")
    matches = (pattern.match(line) for line in BASE_PATH.read_text(encoding="utf-8").splitlines())
    return {m.group(1): m.group(2).replace("%", "%%") for m in matches if m}


class _Parser(argparse.ArgumentParser):
    """Errors end in a UserError, not in argparse's own exit with a page of usage."""

    def error(self, message):
        raise UserError(f"{self.prog}: {message}; -h lists all flags")


def parse_flags(description, argv, add_flags, with_config_keys=True):
    """Parse the flags of an entry point.

    Args:
        description (str): first lines of `-h`.
        argv (list of str): command line without the program's name.
        add_flags: function that adds the entry point's own flags to an ArgumentParser.
        with_config_keys (bool): also accept every config key as `--key=value`.

    Returns:
        (namespace of own flags, dict of the config keys that were given).
    """
    parser = _Parser(description=description, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_flags(parser)
    # An entry point's own flag hides a config key of the same name (export.py: --batch_size).
    defaults = {
        key: value
        for key, value in read_yaml(BASE_PATH).items()
        if with_config_keys and f"--{key}" not in parser._option_string_actions
    }
    texts = _help_texts()
    group = parser.add_argument_group("config keys (defaults of config/base.yaml; a recipe changes some)")
    for key, default in defaults.items():
        group.add_argument(f"--{key}", metavar="V", help=f"{texts.get(key, '')} [{default}]")
    flags, unknown = parser.parse_known_args(argv)
    if unknown:
        names = [option for action in parser._actions for option in action.option_strings]
        word = unknown[0].split("=")[0]
        raise UserError(f"{parser.prog}: unknown argument {word}{nearest(word, names)}; -h lists all flags")
    overrides = {}
    for key in defaults:
        text = getattr(flags, key)
        delattr(flags, key)
        if text is not None:
            try:
                overrides[key] = text if isinstance(defaults[key], str) else yaml.safe_load(text)
            except (yaml.YAMLError, ValueError, RecursionError) as error:
                raise UserError(f"--{key}: {text!r} cannot be read; the default is {defaults[key]!r}") from error
    return flags, overrides
