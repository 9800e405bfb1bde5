# SPDX-License-Identifier: Apache-2.0
"""`shapes`: ten classes of 32x32 RGB pictures drawn by the project itself, so that nothing need be downloaded.

Each picture is one large shape of varying size, place, proportion and color, turned by up to 30 degrees, on a darker
background; both are textured, small things clutter the background, a bar may cover part of the shape, and there is
noise. Picture `index` of a split follows from (seed, split, index) alone: it does not change with the size of the
split, and no two splits share one. A linear classifier on the pixels reaches about 35 %; the difficulty is set so
that a binary ResNet-20 reaches 90 % after seeing 24,000 pictures, which is minutes on a CPU.
"""

import math

import numpy as np

from adabin.data.drawing import SUPERSAMPLING, any_color, background_color, filled, lines, shape_color, textured, turned
from adabin.utils.errors import UserError

SHAPES_CLASSES = ("disk", "ring", "square", "triangle", "star", "cross", "crescent", "heart", "arrow", "hourglass")
DEFAULT_SIZES = {"train": 6000, "test": 1000}
SIDE = 32

_COVERED = 0.2  # share of the pictures with a bar across the shape
_SPLIT_KEYS = {"train": 0, "test": 1}


def draw_shapes(split: str, size: int | None = None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw the first `size` pictures of a split (about 3,000 a second on one core).

    Args:
        split: "train" or "test".
        size: number of pictures; None or 0 means 6,000 for train and 1,000 for test.
        seed: which world is drawn; 0 to 2**63 - 1.

    Returns:
        images uint8 (N, 32, 32, 3) RGB and labels int32 (N,); classes take turns, so every split is balanced.

    Raises:
        UserError: unknown split, negative size or seed.
    """
    if split not in _SPLIT_KEYS:
        raise UserError(f"shapes: unknown split {split!r}; use one of {', '.join(_SPLIT_KEYS)}")
    size = DEFAULT_SIZES[split] if not size else int(size)
    if size < 0 or seed < 0:
        raise UserError(f"shapes: {split}_size and seed must not be negative, got {size} and {seed}")
    images = np.empty((size, SIDE, SIDE, 3), np.uint8)
    labels = (np.arange(size) % len(SHAPES_CLASSES)).astype(np.int32)
    for index in range(size):
        images[index] = draw_picture(SHAPES_CLASSES[labels[index]], seed, split, index)
    return images, labels


def draw_picture(name: str, seed: int, split: str, index: int) -> np.ndarray:
    """Draw one picture of class `name`: uint8 (32, 32, 3), a pure function of its arguments."""
    # Counter-based: one independent stream per (seed, split, index), wherever the drawing starts.
    rng = np.random.Generator(np.random.Philox(key=[seed, (_SPLIT_KEYS[split] << 48) + index]))
    back = background_color(rng)
    front, clutter, cover = shape_color(rng, back), any_color(rng), any_color(rng)
    picture = textured(rng, back, SIDE, SIDE)
    picture += _clutter_mask(rng) * (clutter.astype(np.float32) - picture)
    center, mask = _shape_mask(rng, name)
    picture += mask * (textured(rng, front, SIDE, SIDE) - picture)
    if rng.random() < _COVERED:
        picture += _cover_mask(rng, center) * (cover.astype(np.float32) - picture)
    picture += rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(2, 8))
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _shape_mask(rng: np.random.Generator, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Place the shape: (center (2,) in pixels, coverage float32 (32, 32, 1) in 0..1)."""
    radius = rng.uniform(8.5, 11)
    contours = turned(rng, name, radius)
    center = SIDE / 2 + rng.uniform(-1, 1, 2) * (SIDE / 2 - radius)
    return center, filled([contour + center for contour in contours], SIDE, SIDE)


def _clutter_mask(rng: np.random.Generator) -> np.ndarray:
    """Up to two short lines for the background, coverage float32 (32, 32, 1)."""
    side = SIDE * SUPERSAMPLING
    ends = rng.integers([0, 0, -40, -40, 4], [side, side, 41, 41, 8], (rng.integers(3), 5))
    ends[:, 2:4] += ends[:, :2]
    return lines(ends, SIDE, SIDE)


def _cover_mask(rng: np.random.Generator, center: np.ndarray) -> np.ndarray:
    """A thin bar across the shape, near its center, coverage float32 (32, 32, 1)."""
    middle = (center + rng.uniform(-6, 6, 2)) * SUPERSAMPLING
    angle = rng.uniform(0, math.pi)
    half = np.array([math.cos(angle), math.sin(angle)]) * rng.uniform(20, 60)
    ends = [*(middle - half), *(middle + half), rng.integers(6, 13)]
    return lines(np.array([ends]).astype(np.int64), SIDE, SIDE)
