# SPDX-License-Identifier: Apache-2.0
"""Reading a YAML file of keys and values."""

import stat
from pathlib import Path

import yaml

from adabin.utils.errors import UserError

LARGEST = 4 << 20  # bytes; ImageNet's thousand class names take 30 KB


class _Repeated(yaml.YAMLError):
    """A key that stands twice in a mapping, of which YAML's own reader silently takes the last."""

    def __init__(self, key, mark):
        super().__init__(key)
        self.key, self.problem_mark = key, mark


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag == "tag:yaml.org,2002:str" and key.value in seen:
                raise _Repeated(key.value, key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


def _text(path):
    """Content of a file, after it was found to be one that ends."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):  # the latter has a message of its own
        raise UserError(f"{path}: is no regular file; give an existing config with --config_path")
    if status.st_size > LARGEST:
        raise UserError(
            f"{path}: has {status.st_size} bytes, more than any config; give an existing config with --config_path"
        )
    return path.read_text(encoding="utf-8")


def read_yaml(path, text=None):
    """The keys and values of a config file, or of `text`, which the file `path` holds among other things.

    Raises:
        UserError: cannot be read, is no file or larger than `LARGEST`, is no valid YAML, holds no keys, or one of them
            twice.
    """
    try:
        content = yaml.load(_text(Path(path)) if text is None else text, _Loader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise UserError(f"{path}: cannot be read ({reason}); give an existing config with --config_path") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2026-99-99
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        if isinstance(error, _Repeated):
            raise UserError(f"{path}{line}: {error.key}: stands there twice; leave one of them out") from error
        raise UserError(f"{path}{line}: not valid YAML; compare it with config/base.yaml") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no keys; compare it with config/base.yaml")
    return content
