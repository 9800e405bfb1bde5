# SPDX-License-Identifier: Apache-2.0
"""Names of classes, and letters to draw them with."""

from adabin.utils.errors import UserError

# matplotlib's own font has no Chinese, Japanese and Korean; whichever of these is installed fills in.
FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback")
LONGEST_NAME = 40


def class_names(config, count):
    """Names of a network's outputs; their numbers where nobody knows the names.

    Raises:
        UserError: the config has another number of classes.
    """
    for key, expected in (("class_names", len(config.class_names)), ("num_classes", config.num_classes)):
        if expected not in (0, count):
            raise UserError(
                f"{key}: the config has {expected} classes, the network {count} outputs; "
                "give the config that belongs to it with --config_path, and no flag against it"
            )
    return config.class_names or [f"class {number}" for number in range(count)]


def font_family():
    """Fonts for matplotlib that have the letters of names in any language, as far as they are installed."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in FONTS if name in installed)]


def shortened(name):
    """A name of 40 letters at most."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
