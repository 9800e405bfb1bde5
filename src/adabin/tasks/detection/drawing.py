# SPDX-License-Identifier: Apache-2.0
"""A picture with the objects that a network sees in it, and beside it those that are there."""

import colorsys
import warnings

from adabin.tasks.names import font_family, shortened
from adabin.utils.files import replacing

DPI = 100
SMALLEST, LARGEST = 480, 1600  # pixels of a drawn picture's longer side: names stay readable, files small
THINNEST = 24  # of its shorter one: a picture of one row is stretched
HEADING, GAP, LETTERS = 26, 12, 9  # pixels, pixels, points


def save_drawing(path, picture, *panels):
    """Draw a picture once per panel, side by side, each with its objects.

    Args:
        path: of the PNG file.
        picture: uint8 (H, W, 3), RGB.
        panels: (heading or "", list of objects): a dict each with `class`, `name`, `box` in pixels of the picture, and,
            where they have them, `score` and `ignored`, which is drawn dashed.
    """
    from matplotlib.figure import Figure

    height, width = picture.shape[:2]
    scale = min(max(1, SMALLEST / max(height, width)), LARGEST / max(height, width))
    side, high = max(THINNEST, width * scale), max(THINNEST, height * scale)
    heading = HEADING if any(text for text, _ in panels) else 0
    total = (len(panels) * (side + GAP) - GAP, high + heading)
    figure = Figure(figsize=(total[0] / DPI, total[1] / DPI), facecolor="white", dpi=DPI)
    for number, (text, objects) in enumerate(panels):
        place = (number * (side + GAP) / total[0], 0, side / total[0], high / total[1])
        axes = figure.add_axes(place)
        axes.imshow(picture, extent=(0, width, height, 0), interpolation="antialiased", aspect="auto")
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        if text:
            figure.text(place[0] + 4 / total[0], 1 - 0.5 * heading / total[1], text, va="center", fontsize=LETTERS + 2)
        for one in sorted(objects, key=lambda one: one.get("score", 0)):  # the best on top
            _draw_object(axes, one, 1 / scale, width)
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a sign in the picture says so
        figure.savefig(temporary, format="png", dpi=DPI)


def _draw_object(axes, one, pixel, width):
    """One box with its name; pixel: the size of a drawn pixel in pixels of the picture."""
    from matplotlib.patches import Rectangle

    color, ink = class_colors(one["class"])
    x1, y1, x2, y2 = one["box"]
    dashed = "--" if one.get("ignored") else "-"
    for line, shade in ((3.2, ink), (2, color)):  # seen on any background
        outline = {"fill": False, "linewidth": line * 72 / DPI, "edgecolor": shade, "linestyle": dashed}
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, **outline))
    text = shortened(one["name"]) + (f" {100 * one['score']:.0f} %" if "score" in one else "")
    high = LETTERS / 72 * DPI * 1.5 * pixel
    above = y1 > high
    box = {"boxstyle": "square,pad=0.15", "facecolor": color, "edgecolor": "none", "alpha": 0.9}
    style = {"fontsize": LETTERS, "color": ink, "bbox": box, "fontfamily": font_family(), "parse_math": False}
    style |= {"va": "bottom" if above else "top", "ha": "left" if x1 < 0.75 * width else "right"}
    inset = 2 * pixel
    x = x1 + inset if x1 < 0.75 * width else x2 - inset
    axes.text(x, y1 - inset if above else y1 + inset, text, clip_on=True, **style)


def class_colors(number):
    """(color of a class, color of letters on it); neighbors in number are far apart in hue."""
    hue, value = (number * 0.618034 + 0.02) % 1, (0.95, 0.7)[number // 10 % 2]
    color = colorsys.hsv_to_rgb(hue, 0.85, value)
    bright = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    return color, "black" if bright > 0.5 else "white"
