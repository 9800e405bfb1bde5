# SPDX-License-Identifier: Apache-2.0
"""Boxes from a detector's outputs in the C++ engine: adabin.detection.decoding's, by what the exported file's says."""

import ctypes
import operator

import numpy as np

from adabin.engine.library import Box, load
from adabin.engine.model import _buffers, _Owned
from adabin.utils.errors import UserError

MOST_PIXELS = 2**31 - 1  # of a side: a C int


class Detector(_Owned):
    """Makes boxes of what a detector gives. Any number of threads may use one.

    Args:
        model (Model): a detector with its description; may be closed afterwards.

    Attributes:
        names (tuple of str): of the classes; "class 0", "class 1"... where the description has none.
        most (int): no picture has more boxes.

    Raises:
        UserError: the model is no detector, or its description does not say how.
    """

    def __init__(self, model):
        library, handle = load(), ctypes.c_void_p()
        library.adabin_detector_create(model._open(), ctypes.byref(handle))
        self._own(library, library.adabin_detector_release, handle)
        count = library.adabin_detector_class_count(handle)
        names = (library.adabin_detector_class_name(handle, label) for label in range(count))
        self.names = tuple(name.decode(errors="replace") for name in names)
        self.most = library.adabin_detector_max_boxes(handle)

    def find(self, locations, scores, size):
        """Objects in a picture, best first.

        Args:
            locations, scores: the network's outputs of one sample, float32 (P, 4) and (P, 1 + classes).
            size: (height, width) of the picture in pixels.

        Returns:
            boxes: corners (x1, y1, x2, y2) float64 (k, 4) in pixels, not rounded.
            classes: int32 (k,), from 0.
            scores: float32 (k,), descending.

        Raises:
            UserError: an array has another type or size, a value is not finite, or the picture has no size.
        """
        arrays = [np.ascontiguousarray(array) for array in (locations, scores)]
        for name, array in zip(("locations", "scores"), arrays, strict=True):
            if array.dtype != np.float32:
                raise UserError(f"{name}: is {array.dtype}, the network's output is float32")
        try:
            height, width = (operator.index(side) for side in size)
        except (TypeError, ValueError):
            raise UserError(f"size: {size!r} is not (height, width) of the picture in pixels") from None
        if max(height, width) > MOST_PIXELS:
            raise UserError(f"size: {size!r} is more than {MOST_PIXELS} pixels")
        found, count = (Box * self.most)(), ctypes.c_size_t()
        with self._in_use() as handle:
            self._library.adabin_detector_find(
                handle, _buffers(arrays), 2, height, width, found, self.most, ctypes.byref(count)
            )
        table = np.frombuffer(found, Box)[: count.value]
        boxes = np.stack([table[side] for side in ("x1", "y1", "x2", "y2")], axis=1)
        return boxes, table["label"].copy(), table["score"].copy()
