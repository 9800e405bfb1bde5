# SPDX-License-Identifier: Apache-2.0
"""What is kept of evaluated pictures: their objects, and what a detector found. Nothing else decides the metrics."""

import numpy as np

MOST_KEPT = 200  # detections of a picture, as in SSD

# Arrays of a state, and what a row of each is: a picture, an object, a detection.
ARRAYS = {
    "sizes": (np.int32, 2),
    "objects_each": (np.int32, None),
    "found_each": (np.int32, None),
    "object_boxes": (np.float32, 4),
    "object_classes": (np.int32, None),
    "object_ignored": (np.bool_, None),
    "object_areas": (np.float32, None),
    "found_boxes": (np.float32, 4),
    "found_classes": (np.int32, None),
    "found_scores": (np.float32, None),
}


def rows_of(objects, boxes, classes, scores):
    """A picture's rows of `ARRAYS`; of more than 200 detections the best.

    Args:
        objects (Objects): what is annotated.
        boxes, classes, scores: detections: corners (k, 4) in fractions of the picture, numbers (k,) from 0, (k,).
    """
    best = np.argsort(-np.asarray(scores, np.float32), kind="stable")[:MOST_KEPT]
    rows = {
        "sizes": [objects.size],
        "objects_each": [len(objects)],
        "found_each": [len(best)],
        "object_boxes": objects.boxes,
        "object_classes": objects.classes,
        "object_ignored": objects.ignored,
        "object_areas": objects.areas,
        "found_boxes": np.asarray(boxes).reshape(-1, 4)[best],
        "found_classes": np.asarray(classes)[best],
        "found_scores": np.asarray(scores)[best],
    }
    # Copies: a view would keep the batch that it is a part of.
    return {name: np.array(rows[name], dtype).reshape(_shape(width)) for name, (dtype, width) in ARRAYS.items()}


def joined(parts):
    """One dict of arrays from many, rows in their order; from none: arrays without rows."""
    empty = {name: np.zeros(_shape(width, 0), dtype) for name, (dtype, width) in ARRAYS.items()}
    return {name: np.concatenate([empty[name], *(part[name] for part in parts)]) for name in ARRAYS}


def _shape(width, rows=-1):
    return (rows,) if width is None else (rows, width)


class Pictures:
    """Evaluated pictures, in order: the arrays of `ARRAYS` as attributes.

    Boxes of `objects` and `found` are float64, in pixels of the original pictures.

    Attributes:
        object_pictures, found_pictures: number of the picture that each object and detection belongs to.
    """

    def __init__(self, states):
        arrays = joined(states)
        for name in ARRAYS:
            setattr(self, name, arrays[name])
        self.object_pictures = np.repeat(np.arange(len(self)), self.objects_each)
        self.found_pictures = np.repeat(np.arange(len(self)), self.found_each)
        scale = self.sizes[:, [1, 0, 1, 0]].astype(np.float64)
        self.object_boxes = self.object_boxes * scale[self.object_pictures]
        self.found_boxes = self.found_boxes * scale[self.found_pictures]

    def __len__(self):
        return len(self.sizes)

    def slices(self):
        """(slice of the objects' arrays, slice of the detections') of each picture."""
        ends = zip(np.cumsum(self.objects_each), np.cumsum(self.found_each), strict=True)
        last = (0, 0)
        for end in ends:
            yield slice(last[0], end[0]), slice(last[1], end[1])
            last = end
