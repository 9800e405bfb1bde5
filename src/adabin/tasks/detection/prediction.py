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
