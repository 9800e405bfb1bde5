# SPDX-License-Identifier: Apache-2.0
"""The objects of a picture."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Objects:
    """What is annotated in one picture; n may be 0.

    A box is (x1, y1, x2, y2) in fractions of the picture's width and height, continuous: from the left edge of its
    first pixel to the right edge of its last one, so that a box of the whole picture is (0, 0, 1, 1).

    Attributes:
        boxes: float32 (n, 4).
        classes: int32 (n,), numbers from 0; the background is none of them.
        ignored: bool (n,): VOC's difficult objects and COCO's crowds, which evaluation neither demands nor counts.
        areas: float32 (n,), in pixels of the original picture: of COCO's outlines, else of the boxes.
        size: (height, width) of the original picture in pixels.
    """

    boxes: np.ndarray
    classes: np.ndarray
    ignored: np.ndarray
    areas: np.ndarray
    size: tuple

    def __len__(self):
        return len(self.boxes)

    def only(self, chosen):
        """The objects that a mask or list of numbers chooses."""
        parts = (self.boxes, self.classes, self.ignored, self.areas)
        return Objects(*(part[chosen] for part in parts), self.size)
