# SPDX-License-Identifier: Apache-2.0
"""SSD's distortion of colors, on bytes.

Each in half of the cases: brightness (up to 32 of 255 up or down), contrast (times 0.5 to 1.5, before or after the next
two, equally likely), saturation (times 0.5 to 1.5), hue (up to 18 degrees), order of the channels (any of the six).
Values are rounded and clipped to 0..255 after each step.
"""

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

BRIGHTNESS, HUE = 32, 18
CONTRAST = SATURATION = (0.5, 1.5)
_ORDERS = tuple(itertools.permutations(range(3)))
_LEVELS = np.arange(256, dtype=np.float64)


@dataclass(frozen=True)
class Distortion:
    """What is done to the colors of a picture; the defaults do nothing.

    Attributes:
        brightness: is added, of 255.
        contrast, saturation: factors.
        contrast_first: before saturation and hue, else after them.
        hue: degrees that it is turned by.
        order: of the channels.
    """

    brightness: float = 0.0
    contrast: float = 1.0
    contrast_first: bool = True
    saturation: float = 1.0
    hue: float = 0.0
    order: tuple = (0, 1, 2)


def random_distortion(rng):
    """Draw a distortion for training."""
    done = rng.random(5) < 0.5
    brightness, contrast, saturation, hue = rng.uniform(
        [-BRIGHTNESS, CONTRAST[0], SATURATION[0], -HUE], [BRIGHTNESS, CONTRAST[1], SATURATION[1], HUE]
    )
    first, order = rng.random() < 0.5, _ORDERS[rng.integers(len(_ORDERS))]
    return Distortion(
        float(brightness) if done[0] else 0.0,
        float(contrast) if done[1] else 1.0,
        bool(first),
        float(saturation) if done[2] else 1.0,
        float(hue) if done[3] else 0.0,
        order if done[4] else (0, 1, 2),
    )


def distort(picture, how):
    """The picture, uint8 (H, W, 3) RGB, with its colors distorted; a new array where anything changes."""
    table = _bytes(_LEVELS + how.brightness)
    if how.contrast_first:
        table = _bytes(table * how.contrast)
    picture = _looked_up(picture, table)
    if how.saturation != 1 or how.hue:
        hue = np.round(_LEVELS + how.hue * 256 / 360) % 256  # the full circle has 256 steps
        tables = np.stack([hue.astype(np.uint8), _bytes(_LEVELS * how.saturation), _LEVELS.astype(np.uint8)], axis=1)
        picture = cv2.LUT(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV_FULL), tables[None])
        picture = cv2.cvtColor(picture, cv2.COLOR_HSV2RGB_FULL)
    if not how.contrast_first:
        picture = _looked_up(picture, _bytes(_LEVELS * how.contrast))
    return picture if how.order == (0, 1, 2) else np.ascontiguousarray(picture[..., how.order])


def _bytes(values):
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _looked_up(picture, table):
    return picture if (table == _LEVELS).all() else cv2.LUT(picture, table)
