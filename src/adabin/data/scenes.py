# SPDX-License-Identifier: Apache-2.0
"""`scenes`: pictures with one to eight of the shapes of `shapes`, drawn by the project itself, for detection.

The number of objects is uniform, their classes too; an object's size, the longer side of its box, is log-uniform
between 16 and 250 of the picture's 300 pixels (other sizes of picture scale with that). Larger objects lie further
back. One in three has another in front of it: their boxes overlap, by no more than 40 % of the one behind where there
is room. Objects are lighter than the background; all is textured, lines clutter the background, and there is noise.
A box is that of the whole object, also where a part of it is hidden. Picture `index` of a split follows from (seed,
split, index) alone, so nothing is kept in memory: whoever needs a picture draws it.
"""

import functools
from statistics import NormalDist

import cv2
import numpy as np

from adabin.data.drawing import (
    SUPERSAMPLING,
    any_color,
    background_color,
    filled,
    lines,
    shape_color,
    textured,
    turned,
)
from adabin.data.shapes import SHAPES_CLASSES
from adabin.detection.objects import Objects
from adabin.utils.errors import UserError

SCENES_CLASSES = SHAPES_CLASSES
DEFAULT_SIZES = {"train": 6000, "test": 500}
MOST_OBJECTS = 8
SMALLEST, LARGEST = 16 / 300, 250 / 300  # of an object's longer side, in sides of the picture

_IN_FRONT = 0.27  # share of the objects that are put before the next larger one; others get there for want of room
_LEAST_OVERLAP, _MOST_HIDDEN = 0.25, 0.4  # of the box in front, of the box behind
_TRIES = 40  # for a place
_LINES = 12  # at most, in the background
_SPLIT_KEYS = {"train": 0, "test": 1}
_STREAM = 1  # `shapes` draws from stream 0


class Scenes:
    """The scenes of a split: `len()`, `[index]` gives the `Objects` of one, and `picture(index)` its pixels.

    Args:
        split: "train" or "test".
        size: number of scenes; None or 0 means 6,000 for train and 500 for test.
        seed: which world is drawn; 0 to 2**63 - 1.
        side: height and width of the pictures.

    Raises:
        UserError: unknown split, negative size or seed.
    """

    def __init__(self, split, size=None, seed=0, side=300):
        if split not in _SPLIT_KEYS:
            raise UserError(f"scenes: unknown split {split!r}; use one of {', '.join(_SPLIT_KEYS)}")
        self.size = DEFAULT_SIZES[split] if not size else int(size)
        if self.size < 0 or seed < 0:
            raise UserError(f"scenes: {split}_size and seed must not be negative, got {size} and {seed}")
        self.seed, self.split, self.side = seed, split, side

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        """`Objects` of a scene, back to front."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self._laid_out(index)[2]

    def picture(self, index, smallest_side=0):
        """Pixels of a scene, uint8 (side, side, 3), RGB; all detail, always."""
        rng, contours, objects = self._laid_out(index)
        return _paint(rng, contours, objects, self.side)

    def _laid_out(self, index):
        # Counter-based: one independent stream per (seed, split, index), wherever the drawing starts.
        key = [self.seed, (_SPLIT_KEYS[self.split] << 48) + int(index)]
        rng = np.random.Generator(np.random.Philox(counter=[0, 0, 0, _STREAM], key=key))
        return rng, *_lay_out(rng, self.side)


def _lay_out(rng, side):
    """Choose objects and places; returns (contours of each object in sides of the picture, Objects)."""
    count = int(rng.integers(1, MOST_OBJECTS + 1))
    sizes = np.sort(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST), count)))[::-1]
    classes = rng.integers(len(SCENES_CLASSES), size=count).astype(np.int32)
    in_front = rng.random(count) < _IN_FRONT
    shapes, boxes = [], np.empty((0, 4))
    for label, size, target in zip(classes, sizes, in_front, strict=True):
        contours = turned(rng, SCENES_CLASSES[label], 1)
        points = np.concatenate(contours)
        low, extent = points.min(0), np.ptp(points, axis=0)
        scale = size / extent.max()
        corner = _place(rng, extent * scale, boxes, target and len(boxes) > 0)
        shapes.append([(contour - low) * scale + corner for contour in contours])
        boxes = np.concatenate([boxes, [[*corner, *(corner + extent * scale)]]])
    sides = boxes[:, 2:] - boxes[:, :2]
    return shapes, Objects(
        np.clip(boxes, 0, 1).astype(np.float32),
        classes,
        np.zeros(count, bool),
        (sides.prod(1) * side**2).astype(np.float32),
        (side, side),
    )


def _place(rng, extent, boxes, in_front):
    """Upper left corner (2,) for a box of this extent: beside all others, or in front of the last of them.

    Of some random places it takes the first that does what is asked, or else the one that hides least.
    """
    low, high = np.zeros(2), 1 - extent
    if in_front:
        low, high = np.maximum(low, boxes[-1, :2] - extent), np.minimum(high, boxes[-1, 2:])
    corners = low + rng.random((_TRIES, 2)) * (high - low)
    if not len(boxes):
        return corners[0]
    shared = np.minimum(corners[:, None] + extent, boxes[:, 2:]) - np.maximum(corners[:, None], boxes[:, :2])
    shared = np.maximum(shared, 0).prod(2)  # (tries, boxes)
    hidden = shared / (boxes[:, 2:] - boxes[:, :2]).prod(1)
    if in_front:
        wrong = (shared[:, -1] < _LEAST_OVERLAP * extent.prod()) | (hidden[:, -1] > _MOST_HIDDEN)
        others = hidden[:, :-1].max(1, initial=0)
        return corners[np.argmin(others + wrong)]
    return corners[np.argmin(hidden.max(1))]


def _paint(rng, shapes, objects, side):
    back = background_color(rng)
    picture = textured(rng, back, side, side, grain=rng.uniform(1, 8) * side / 300)
    mask, color = _clutter(rng, side), any_color(rng).astype(np.float32)
    there = mask[..., 0] > 0
    picture[there] += mask[there] * (color - picture[there])
    for contours, box in zip(shapes, objects.boxes.astype(float) * side, strict=True):
        (left, top), (right, bottom) = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        mask = filled([contour * side - [left, top] for contour in contours], bottom - top, right - left)
        grain = max(bottom - top, right - left) / 22  # as in `shapes`
        front = textured(rng, shape_color(rng, back), bottom - top, right - left, grain)
        part = picture[top:bottom, left:right]
        part += mask * (front - part)
    noise = (_normal_quantiles() * np.float32(rng.uniform(2, 8)))[rng.integers(256, size=picture.shape, dtype=np.uint8)]
    return cv2.add(picture, noise, dtype=cv2.CV_8U)  # rounded and clipped


@functools.cache
def _normal_quantiles():
    """256 equally likely values of a standard normal distribution: noise from a byte each, six times faster."""
    return np.array([NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)], np.float32)


def _clutter(rng, side):
    """Some short lines, coverage float32 (side, side, 1)."""
    scale = side * SUPERSAMPLING
    ends = rng.uniform([0, 0, -0.15, -0.15], [1, 1, 0.15, 0.15], (rng.integers(_LINES + 1), 4)) * scale
    ends[:, 2:] += ends[:, :2]
    thickness = np.maximum(1, rng.uniform(1 / 300, 8 / 300, (len(ends), 1)) * scale)
    return lines(np.concatenate([ends, thickness], axis=1).astype(np.int64), side, side)
