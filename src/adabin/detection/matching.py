# SPDX-License-Identifier: Apache-2.0
"""Which prior learns which object."""

import numpy as np

from adabin.detection.boxes import encode, iou, to_corners
from adabin.detection.priors import VARIANCES

MATCH_IOU = 0.5


def match(boxes, classes, priors, threshold=MATCH_IOU):
    """What each prior learns of a picture's objects (SSD, section 2.2).

    Every object first gets one prior of its own: the largest overlap of all is served, its object and its prior are
    done, and so on with what is left. Then every other prior takes the object that it overlaps most, where that is by
    `threshold` or more. So does SSD's own code (Caffe). Ports of it, BiDet's among them, give each object
    its best prior one after the other: of two objects with the same best prior the second takes it from the first.

    Of equal overlaps the object, then the prior, with the lower number wins. An object without area overlaps none and
    is learned by none; so are some where there are more objects than priors.

    Args:
        boxes: corners float32 (n, 4), in fractions of the picture; n may be 0: all is background then.
        classes: int (n,), from 0.
        priors: centers float32 (P, 4).
        threshold (float): least overlap (IoU), above 0.

    Returns:
        (class targets int32 (P,): 0 for the background, else 1 + the object's class; location targets float32 (P, 4):
        the object's box as `encode` gives it, 0 for the background).
    """
    labels, locations = np.zeros(len(priors), np.int32), np.zeros((len(priors), 4), np.float32)
    if not len(boxes):
        return labels, locations
    overlaps = iou(boxes, to_corners(priors))
    objects = np.where(overlaps.max(0) >= threshold, overlaps.argmax(0), -1)
    for number, prior in _one_each(overlaps):
        objects[prior] = number
    matched = np.flatnonzero(objects >= 0)
    objects = objects[matched]
    labels[matched] = np.asarray(classes)[objects] + 1
    locations[matched] = encode(np.asarray(boxes)[objects], priors[matched], VARIANCES)
    return labels, locations


def _one_each(overlaps):
    """(object, prior) of the largest overlap of all; then of the others without that object and that prior; ..."""
    taken = np.zeros(overlaps.shape[1], bool)
    best = overlaps.argmax(1)
    largest = overlaps.max(1)
    for _ in range(len(overlaps)):
        number = int(largest.argmax())
        if largest[number] <= 0:
            return
        prior = best[number]
        yield number, prior
        taken[prior], largest[number] = True, 0
        for other in np.flatnonzero((best == prior) & (largest > 0)):  # as rare as two objects in one place
            left = np.where(taken, 0, overlaps[other])
            best[other], largest[other] = left.argmax(), left.max()
