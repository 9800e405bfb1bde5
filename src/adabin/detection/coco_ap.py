# SPDX-License-Identifier: Apache-2.0
"""COCO's average precision and recall, computed by COCO's own tools (pycocotools), for any data set.

Classes do not influence each other there, so each is evaluated by itself, which needs the memory of one.
"""

import contextlib
import io
from dataclasses import dataclass

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

MAX_DETECTIONS = (1, 10, 100)  # per picture and class
# Name of a value: (kind, IoU or None for the mean over 0.5, 0.55, ... 0.95, size of the objects, most detections).
SUMMARY = {
    "ap": ("precision", None, "all", 100),
    "ap_50": ("precision", 0.5, "all", 100),
    "ap_75": ("precision", 0.75, "all", 100),
    "ap_small": ("precision", None, "small", 100),
    "ap_medium": ("precision", None, "medium", 100),
    "ap_large": ("precision", None, "large", 100),
    "ar_1": ("recall", None, "all", 1),
    "ar_10": ("recall", None, "all", 10),
    "ar_100": ("recall", None, "all", 100),
    "ar_small": ("recall", None, "small", 100),
    "ar_medium": ("recall", None, "medium", 100),
    "ar_large": ("recall", None, "large", 100),
}


@dataclass(frozen=True)
class CocoResults:
    """The twelve numbers of COCO's summary, and AP@[.5:.95] of each class.

    Attributes:
        values: dict, the names of `SUMMARY`; -1 where there is no object of such a size, as in COCO's tools.
        classes: float64 (classes,); nan for a class without objects to find.
    """

    values: dict
    classes: np.ndarray


class _Evaluation(COCOeval):
    """COCO's evaluation, which also leaves out objects marked `ignore`; its own overwrites that by `iscrowd`."""

    def _prepare(self):
        super()._prepare()
        for objects in self._gts.values():
            for one in objects:
                one["ignore"] = one["ignored"]


def coco_results(pictures, num_classes, crowds=False):
    """COCO's metrics of all classes.

    Small objects have less than 32 x 32 pixels of the original picture, large ones more than 96 x 96, by
    Objects.areas. Ignored objects are neither demanded, nor is the detection that they match wrong. If they are
    crowds, they match every detection of which a large enough part lies within them; other ones (VOC's difficult
    objects) match one detection, by IoU.

    Args:
        pictures (Pictures): what was annotated and found.
        crowds (bool): whether the ignored objects are crowds.
    """
    wanted = [(~pictures.object_ignored[pictures.object_classes == number]).any() for number in range(num_classes)]
    (wanted,) = np.nonzero(wanted)  # the tools leave the other classes out of every mean
    tables, params = {"precision": [], "recall": []}, None
    for number in wanted:
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = _Evaluation(*_annotations(pictures, number, crowds), "bbox")
            evaluation.params.maxDets = list(MAX_DETECTIONS)
            evaluation.evaluate()
            evaluation.accumulate()
        params = evaluation.params
        tables["precision"].append(evaluation.eval["precision"][:, :, 0])  # (IoUs, recalls, sizes, most detections)
        tables["recall"].append(evaluation.eval["recall"][:, None, 0])
    values = {name: _mean(tables[kind], params, *rest) for name, (kind, *rest) in SUMMARY.items()}
    classes = np.full(num_classes, np.nan)
    classes[wanted] = [_mean([table], params, *SUMMARY["ap"][1:]) for table in tables["precision"]]
    return CocoResults(values, classes)


def _annotations(pictures, number, crowds):
    """What one class has of objects and detections, as two COCO objects."""
    objects, found = pictures.object_classes == number, pictures.found_classes == number
    truth = [
        {"area": area, "iscrowd": int(crowds and ignored), "ignored": int(ignored)}
        for area, ignored in zip(
            pictures.object_areas[objects].tolist(), pictures.object_ignored[objects].tolist(), strict=True
        )
    ]
    guesses = [{"score": score} for score in pictures.found_scores[found].tolist()]
    truth = _with_boxes(truth, pictures.object_boxes[objects], pictures.object_pictures[objects])
    guesses = _with_boxes(guesses, pictures.found_boxes[found], pictures.found_pictures[found])
    shown = sorted({entry["image_id"] for entry in (*truth, *guesses)})  # the other pictures decide nothing
    return tuple(_coco(shown, entries) for entries in (truth, guesses))


def _with_boxes(entries, boxes, pictures):
    """Annotations with number, picture, category, box (x, y, width, height), and its area where none is known."""
    corners = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    for number, (entry, box, picture) in enumerate(zip(entries, corners.tolist(), pictures.tolist(), strict=True), 1):
        entry.update(id=number, image_id=picture, category_id=1, bbox=box)  # an id of 0 would mean: no match
        entry.setdefault("area", box[2] * box[3])
    return entries


def _coco(pictures, annotations):
    coco = COCO()
    coco.dataset = {
        "images": [{"id": picture} for picture in pictures],
        "annotations": annotations,
        "categories": [{"id": 1}],
    }
    coco.createIndex()
    return coco


def _mean(tables, params, threshold, size, most):
    """Mean over classes, recalls and IoUs of what exists; tables: (IoUs, recalls, sizes, most detections) each."""
    if not tables:
        return -1.0
    values = np.stack(tables)[..., params.areaRngLbl.index(size), params.maxDets.index(most)]
    if threshold is not None:
        values = values[:, np.isclose(params.iouThrs, threshold)]
    values = values[values > -1]
    return float(values.mean()) if values.size else -1.0
