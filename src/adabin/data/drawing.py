# SPDX-License-Identifier: Apache-2.0
"""What the drawn data sets are made of: outlines of ten shapes, colors, textures, anti-aliased masks."""

import functools
import math

import cv2
import numpy as np

SUPERSAMPLING = 4  # masks are drawn this much larger and averaged down: anti-aliased edges

_MAX_TURN = math.radians(30)
_CONTRAST = 100  # of 255: how much lighter than the background a shape is, mean over the channels


@functools.cache
def outlines() -> dict[str, list[np.ndarray]]:
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


def turned(rng: np.random.Generator, name: str, radius: float) -> list[np.ndarray]:
    """Contours of a shape around (0, 0) in pixels, turned by up to 30 degrees, its width 0.85 to 1.15 times its own."""
    angle = rng.uniform(-_MAX_TURN, _MAX_TURN)
    stretch = np.array([rng.uniform(0.85, 1.15), 1.0]) * radius
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return [(outline * stretch) @ turn.T for outline in outlines()[name]]


def background_color(rng: np.random.Generator) -> np.ndarray:
    """A dark color, float64 (3,), 0 to 255."""
    return rng.uniform(10, 130, 3)


def shape_color(rng: np.random.Generator, back: np.ndarray) -> np.ndarray:
    """A color that is lighter than `back` by `_CONTRAST`, float64 (3,)."""
    # Always lighter: with both polarities a small network needs far longer than a demonstration may take.
    candidates = rng.uniform(90, 250, (8, 3))
    lighter = (candidates - back).mean(1)
    enough = lighter > _CONTRAST
    return candidates[int(np.argmax(enough if enough.any() else lighter))]


def any_color(rng: np.random.Generator) -> np.ndarray:
    """A color, float64 (3,)."""
    return rng.uniform(10, 245, 3)


def textured(rng: np.random.Generator, color: np.ndarray, height: int, width: int, grain: float = 1) -> np.ndarray:
    """A field around `color`, float32 (height, width, 3): gradient, stripes, checks or clouds.

    Stripes and checks have wavelengths of 4 to 9 pixels times `grain`.
    """
    kind = rng.integers(4)
    if kind == 3:
        clouds = rng.uniform(-1, 1, (5, 5)).astype(np.float32)
        field = cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC)
    else:
        angle, phase = rng.uniform(0, 2 * math.pi, 2)
        x = np.arange(width, dtype=np.float32)[None, :] - width / 2
        y = np.arange(height, dtype=np.float32)[:, None] - height / 2
        u = x * math.cos(angle) + y * math.sin(angle)
        if kind == 0:
            field = u / max(height, width)
        else:
            wave = 2 * math.pi / (rng.uniform(4, 9) * grain)
            field = np.sin(u * wave + phase)
            if kind == 2:
                field *= np.sin((y * math.cos(angle) - x * math.sin(angle)) * wave)
    tint = (rng.uniform(-1, 1, 3) * rng.uniform(5, 25)).astype(np.float32)
    field = field.astype(np.float32)
    return cv2.merge([value + field * share for value, share in zip(np.asarray(color, np.float32), tint, strict=True)])


def filled(contours: list[np.ndarray], height: int, width: int) -> np.ndarray:
    """Coverage of the inside of contours (n, 2) in pixels, float32 (height, width, 1) in 0..1."""
    canvas = _canvas(height, width)
    cv2.fillPoly(canvas, [np.rint(contour * SUPERSAMPLING).astype(np.int32) for contour in contours], 255)
    return _coverage(canvas)


def lines(ends: np.ndarray, height: int, width: int) -> np.ndarray:
    """Coverage of lines, float32 (height, width, 1) in 0..1.

    Args:
        ends: int (n, 5) in pixels / SUPERSAMPLING: x, y of one end, x, y of the other, thickness.
    """
    canvas = _canvas(height, width)
    for x1, y1, x2, y2, thickness in ends.tolist():
        cv2.line(canvas, (x1, y1), (x2, y2), 255, thickness)
    return _coverage(canvas)


def _canvas(height, width):
    return np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING), np.uint8)


def _coverage(canvas):
    height, width = (side // SUPERSAMPLING for side in canvas.shape)
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return (small.astype(np.float32) / 255)[..., None]
