# SPDX-License-Identifier: Apache-2.0
"""Annotated pictures and detections in them, for the tests of the detection metrics."""

from typing import NamedTuple

import numpy as np

from adabin.detection.metric import DetectionMetric
from adabin.detection.objects import Objects


class Seen(NamedTuple):
    """A picture's objects and detections, as `DetectionMetric.add` takes them."""

    objects: Objects
    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray


def objects_of(boxes, classes, ignored=None, size=(128, 128)):
    """Objects from corners in pixels."""
    pixels = np.array(boxes, np.float64).reshape(-1, 4)
    return Objects(
        fractions(pixels, size),
        np.array(classes, np.int32),
        np.zeros(len(pixels), bool) if ignored is None else np.array(ignored, bool),
        np.prod(pixels[:, 2:] - pixels[:, :2], axis=1).astype(np.float32),
        size,
    )


def fractions(pixels, size):
    height, width = size
    return (np.array(pixels, np.float64).reshape(-1, 4) / [width, height, width, height]).astype(np.float32)


def seen(objects, boxes, scores, classes=None):
    """A picture with detections from corners in pixels, of class 0 unless said otherwise."""
    classes = np.zeros(len(boxes), np.int32) if classes is None else np.array(classes, np.int32)
    return Seen(objects, fractions(boxes, objects.size), classes, np.array(scores, np.float32))


def random_pictures(seed, count, num_classes, crowds=False):
    """Pictures with 0 to 8 objects, some ignored, some overlapping, detected well, badly, twice or not at all.

    Scores have two digits, so that many are equal. With crowds, the areas are an outline's, smaller than the boxes'.
    """
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        size = tuple(int(side) for side in rng.integers(100, 400, 2))
        scale = np.array(size)[[1, 0, 1, 0]]
        number = int(rng.integers(0, 9))
        boxes = _random_boxes(rng, number) * scale
        if number > 2:  # two of a class that overlap
            boxes[1] = boxes[0] + 0.15 * rng.normal(size=4) * np.tile(boxes[0, 2:] - boxes[0, :2], 2)
        boxes = np.sort(boxes.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
        classes = rng.integers(0, num_classes, number)
        if number > 2:
            classes[1] = classes[0]
        objects = objects_of(boxes, classes, rng.random(number) < 0.2, size)
        if crowds:
            objects.areas[:] *= 0.6
        copies = np.repeat(np.arange(number), rng.integers(0, 4, number))
        sides = np.tile(boxes[copies, 2:] - boxes[copies, :2], 2)
        near = boxes[copies] + rng.choice([0.01, 0.1, 0.2], (len(copies), 1)) * rng.normal(size=sides.shape) * sides
        near = np.sort(near.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
        far = _random_boxes(rng, int(rng.integers(0, 12))) * scale
        found = np.concatenate([near, far])
        own = np.concatenate([classes[copies], rng.integers(0, num_classes, len(far))])
        scores = np.concatenate([rng.beta(3, 2, len(near)), rng.beta(1, 3, len(far))])
        mixed = rng.permutation(len(found))
        pictures.append(seen(objects, found[mixed], np.round(scores, 2)[mixed], own[mixed]))
    return pictures


def _random_boxes(rng, count):
    low, side = 0.8 * rng.random((count, 2)), np.exp(rng.uniform(np.log(0.05), np.log(0.8), (count, 2)))
    return np.concatenate([low, np.minimum(low + side, 1)], axis=1)


def truth_as_detections(pictures):
    """The same pictures with every object, also the ignored ones, found as it is annotated."""
    return [
        Seen(one.objects, one.objects.boxes, one.objects.classes, np.ones(len(one.objects), np.float32))
        for one in pictures
    ]


def metric_of(pictures, num_classes, **options):
    metric = DetectionMetric(num_classes, **options)
    for picture in pictures:
        metric.add(*picture)
    return metric


def evaluated(pictures, num_classes, **options):
    """Evaluation of pictures."""
    metric = metric_of(pictures, num_classes, **options)
    metric.result([metric.state()])
    return metric.evaluation
