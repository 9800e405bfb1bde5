# SPDX-License-Identifier: Apache-2.0
"""What a detector found, for people and for other programs."""


def seen_objects(boxes, classes, scores, names, size, least):
    """Objects of one picture, best first: `class`, `name`, `score`, `box` (x1, y1, x2, y2) in pixels of the picture.

    Args:
        boxes, classes, scores: as `detections` gives them.
        names: of the classes.
        size: (height, width) of the picture.
        least (float): those with a lower score are left out.
    """
    return [
        {"class": int(number), "name": names[number], "score": round(float(score), 6), "box": pixels(box, size)}
        for box, number, score in zip(boxes, classes, scores, strict=True)
        if score >= least
    ]


def annotated_objects(objects, names, size):
    """The same of what is annotated, `Objects`, with `ignored` in place of the score."""
    return [
        {"class": int(number), "name": names[number], "ignored": bool(ignored), "box": pixels(box, size)}
        for box, number, ignored in zip(objects.boxes, objects.classes, objects.ignored, strict=True)
    ]


def pixels(box, size):
    """A box in pixels, to a tenth, continuous: from the left edge of its first pixel to the right edge of its last."""
    height, width = size
    return [round(float(value) * side, 1) for value, side in zip(box, (width, height, width, height), strict=True)]


def prior_rule(priors, maps, boxes_per_cell):
    """How another program makes the priors, as a list with a dict per map: `side` of the map in cells, `step` from cell
    to cell, and `shapes` (width, height) of a cell's boxes, in fractions of the picture.

    For each map, each row, each column and each shape there is a prior: its center is ((column + 0.5) * step,
    (row + 0.5) * step), and none of the four numbers is above 1.

    Args:
        priors: centers (P, 4), in this order.
        maps, boxes_per_cell: see adabin.detection.priors.
    """
    rule, first = [], 0
    for side, count in zip(maps, boxes_per_cell, strict=False):
        cell = priors[first : first + count].astype(float)
        shapes = [[round(value, 7) for value in shape] for shape in cell[:, 2:].tolist()]
        rule.append({"side": side, "step": round(2 * float(cell[0, 0]), 7), "shapes": shapes})
        first += side * side * count
    return rule
