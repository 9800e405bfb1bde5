# SPDX-License-Identifier: Apache-2.0
"""The text of config/base.yaml: every key with its default and its help, for users to read and to copy from."""

from adabin.utils.schema import GROUPS

HEADER = """\
# Every key of a config with its default; a recipe beside this file holds only what differs.
# Any key is a flag too: --key=value. The comment behind a key is its help text.
# Written by scripts/write_base.py from src/adabin/utils/schema.py.

"""
WIDTH = 29  # of key and value; what is longer moves its comment to the right


def base_text():
    """All of config/base.yaml."""
    lines = [HEADER]
    for group, keys in GROUPS.items():
        lines.append(f"# --- {group}\n")
        for name, key in keys.items():
            lines.append(f"{f'{name}: {written(key.default)}':<{WIDTH}}  # {key.help}\n")
        lines.append("\n")
    return "".join(lines[:-1])


def written(value):
    """A default as YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, float) and 0 < value < 0.01:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return '""' if value == "" else str(value)
