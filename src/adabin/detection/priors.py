# SPDX-License-Identifier: Apache-2.0
"""SSD's prior boxes: the places and shapes that a detector's outputs are relative to."""

import math

import numpy as np

from adabin.utils.errors import UserError

# Of the offsets of a box's center, and of the logarithms of its size.
VARIANCES = (0.1, 0.2)
# Width : height besides 1, and its inverse, map by map; every cell has two squares in addition.
ASPECT_RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
BOXES_PER_CELL = tuple(2 + 2 * len(ratios) for ratios in ASPECT_RATIOS)
SMALLEST = 64


def ssd_maps(image_size):
    """Sides of the maps that a detector looks at, largest first.

    The first one is the picture halved three times, rounding up; each of the next three is half the one before; two
    more come of convolutions without padding, 3x3, as long as there is something left: (38, 19, 10, 5, 3, 1) for 300,
    (64, 32, 16, 8, 6, 4) for 512, and five for 129 to 256 pixels, of which the last two shrink, or four, to 128.

    Args:
        image_size (int): height and width of the picture in pixels, at least 64.

    Raises:
        UserError: it is smaller.
    """
    if image_size < SMALLEST:
        raise UserError(f"config: image_size: {image_size} is too small for a detector; give {SMALLEST} or more")
    halves = [image_size]
    for _ in range(6):
        halves.append(-(-halves[-1] // 2))
    sides = halves[3:]
    while len(sides) < len(BOXES_PER_CELL) and sides[-1] > 2:
        sides.append(sides[-1] - 2)
    return sides


def scales(maps):
    """Sizes of the squares, in fractions of the picture: one more than there are maps.

    0.1 for the first map; then from 0.2 on in equal steps, whole percents, to about 0.9 for the last: SSD's formula,
    whose values for six maps are 0.1, 0.2, 0.37, 0.54, 0.71, 0.88, and 1.05 beyond.
    """
    step = 70 // (maps - 2)
    return [percent / 100 for percent in (10, *(20 + step * number for number in range(maps)))]


def prior_maps(image_size):
    """The rule that makes the prior boxes, for this program and, in the description of an exported file, for others.

    A cell's shapes, of a map whose square has the side s and the next map's s': (s, s), (sqrt(s s'), sqrt(s s')) and,
    for each aspect ratio a, (s sqrt(a), s / sqrt(a)) and (s / sqrt(a), s sqrt(a)). A cell's side is 8, 16, 32, 64
    pixels for the first four maps; the cells of a later map share the picture evenly.

    Args:
        image_size (int): height and width of the picture in pixels, at least 64.

    Returns:
        A list with a dict per map: `side` of the map in cells, `step` from cell to cell, and `shapes` [width, height]
        of a cell's boxes, in fractions of the picture; a shape may be larger than the picture.

    Raises:
        UserError: the picture is too small.
    """
    maps = ssd_maps(image_size)
    sizes = scales(len(maps))
    rule = []
    for number, (side, ratios) in enumerate(zip(maps, ASPECT_RATIOS, strict=False)):
        step = 8 * 2**number / image_size if number < 4 else 1 / side
        small, large = sizes[number], math.sqrt(sizes[number] * sizes[number + 1])
        shapes = [[small, small], [large, large]]
        for ratio in ratios:
            long, short = small * math.sqrt(ratio), small / math.sqrt(ratio)
            shapes += [[long, short], [short, long]]
        rule.append({"side": side, "step": step, "shapes": shapes})
    return rule


def ssd_priors(image_size):
    """Prior boxes in the order of a detector's outputs: map by map, row by row, cell by cell, shape by shape.

    Their center is that of the cell, ((column + 0.5) step, (row + 0.5) step); see `prior_maps`.

    Args:
        image_size (int): height and width of the picture in pixels, at least 64.

    Returns:
        float32 (P, 4): (center x, center y, width, height) in fractions of the picture, each clipped to 0..1 (the four
        numbers, as in the reference; a box near the border may still reach over it). P is 8732 for 300.

    Raises:
        UserError: the picture is too small.
    """
    priors = []
    for one in prior_maps(image_size):
        side, shapes = one["side"], one["shapes"]
        centers = (np.arange(side) + 0.5) * one["step"]
        boxes = np.empty((side, side, len(shapes), 4))
        boxes[..., 0] = centers[None, :, None]
        boxes[..., 1] = centers[:, None, None]
        boxes[..., 2:] = shapes
        priors.append(boxes.reshape(-1, 4))
    return np.clip(np.concatenate(priors), 0, 1).astype(np.float32)
