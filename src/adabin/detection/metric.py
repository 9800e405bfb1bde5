# SPDX-License-Identifier: Apache-2.0
"""The metrics of a detector, from what it found in each picture."""

from dataclasses import dataclass

import numpy as np

from adabin.detection.pictures import Pictures, joined, rows_of
from adabin.detection.voc_map import mean_over_classes, voc_results
from adabin.utils.errors import RunError


@dataclass(frozen=True)
class Evaluation:
    """All that is known of a detector's quality.

    Attributes:
        values: dict of numbers: `images`, `objects` that are to be found, `detections` kept; `map` and `map_11point`,
            VOC's mean average precisions by the protocols of 2010 and 2007; `ap`, `ap_50`, `ap_75`, `ap_small`,
            `ap_medium`, `ap_large` and `ar_...`, COCO's twelve numbers. All in 0..1; -1 where no object is of the kind.
        classes: list of ClassResult.
        coco_classes: float64 (classes,), COCO's AP@[.5:.95]; nan for a class without objects to find.
        threshold: overlap (IoU) that VOC's metrics demand.
    """

    values: dict
    classes: list
    coco_classes: np.ndarray
    threshold: float


class DetectionMetric:
    """Mean average precisions by VOC's and COCO's protocols.

    Memory: annotations and detections, at most 200 of a picture, some 5 KB; no picture and no output.

    Args:
        num_classes (int): without the background.
        threshold (float): overlap (IoU) at which a detection is right for VOC's metrics.
        crowds (bool): whether ignored objects are crowds, as in COCO, else difficult ones; for COCO's metrics.

    Attributes:
        evaluation (Evaluation): of the last `result`.
    """

    def __init__(self, num_classes, threshold=0.5, crowds=False):
        self.num_classes, self.threshold, self.crowds = num_classes, threshold, crowds
        self.parts, self.evaluation = [], None

    def add(self, objects, boxes, classes, scores):
        """Add a picture.

        Args:
            objects (Objects): what is annotated.
            boxes, classes, scores: what is found: corners (k, 4) in fractions of the picture, numbers from 0 (k,),
                and (k,), in any order.

        Raises:
            RunError: a box or score is not finite.
        """
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise RunError("the network gives values that are not finite: its training has diverged")
        rows = rows_of(objects, boxes, classes, scores)
        for name in ("object_classes", "found_classes"):
            if ((rows[name] < 0) | (rows[name] >= self.num_classes)).any():
                raise ValueError(f"{name}: {rows[name]}, of {self.num_classes} classes")
        self.parts.append(rows)

    def state(self):
        """Dict of the arrays `adabin.detection.pictures.ARRAYS`; their first dimensions are of any length."""
        return joined(self.parts)

    def result(self, states):
        """Numbers of `Evaluation.values`, from the states of all processes, in the order of their pictures."""
        from adabin.detection.coco_ap import coco_results  # here: only who evaluates needs pycocotools

        pictures = Pictures(states)
        classes = voc_results(pictures, self.num_classes, self.threshold)
        coco = coco_results(pictures, self.num_classes, self.crowds)
        values = {
            "images": len(pictures),
            "objects": sum(one.objects for one in classes),
            "detections": len(pictures.found_scores),
            "map": mean_over_classes([one.ap for one in classes]),
            "map_11point": mean_over_classes([one.ap_11point for one in classes]),
            **coco.values,
        }
        self.evaluation = Evaluation(values, classes, coco.classes, self.threshold)
        return values
