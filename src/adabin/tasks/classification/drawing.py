# SPDX-License-Identifier: Apache-2.0
"""A picture beside the classes that a network sees in it."""

import warnings

from adabin.tasks.names import font_family, shortened
from adabin.utils.files import replacing

BAR, BEST_BAR, INK = "#9db7d5", "#1f5fa8", "#222222"
SIDE = 3.2  # inches of the picture's square, at 120 dots per inch


def save_drawing(path, picture, top):
    """Draw a picture and a bar per class.

    Args:
        path: of the PNG file.
        picture: uint8 (H, W, 3), RGB.
        top (list of dict): `name` and `score` of the best classes, best first.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * SIDE, SIDE), facecolor="white")
    left = figure.add_axes((0.01, 0.02, 0.40, 0.96))
    left.imshow(picture, interpolation="antialiased")
    left.set_axis_off()
    right = figure.add_axes((0.44, 0.06, 0.54, 0.88))
    right.set(xlim=(0, 1), ylim=(5, 0))
    right.set_axis_off()
    for row, answer in enumerate(top):
        weight = "bold" if row == 0 else "normal"
        text = {"color": INK, "fontsize": 10, "fontweight": weight, "fontfamily": font_family()}
        text |= {"va": "bottom", "parse_math": False}
        right.text(0, row + 0.48, shortened(answer["name"]), **text)
        right.text(1, row + 0.48, f"{100 * answer['score']:.1f} %", ha="right", **text)
        right.barh(row + 0.64, 1, height=0.2, color="#eeeeee")
        right.barh(row + 0.64, answer["score"], height=0.2, color=BEST_BAR if row == 0 else BAR)
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a sign in the picture says so
        figure.savefig(temporary, format="png", dpi=120)
