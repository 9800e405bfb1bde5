# SPDX-License-Identifier: Apache-2.0
"""Object detection: boxes, classes and scores per picture, from a detector's locations and class scores."""

import numpy as np

from adabin.detection.decoding import detections
from adabin.detection.matching import match
from adabin.detection.priors import VARIANCES, prior_maps, ssd_priors
from adabin.tasks.detection.metric import OutputsMetric
from adabin.tasks.detection.prediction import annotated_objects, seen_objects
from adabin.tasks.names import class_names
from adabin.utils.errors import UserError

NAMED = 5  # objects of a picture in its line


class Detection:
    """The task as src/adabin/tasks/__init__.py describes it.

    Outputs: (locations (B, P, 4), scores (B, P, 1 + C)), P as of `ssd_priors`, the background first. Annotations:
    `Objects`. Targets in training: (class targets int32 (B, P), location targets float32 (B, P, 4)), see `match`; in
    tests objects, padded to as many as the batch's richest picture has: (boxes float32 (B, M, 4), classes int32 (B, M),
    -1 where it is padding, ignored bool (B, M), areas float32 (B, M), sizes int32 (B, 2)).

    Args:
        config (Config): image_size, match_iou, neg_pos_ratio, nms_iou, min_score, max_detections, shown_score,
            class_names, num_classes, dataset.

    Raises:
        UserError: image_size is too small for a detector.
    """

    score = "map"
    names_places = True
    recorded = ("map", "ap")
    plots = (("loss", "loss", 1), ("map", "mAP at IoU 0.5 [%]", 100))

    def __init__(self, config):
        self.config = config
        self.priors = ssd_priors(config.image_size)
        self.decode = self._in_numpy

    def decode_in(self, engine):
        """Let the C++ engine decode the outputs, where the file that it runs says how, and the config says no other."""
        limits = {key: getattr(self.config, key) for key in ("min_score", "nms_iou", "max_detections")}
        self.decode = engine.decoder(limits) or self._in_numpy

    @staticmethod
    def columns(train):
        """Targets per prior in training, objects in tests."""
        return ("class", "location") if train else ("box", "class", "ignored", "area", "size")

    def targets(self, annotations, train):
        """What the loss learns from `Objects`, or what the metric compares with."""
        if train:
            found = [match(one.boxes, one.classes, self.priors, self.config.match_iou) for one in annotations]
            return tuple(np.stack(part) for part in zip(*found, strict=True))
        return padded(annotations)

    def loss(self, teacher=None):
        """Smooth L1 and cross entropy with hard negatives.

        Raises:
            UserError: there is a teacher.
        """
        from adabin.tasks.detection.loss import DetectionLoss  # here: it imports MindSpore

        if teacher is not None:
            raise UserError("--teacher: a detector learns from boxes alone; leave it out")
        return DetectionLoss(self.config.neg_pos_ratio)

    def metric(self):
        """Average precisions by VOC's and COCO's protocols."""
        return OutputsMetric(self._found, crowds=self.config.dataset == "coco")

    def _found(self, locations, scores):
        """(boxes, classes, scores) of one picture."""
        if len(locations) != len(self.priors):
            raise UserError(
                f"config: network: {self.config.network} gives {len(locations)} boxes, a detector for image_size="
                f"{self.config.image_size} has {len(self.priors)}; give the config that belongs to it"
            )
        return self.decode(locations, scores)

    def _in_numpy(self, locations, scores):
        config = self.config
        return detections(locations, scores, self.priors, config.min_score, config.nms_iou, config.max_detections)

    @staticmethod
    def text(values):
        """'loss 4.1234 (location 1.5, class 2.6) mAP 45.00 %', of what the dict has of them."""
        parts = [f"loss {values['loss']:.4f}"] if "loss" in values else []
        if "location_loss" in values:
            parts.append(f"(location {values['location_loss']:.3f}, class {values['class_loss']:.3f})")
        return " ".join([*parts, *([f"mAP {100 * values['map']:.2f} %"] if "map" in values else [])])

    @staticmethod
    def decisions(outputs):
        """Class of each prior, the background among them."""
        return outputs[1].argmax(2)

    def predict(self, outputs, sizes):
        """`objects` of each picture, best first, those that score `shown_score` or more; see `seen_objects`.

        Raises:
            RunError: an output is not finite.
            UserError: the config has another number of classes or boxes.
        """
        locations, scores = (output.reshape(len(output), len(self.priors), -1) for output in self._checked(outputs))
        names = class_names(self.config, scores.shape[2] - 1)
        return [
            {"objects": seen_objects(*self._found(*row), names, size, self.config.shown_score)}
            for *row, size in zip(locations, scores, sizes, strict=True)
        ]

    def _checked(self, outputs):
        """Outputs, also where the program that gave them left only their first dimension."""
        if len(outputs) != 2 or any(output[0].size % len(self.priors) for output in outputs):
            raise UserError(
                f"config: task: the network has other outputs than a detector's for image_size="
                f"{self.config.image_size}; give the config that belongs to it with --config_path"
            )
        return outputs

    @staticmethod
    def line(prediction):
        """The best objects with their scores in percent, and how many more there are."""
        objects = prediction["objects"]
        if not objects:
            return "no object"
        named = ", ".join(f"{one['name']} {100 * one['score']:.0f} %" for one in objects[:NAMED])
        return named + (f", and {len(objects) - NAMED} more" if len(objects) > NAMED else "")

    @staticmethod
    def draw(path, picture, prediction):
        """The picture with the objects in it."""
        from adabin.tasks.detection.drawing import save_drawing

        save_drawing(path, picture, ("", prediction["objects"]))

    def draw_beside(self, path, picture, prediction, annotation):
        """The picture with the objects that were found, and beside it with those that are annotated."""
        from adabin.tasks.detection.drawing import save_drawing

        names = self.config.class_names or [
            f"class {number}" for number in range(1 + max(annotation.classes, default=0))
        ]
        truth = annotated_objects(annotation, names, picture.shape[:2])
        heading = "annotated" + (" (dashed: does not count)" if annotation.ignored.any() else "")
        save_drawing(path, picture, ("found", prediction["objects"]), (heading, truth))

    def report(self, metric):
        """(lines: a table of the classes and COCO's summary; dict: `classes`, a list with a dict per class)."""
        from adabin.detection.report import class_rows, table

        evaluation, names = metric.kept.evaluation, class_names(self.config, metric.kept.num_classes)
        return table(evaluation, names), {"classes": class_rows(evaluation, names)}

    def draw_report(self, folder, metric):
        """precision_recall.png: a curve per class."""
        from adabin.detection.report import draw_curves

        names = class_names(self.config, metric.kept.num_classes)
        draw_curves(folder / "precision_recall.png", metric.kept.evaluation, names)

    def description(self):
        """What another program needs to decode the outputs, besides the config's keys."""
        return {
            "locations": "output 0, (N, P, 4): dx, dy, dw, dh of each prior (cx, cy, w, h): the box has its center at "
            "(cx + v0 dx w, cy + v0 dy h) and the sides (w exp(v1 dw), h exp(v1 dh))",
            "scores": "output 1, (N, P, 1 + classes): logits, the background first, then class_names; softmax",
            "variances": list(VARIANCES),
            "suppression": "boxes clipped to 0..1; per class the best max_detections with scores above min_score; "
            "one that overlaps a better kept one by more than nms_iou (IoU) is dropped; the best max_detections of all",
            "priors": "P of them: for each map, row, column, shape: ((column + 0.5) step, (row + 0.5) step, *shape), "
            "none of the four above 1",
            "maps": prior_maps(self.config.image_size),
        }


def padded(annotations):
    """Objects of pictures as arrays, see `Detection`; M is 1 at least."""
    batch, most = len(annotations), max(1, *(len(one) for one in annotations))
    boxes, classes = np.zeros((batch, most, 4), np.float32), np.full((batch, most), -1, np.int32)
    ignored, areas = np.zeros((batch, most), bool), np.zeros((batch, most), np.float32)
    for row, one in enumerate(annotations):
        own = (row, slice(len(one)))
        boxes[own], classes[own], ignored[own], areas[own] = one.boxes, one.classes, one.ignored, one.areas
    return boxes, classes, ignored, areas, np.array([one.size for one in annotations], np.int32).reshape(batch, 2)
