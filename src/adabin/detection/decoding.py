# SPDX-License-Identifier: Apache-2.0
"""From a detector's outputs to the objects that it sees in a picture."""

import numpy as np

from adabin.detection.boxes import decode
from adabin.detection.priors import VARIANCES
from adabin.utils.errors import RunError

MIN_SCORE, NMS_IOU, MOST = 0.01, 0.45, 200


def detections(locations, scores, priors, min_score=MIN_SCORE, nms_iou=NMS_IOU, most=MOST, variances=VARIANCES):
    """Objects in a picture: softmax, threshold, boxes, and for each class non-maximum suppression.

    Of each class the `most` best boxes above `min_score` are looked at, best first: one that overlaps a better one that
    was kept by more than `nms_iou` is dropped. Of all classes together the `most` best are returned: as SSD's code does
    with 400 and 200; ssd.pytorch (200 and 200) returns up to 200 of every class, as its second cut has no effect.

    Boxes are clipped to the picture before they are compared; those that lie outside it are dropped. Of equal scores
    the lower class, then the lower prior comes first.

    Args:
        locations: offsets (P, 4) from the priors.
        scores: logits (P, 1 + C), the background first.
        priors: centers (P, 4).
        min_score, nms_iou (float), most (int): see above.
        variances: those that `locations` are encoded with.

    Returns:
        boxes: corners float32 (k, 4) in fractions of the picture, in 0..1.
        classes: int32 (k,), from 0.
        scores: float32 (k,), descending.

    Raises:
        RunError: a value is not finite.
    """
    if not (np.isfinite(locations).all() and np.isfinite(scores).all()):
        raise RunError("the network gives values that are not finite: its training has diverged")
    boxes = np.clip(decode(np.asarray(locations, np.float32), priors, variances), 0, 1)
    inside = ((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])).nonzero()[0]
    by_class = np.ascontiguousarray(_softmax(np.asarray(scores, np.float32)[inside])[:, 1:].T)
    found = []
    for number in (by_class > min_score).any(1).nonzero()[0]:
        best = _best(by_class[number], min_score, most)
        kept = best[_apart(boxes[inside[best]], nms_iou)]
        found.append((np.full(len(kept), number, np.int32), inside[kept], by_class[number, kept]))
    if not found:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, np.float32)
    classes, chosen, values = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(-values, kind="stable")[:most]
    return boxes[chosen[order]], classes[order], values[order]


def _softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _best(scores, least, most):
    """Numbers of at most so many scores above the least, best first; equal ones in their order."""
    above = np.flatnonzero(scores > least)
    if len(above) > most:  # sorting thousands takes longer than finding where to cut
        values = scores[above]
        above = above[values >= np.partition(values, -most)[-most]]
    return above[np.argsort(-scores[above], kind="stable")[:most]]


def _apart(boxes, nms_iou):
    """Which of some boxes, best first, are kept: those that no kept one before them overlaps too much; bool (n,)."""
    x1, y1, x2, y2 = np.ascontiguousarray(boxes.T)
    area = (x2 - x1) * (y2 - y1)
    common = np.maximum(np.minimum.outer(x2, x2) - np.maximum.outer(x1, x1), 0)
    common *= np.maximum(np.minimum.outer(y2, y2) - np.maximum.outer(y1, y1), 0)
    # common > nms_iou * (area + area' - common), without a quotient
    over = np.triu((1 + nms_iou) * common > nms_iou * np.add.outer(area, area), 1)
    # A box's fate hangs on those before it alone: what does not change any more is what one by one would have given.
    kept = np.ones(len(boxes), bool)
    while True:
        now = ~over[kept].any(0)
        if (now == kept).all():
            return kept
        kept = now
