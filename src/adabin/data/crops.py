# SPDX-License-Identifier: Apache-2.0
"""Boxes that are cut from pictures of any size, and brought to the network's size.

Training takes a random part: `crop_scale` to 1 of the area, sides in a ratio of 3:4 to 4:3, mirrored in half of the
cases. Tests take the middle: what a resize of the shorter side to `resize_shorter_side` and a center crop
would leave.
"""

import math
from dataclasses import dataclass

import numpy as np

from adabin.data.resize import resized

TRIES = 10  # for a random box that lies within the picture
LARGEST_RATIO = 4 / 3


@dataclass(frozen=True)
class Box:
    """A part of a picture in pixels, and whether it is mirrored."""

    top: int
    left: int
    height: int
    width: int
    flip: bool = False


def random_box(rng, height, width, crop_scale):
    """Draw a box for training: of random area (uniform), ratio (log-uniform) and place; else the whole middle."""
    flip = bool(rng.random() < 0.5)
    for _ in range(TRIES):
        area = height * width * rng.uniform(crop_scale, 1)
        ratio = math.exp(rng.uniform(-math.log(LARGEST_RATIO), math.log(LARGEST_RATIO)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return Box(int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w, flip)
    h, w = min(height, round(width * LARGEST_RATIO)), min(width, round(height * LARGEST_RATIO))
    return Box((height - h) // 2, (width - w) // 2, h, w, flip)


def center_box(height, width, share):
    """The square in the middle whose side is a share of the picture's shorter side."""
    side = max(1, round(min(height, width) * share))
    return Box((height - side) // 2, (width - side) // 2, side, side)


def cut(picture, box, size):
    """Cut a box out of uint8 (H, W, 3) and bring it to (size, size, 3), as `resized` does."""
    part = resized(picture[box.top : box.top + box.height, box.left : box.left + box.width], size, size)
    return np.ascontiguousarray(part[:, ::-1]) if box.flip else part


def resize_side(config):
    """Length that the shorter side of a test picture has before the center crop.

    `resize_shorter_side` of the config; 0 there means image_size * 256 / 224 where the data set is made of files that
    are cropped for tests, else image_size.
    """
    from_files = config.dataset not in ("shapes", "cifar10", "scenes", "voc", "coco")
    return config.resize_shorter_side or (round(config.image_size * 256 / 224) if from_files else config.image_size)


def prepare(picture, config, whole=False):
    """A decoded picture as a network sees it in tests: uint8 (image_size, image_size, 3); not cropped if `whole`."""
    if whole:
        return cut(picture, Box(0, 0, *picture.shape[:2]), config.image_size)
    share = config.image_size / resize_side(config)
    return cut(picture, center_box(*picture.shape[:2], share), config.image_size)
