# SPDX-License-Identifier: Apache-2.0
"""What a detector sees of a picture: SSD's expansion, crop constrained by overlap, mirroring; and the boxes with it.

A view is a rectangle in the picture's pixels, which may reach beyond the picture; what lies outside is filled. Nothing
is drawn on a larger canvas: the part that is visible is resized once, straight to its place in the network's input.

    expansion   in half of the cases the picture takes 1 to 1/4 of the sides of a larger one, anywhere in it
    crop        one of seven modes, equally likely: the whole; a part with which a kept object has an overlap (IoU) of
                at least 0.1, 0.3, 0.5, 0.7 or 0.9; any part. Sides are 0.3 to 1 of the whole's, their ratio 0.5 to 2;
                an object is kept if its center is inside, and one must be. 50 tries, then another mode is drawn.
    mirroring   in half of the cases

As in the original SSD one object with that overlap is enough, not all. A picture without objects is cropped freely.
"""

from dataclasses import dataclass

import numpy as np

from adabin.data.resize import resized
from adabin.detection.boxes import iou
from adabin.detection.objects import Objects

LARGEST_EXPANSION = 4
WHOLE, ANY_PART = "whole", 0.0
MODES = (WHOLE, 0.1, 0.3, 0.5, 0.7, 0.9, ANY_PART)
TRIES = 50
SMALLEST_SIDE = 0.3
LARGEST_RATIO = 2


@dataclass(frozen=True)
class View:
    """A rectangle in pixels of a picture, which it may leave, and whether it is mirrored."""

    left: int
    top: int
    width: int
    height: int
    flip: bool = False


def whole(height, width):
    """The view of a whole picture."""
    return View(0, 0, width, height)


def random_view(rng, height, width, boxes):
    """Draw a view for training.

    Args:
        rng (np.random.Generator): all chance comes from here.
        height, width: of the picture.
        boxes: float (n, 4), fractions of the picture.
    """
    outer = _expanded(rng, height, width)
    pixels = np.asarray(boxes, np.float64) * [width, height, width, height] - [outer.left, outer.top] * 2
    left, top, right, bottom = random_crop(rng, outer.height, outer.width, pixels)
    return View(outer.left + left, outer.top + top, right - left, bottom - top, bool(rng.random() < 0.5))


def _expanded(rng, height, width):
    if rng.random() < 0.5:
        return whole(height, width)
    ratio, x, y = rng.uniform([1, 0, 0], [LARGEST_EXPANSION, 1, 1])
    wide, high = int(width * ratio), int(height * ratio)
    return View(-int(x * (wide - width)), -int(y * (high - height)), wide, high)


def random_crop(rng, height, width, boxes):
    """Draw a part of a picture in one of `MODES`; returns (left, top, right, bottom) in pixels.

    Args:
        boxes: float (n, 4), in pixels.
    """
    while True:
        mode = MODES[rng.integers(len(MODES))]
        if mode == WHOLE:
            return 0, 0, width, height
        part = constrained_crop(rng, height, width, boxes, mode)
        if part is not None:
            return part


def constrained_crop(rng, height, width, boxes, least):
    """The first of 50 random parts that keeps an object of at least this overlap with it; None if there is none."""
    shares = rng.random((TRIES, 4))
    sides = (SMALLEST_SIDE + (1 - SMALLEST_SIDE) * shares[:, :2]) * [width, height]
    corners = shares[:, 2:] * ([width, height] - sides)
    parts = np.concatenate([corners, corners + sides], axis=1).astype(np.int64)
    ratios = sides[:, 1] / sides[:, 0]
    good = (ratios >= 1 / LARGEST_RATIO) & (ratios <= LARGEST_RATIO) & (parts[:, :2] < parts[:, 2:]).all(1)
    if len(boxes):
        good &= (_kept(parts, boxes) & (iou(parts.astype(np.float64), boxes) >= least)).any(1)
    return tuple(parts[np.argmax(good)].tolist()) if good.any() else None


def _kept(parts, boxes):
    """Whether the center of box m lies inside part n: bool (n, m)."""
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    return ((parts[:, None, :2] < centers) & (centers < parts[:, None, 2:])).all(2)


def look(picture, view, size, fill=(0, 0, 0), change=None):
    """A view as the network gets it.

    Args:
        picture: uint8 (H, W, 3).
        view (View): shows some of the picture.
        size (int): height and width of the result.
        fill: color of what lies outside the picture.
        change: function of pixels, uint8 (h, w, 3), to be done to what is seen of the picture, but not to `fill`.

    Returns:
        uint8 (size, size, 3).
    """
    columns, rows = _spans(picture.shape[:2], view, size)
    if columns is None or rows is None:
        return np.full((size, size, 3), fill, np.uint8)
    part = picture[rows.source, columns.source]
    if change:
        part = change(part)
    high, wide = (span.target.stop - span.target.start for span in (rows, columns))
    part = resized(part, high, wide)
    if (high, wide) != (size, size):
        out = np.empty((size, size, 3), np.uint8)
        out[:] = fill
        out[rows.target, columns.target] = part
        part = out
    return np.ascontiguousarray(part[:, ::-1]) if view.flip else part


def seen(objects, view, height, width, size):
    """The objects whose centers a view of a picture (height, width) shows.

    Returns:
        Objects, their boxes clipped and in fractions of what `look` gives.
    """
    pixels = objects.boxes.astype(np.float64) * [width, height, width, height]
    part = np.array([[view.left, view.top, view.left + view.width, view.top + view.height]])
    kept = _kept(part, pixels)[0]
    objects, boxes = objects.only(kept), pixels[kept]
    for axis, span in enumerate(_spans((height, width), view, size) if len(boxes) else ()):
        edges = np.clip(boxes[:, axis::2], span.source.start, span.source.stop) - span.source.start
        scale = (span.target.stop - span.target.start) / (span.source.stop - span.source.start)
        boxes[:, axis::2] = (span.target.start + edges * scale) / size
    if view.flip:
        boxes[:, [0, 2]] = 1 - boxes[:, [2, 0]]
    return Objects(boxes.astype(np.float32), objects.classes, objects.ignored, objects.areas, objects.size)


@dataclass(frozen=True)
class _Span:
    """Which of a picture's rows or columns are seen, and which of the network's input they fill."""

    source: slice
    target: slice


def _spans(shape, view, size):
    """(columns, rows) of a view; None where it shows none of the picture.

    Whole pixels of the network's input are filled, and boxes follow these.
    """
    spans = []
    for first, length, limit in ((view.left, view.width, shape[1]), (view.top, view.height, shape[0])):
        start, stop = max(first, 0), min(first + length, limit)
        if start >= stop:
            spans.append(None)
            continue
        begin, end = (round((edge - first) * size / length) for edge in (start, stop))
        begin = min(begin, size - 1)
        spans.append(_Span(slice(start, stop), slice(begin, max(end, begin + 1))))
    return spans
