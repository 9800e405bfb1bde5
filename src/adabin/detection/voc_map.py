# SPDX-License-Identifier: Apache-2.0
"""Average precision as PASCAL VOC's development kit computes it, by the protocol of 2007 and by that of 2010 and later.

A class's detections in all pictures are gone through from the highest score down, equal scores in the order of the
pictures. Each belongs to the object of its class and picture that it overlaps most (the first of several equal ones).
Where that overlap is below the threshold, the detection is wrong; where the object is difficult, the detection does not
count; otherwise it is right, or wrong if an earlier one has found that object. After each that counts,

    recall = right so far / objects that are not difficult,    precision = right so far / detections so far
"""

from dataclasses import dataclass

import numpy as np

from adabin.detection.boxes import iou

RIGHT, WRONG, UNCOUNTED = 1, 0, -1


@dataclass(frozen=True)
class ClassResult:
    """How well one class is found.

    Attributes:
        objects, ignored: how many are to be found, and how many do not count.
        detections: how many count.
        recall, precision: float64 (detections,), from the highest score down.
        ap, ap_11point: average precisions; nan for a class without objects to find.
    """

    objects: int
    ignored: int
    detections: int
    recall: np.ndarray
    precision: np.ndarray
    ap: float
    ap_11point: float


def judge(boxes, classes, object_boxes, object_classes, ignored, threshold=0.5):
    """Which detections of one picture are right.

    Args:
        boxes, classes: detections from the highest score down: corners (k, 4) and (k,).
        object_boxes, object_classes, ignored: annotated: corners (m, 4) in the same unit, (m,) and bool (m,).
        threshold (float): overlap (IoU) that is enough, above 0.

    Returns:
        int8 (k,): RIGHT, WRONG or UNCOUNTED.
    """
    verdicts = np.full(len(boxes), WRONG, np.int8)
    if not len(boxes) or not len(object_boxes):
        return verdicts
    overlaps = iou(boxes, object_boxes) * (classes[:, None] == object_classes[None])
    own = overlaps.argmax(axis=1)
    enough = overlaps[np.arange(len(own)), own] >= threshold
    verdicts[enough & ignored[own]] = UNCOUNTED
    (counted,) = np.nonzero(enough & ~ignored[own])
    _, first = np.unique(own[counted], return_index=True)
    verdicts[counted[first]] = RIGHT
    return verdicts


def average_precisions(right, objects):
    """(2010's average precision, 2007's), from a class's detections that count, from the highest score down.

    2010's is the area below the curve, of which each precision is raised to the highest at the same or more recall;
    2007's is the mean of those raised precisions at the recalls 0, 0.1, ... 1, compared in whole numbers. Where the
    curve does not reach, precision is 0.

    Args:
        right: bool (k,).
        objects (int): number to be found; 0 gives nan.
    """
    if not objects:
        return float("nan"), float("nan")
    found = np.cumsum(right)
    raised = np.maximum.accumulate((found / np.arange(1, len(right) + 1))[::-1])[::-1]
    places = np.searchsorted(10 * found, np.arange(11) * objects)
    at_levels = np.append(raised, 0.0)[places]
    return float(raised[right].sum() / objects), float(at_levels.mean())


def voc_results(pictures, num_classes, threshold=0.5):
    """Results of all classes, a list of ClassResult.

    Args:
        pictures (Pictures): what was annotated and found.
        threshold (float): overlap (IoU) that makes a detection right.
    """
    verdicts = np.empty(len(pictures.found_scores), np.int8)
    for objects, found in pictures.slices():
        order = np.argsort(-pictures.found_scores[found], kind="stable")
        of_picture = judge(
            pictures.found_boxes[found][order],
            pictures.found_classes[found][order],
            pictures.object_boxes[objects],
            pictures.object_classes[objects],
            pictures.object_ignored[objects],
            threshold,
        )
        verdicts[found][order] = of_picture
    results = []
    ranked = np.argsort(-pictures.found_scores, kind="stable")
    for number in range(num_classes):
        counted = ranked[(pictures.found_classes[ranked] == number) & (verdicts[ranked] != UNCOUNTED)]
        right = verdicts[counted] == RIGHT
        own = pictures.object_classes == number
        ignored = int((own & pictures.object_ignored).sum())
        objects = int(own.sum()) - ignored
        found = np.cumsum(right)
        recall, precision = found / max(objects, 1), found / np.arange(1, len(right) + 1)
        aps = average_precisions(right, objects)
        results.append(ClassResult(objects, ignored, len(right), recall, precision, *aps))
    return results


def mean_over_classes(values):
    """Mean of the values of the classes that have one (are not nan); -1, as in COCO's tools, where none has."""
    values = [value for value in values if not np.isnan(value)]
    return float(np.mean(values, dtype=np.float64)) if values else -1.0
