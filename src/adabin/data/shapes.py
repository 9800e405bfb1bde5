# SPDX-License-Identifier: Apache-2.0
"""`shapes`: ten classes of 32x32 RGB pictures drawn by the project itself, so that nothing need be downloaded.

Each picture is one large shape of varying size, place, proportion and color, turned by up to 30 degrees, on a darker
background; both are textured, small things clutter the background, a bar may cover part of the shape, and there is
noise. Picture `index` of a split follows from (seed, split, index) alone: it does not change with the size of the
split, and no two splits share one. A linear classifier on the pixels reaches about 35 %; the difficulty is set so
that a binary ResNet-20 reaches 90 % after seeing 24,000 pictures, which is minutes on a CPU.
"""

import functools
import math

import cv2
import numpy as np

from adabin.utils.errors import UserError

SHAPES_CLASSES = ("disk", "ring", "square", "triangle", "star", "cross", "crescent", "heart", "arrow", "hourglass")
DEFAULT_SIZES = {"train": 6000, "test": 1000}
SIDE = 32

_SUPERSAMPLING = 4  # masks are drawn this much larger and averaged down: anti-aliased edges
_MAX_TURN = math.radians(30)
_COVERED = 0.2  # share of the pictures with a bar across the shape
_CONTRAST = 100  # of 255: how much lighter than the background a shape is, mean over the channels
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
    back, front, clutter, cover = _colors(rng)
    picture = _textured(rng, back)
    picture += _clutter_mask(rng) * (clutter - picture)
    center, mask = _shape_mask(rng, name)
    picture += mask * (_textured(rng, front) - picture)
    if rng.random() < _COVERED:
        picture += _cover_mask(rng, center) * (cover - picture)
    picture += rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(2, 8))
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


@functools.cache
def _outlines() -> dict[str, list[np.ndarray]]:
    """Class name -> contours, float64 (n, 2), x right, y down, radius about 1; a second contour leaves a hole."""

    def polar(radii, start=0.0):
        angles = start + np.linspace(0, 2 * math.pi, len(radii), endpoint=False)
        return np.stack([np.cos(angles), np.sin(angles)], 1) * np.asarray(radii, float)[:, None]

    def arc(center_x, radius, first, last):
        angles = np.linspace(first, last, 24)
        return np.stack([center_x + radius * np.cos(angles), radius * np.sin(angles)], 1)

    t = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    heart = (
        np.stack([16 * np.sin(t) ** 3, 5 * np.cos(2 * t) + 2 * np.cos(3 * t) + np.cos(4 * t) - 13 * np.cos(t) - 2.5], 1)
        / 16.5
    )
    quarter = np.array([[0, -1], [1, 0]])  # turns right to up
    # The crescent's horns are where the unit circle meets the circle (0.42, 0.8) that is cut out of it.
    horn_x = (1 - 0.8**2 + 0.42**2) / (2 * 0.42)
    outer = math.acos(horn_x)
    inner = math.atan2(math.sin(outer), horn_x - 0.42)
    w = 0.3  # half the width of a beam of the cross
    return {
        "disk": [polar(np.full(40, 0.85))],
        "ring": [polar(np.full(40, 0.95)), polar(np.full(40, 0.52))],
        "square": [polar(np.full(4, 1.05), math.pi / 4)],
        "triangle": [polar(np.full(3, 1.1), -math.pi / 2)],
        "star": [polar(np.tile([1.1, 0.45], 5), -math.pi / 2)],
        "cross": [
            np.array(
                [
                    (w, w),
                    (w, 1),
                    (-w, 1),
                    (-w, w),
                    (-1, w),
                    (-1, -w),
                    (-w, -w),
                    (-w, -1),
                    (w, -1),
                    (w, -w),
                    (1, -w),
                    (1, w),
                ]
            )
        ],
        "crescent": [
            np.concatenate([arc(0, 1, outer, 2 * math.pi - outer), arc(0.42, 0.8, 2 * math.pi - inner, inner)])
            @ quarter
            + [0, -0.15]
        ],
        "heart": [heart],
        "arrow": [
            np.array([(0, -1.05), (0.8, -0.1), (0.27, -0.1), (0.27, 1), (-0.27, 1), (-0.27, -0.1), (-0.8, -0.1)])
        ],
        "hourglass": [np.array([(-0.75, -0.9), (0.75, -0.9), (0.14, 0), (0.75, 0.9), (-0.75, 0.9), (-0.14, 0)])],
    }


def _colors(rng: np.random.Generator) -> np.ndarray:
    """Four colors, float32 (4, 3): background, shape (lighter by `_CONTRAST`), clutter, cover."""
    # Always lighter: with both polarities a small network needs far longer than a demonstration may take.
    back = rng.uniform(10, 130, 3)
    candidates = rng.uniform(90, 250, (8, 3))
    lighter = (candidates - back).mean(1)
    enough = lighter > _CONTRAST
    front = candidates[int(np.argmax(enough if enough.any() else lighter))]
    return np.stack([back, front, *rng.uniform(10, 245, (2, 3))]).astype(np.float32)


def _textured(rng: np.random.Generator, color: np.ndarray) -> np.ndarray:
    """A 32x32 field around `color`, float32 (32, 32, 3): gradient, stripes, checks or clouds."""
    kind = rng.integers(4)
    if kind == 3:
        field = cv2.resize(rng.uniform(-1, 1, (5, 5)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    else:
        angle, phase = rng.uniform(0, 2 * math.pi, 2)
        along = np.arange(SIDE, dtype=np.float32) - SIDE / 2
        u = along[None, :] * math.cos(angle) + along[:, None] * math.sin(angle)
        if kind == 0:
            field = u / SIDE
        else:
            wave = 2 * math.pi / rng.uniform(4, 9)
            field = np.sin(u * wave + phase)
            if kind == 2:
                field *= np.sin((along[:, None] * math.cos(angle) - along[None, :] * math.sin(angle)) * wave)
    tint = (rng.uniform(-1, 1, 3) * rng.uniform(5, 25)).astype(np.float32)
    return color + field[..., None].astype(np.float32) * tint


def _shape_mask(rng: np.random.Generator, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Place the shape: (center (2,) in pixels, coverage float32 (32, 32, 1) in 0..1)."""
    radius = rng.uniform(8.5, 11)
    angle = rng.uniform(-_MAX_TURN, _MAX_TURN)
    stretch = np.array([rng.uniform(0.85, 1.15), 1.0]) * radius
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    center = SIDE / 2 + rng.uniform(-1, 1, 2) * (SIDE / 2 - radius)
    canvas = _canvas()
    points = [((outline * stretch) @ turn.T + center) * _SUPERSAMPLING for outline in _outlines()[name]]
    cv2.fillPoly(canvas, [np.rint(p).astype(np.int32) for p in points], 255)
    return center, _coverage(canvas)


def _clutter_mask(rng: np.random.Generator) -> np.ndarray:
    """Up to two short lines for the background, coverage float32 (32, 32, 1)."""
    canvas = _canvas()
    side = SIDE * _SUPERSAMPLING
    for x, y, dx, dy, thickness in rng.integers([0, 0, -40, -40, 4], [side, side, 41, 41, 8], (rng.integers(3), 5)):
        cv2.line(canvas, (int(x), int(y)), (int(x + dx), int(y + dy)), 255, int(thickness))
    return _coverage(canvas)


def _cover_mask(rng: np.random.Generator, center: np.ndarray) -> np.ndarray:
    """A thin bar across the shape, near its center, coverage float32 (32, 32, 1)."""
    canvas = _canvas()
    middle = (center + rng.uniform(-6, 6, 2)) * _SUPERSAMPLING
    angle = rng.uniform(0, math.pi)
    half = np.array([math.cos(angle), math.sin(angle)]) * rng.uniform(20, 60)
    ends = [tuple(int(v) for v in middle + sign * half) for sign in (-1, 1)]
    cv2.line(canvas, *ends, 255, int(rng.integers(6, 13)))
    return _coverage(canvas)


def _canvas() -> np.ndarray:
    return np.zeros((SIDE * _SUPERSAMPLING, SIDE * _SUPERSAMPLING), np.uint8)


def _coverage(canvas: np.ndarray) -> np.ndarray:
    small = cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return (small.astype(np.float32) / 255)[..., None]
