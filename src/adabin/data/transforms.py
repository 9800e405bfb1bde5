# SPDX-License-Identifier: Apache-2.0
"""The authors' augmentation and normalization for whole batches of small images, with all chance drawn beforehand.

MindSpore's own random operators are seeded from process-wide state when an iterator is made, and differ with the
number of workers. Here an epoch's choices are a pure function of (seed, epoch), so a run can be resumed anywhere.
"""

from dataclasses import dataclass

import numpy as np

CROP_PADDING = 4

_ORDER, _AUGMENTATION, _PICTURE = 0, 1, 2  # independent streams of one epoch


@dataclass(frozen=True)
class Augmentation:
    """Choices for each place in an epoch's order: flip bool (N,), top and left of the crop int (N,), 0..8."""

    flip: np.ndarray
    top: np.ndarray
    left: np.ndarray


def draw_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """Return the order of an epoch, a permutation of 0..count-1, from (seed, epoch) alone."""
    return _generator(seed, epoch, _ORDER).permutation(count)


def draw_augmentation(seed: int, epoch: int, count: int) -> Augmentation:
    """Return an epoch's flips (one half) and crop offsets (uniform), from (seed, epoch) alone."""
    rng = _generator(seed, epoch, _AUGMENTATION)
    offsets = rng.integers(0, 2 * CROP_PADDING + 1, (2, count))
    return Augmentation(rng.random(count) < 0.5, offsets[0], offsets[1])


def picture_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Return the source of one picture's chances in an epoch, from (seed, epoch, index) alone."""
    return _generator(seed, epoch, _PICTURE, index)


def _generator(seed: int, epoch: int, stream: int, index: int = 0) -> np.random.Generator:
    # The index takes a word of the counter that drawing reaches after 2**128 numbers.
    counter = [0, 0, index, 0]
    return np.random.Generator(np.random.Philox(counter=counter, key=[seed, (stream << 48) + epoch]))


def flip_and_crop(images: np.ndarray, flip: np.ndarray, top: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Mirror where `flip`, pad with 4 zero pixels all around, crop back to the old size at (top, left).

    Args:
        images: uint8 (B, H, W, C).
        flip: bool (B,).
        top, left: int (B,), 0..8.

    Returns:
        uint8 (B, H, W, C), a new array.
    """
    count, height, width, channels = images.shape
    pad = CROP_PADDING
    padded = np.zeros((count, height + 2 * pad, width + 2 * pad, channels), images.dtype)
    padded[:, pad:-pad, pad:-pad] = np.where(flip[:, None, None, None], images[:, :, ::-1], images)
    out = np.empty_like(images)
    for index, (y, x) in enumerate(zip(top, left, strict=True)):
        out[index] = padded[index, y : y + height, x : x + width]
    return out


def normalize(images: np.ndarray, mean, std) -> np.ndarray:
    """Return (images/255 - mean)/std, computed in float32 in this order.

    Args:
        images: uint8 (B, H, W, C).
        mean, std: C numbers each, for pixels in 0..1.

    Returns:
        float32 (B, C, H, W), contiguous.
    """
    # A byte has 256 values: a table per channel gives the same floats as the formula, faster.
    mean, std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
    table = (np.arange(256, dtype=np.float32)[:, None] / np.float32(255) - mean) / std
    out = np.empty((len(images), images.shape[3], *images.shape[1:3]), np.float32)
    for channel in range(images.shape[3]):
        np.take(table[:, channel], images[..., channel], out=out[:, channel], mode="clip")
    return out
