# SPDX-License-Identifier: Apache-2.0
"""Every config key of detection reaches what it speaks of."""

import src  # isort: skip  # noqa: F401 - makes adabin importable

import numpy as np
import pytest

from adabin.detection.objects import Objects
from adabin.tasks import build_task
from adabin.utils.config import read_config

# Two neighbors of a class that overlap by a half, the better first; a third box elsewhere.
BOXES = np.array([[0.1, 0.1, 0.5, 0.5], [0.1, 0.2, 0.5, 0.6], [0.6, 0.6, 0.9, 0.9]], np.float32)


def task_with(**keys):
    names = {"class_names": ["cat", "dog"], "num_classes": 2, "image_size": 300, "task": "detection"}
    return build_task(read_config(None, {**names, "network": "ssd_vgg16", "dataset": "voc", **keys}))


def annotated(boxes, **more):
    count = len(boxes)
    kept = {"ignored": np.zeros(count, bool), "areas": np.ones(count, np.float32), "size": (300, 300), **more}
    return Objects(boxes, np.zeros(count, np.int32), **kept)


def outputs(task, confidences):
    """Of a network that sees each of `BOXES` in one prior box."""
    locations = np.zeros((1, len(task.priors), 4), np.float32)
    scores = np.zeros((1, len(task.priors), 3), np.float32)
    scores[..., 0] = 30
    for box, confidence in zip(BOXES, confidences, strict=True):
        labels, found = task.targets([annotated(box[None])], train=True)
        (prior, *_) = np.flatnonzero(labels[0])
        locations[0, prior] = found[0, prior]
        scores[0, prior] = np.log([1 - confidence, confidence, 1e-9])
    return locations, scores


@pytest.mark.parametrize(
    "keys, seen",
    [
        ({}, [0.9, 0.6]),  # of the neighbors the better one
        ({"nms_iou": 0.7}, [0.9, 0.8, 0.6]),
        ({"shown_score": 0.7}, [0.9]),
        ({"min_score": 0.7}, [0.9]),
        ({"max_detections": 1}, [0.9]),
    ],
)
def test_a_picture_shows_the_boxes_that_the_keys_ask_for(keys, seen):
    task = task_with(**keys)
    (found,) = task.predict(outputs(task, [0.9, 0.8, 0.6]), [(300, 300)])
    assert [one["score"] for one in found["objects"]] == pytest.approx(seen, abs=1e-3)


@pytest.mark.parametrize("keys, counted", [({}, 2), ({"nms_iou": 0.7}, 3), ({"min_score": 0.7}, 1)])
def test_the_metric_counts_the_boxes_that_the_keys_ask_for(keys, counted):
    task = task_with(**keys)
    metric = task.metric()
    metric.update(outputs(task, [0.9, 0.8, 0.6]), *task.targets([annotated(BOXES)], train=False))
    assert metric.result([metric.state()])["detections"] == counted


def test_the_overlap_from_which_a_prior_learns_is_match_iou():
    least, usual = ((task_with(**keys).targets([annotated(BOXES)], True)[0] > 0).sum() for keys in (
        {"match_iou": 0.3}, {},
    ))  # fmt: skip
    assert least > usual > 3


def test_the_share_of_negatives_is_neg_pos_ratio():
    assert task_with(neg_pos_ratio=2.0).loss().neg_pos_ratio == 2.0


@pytest.mark.parametrize("dataset, expected", [("coco", 1.0), ("voc", 0.5)])
def test_a_crowd_takes_any_number_of_boxes_in_coco_alone(dataset, expected):
    """Two boxes on an object that does not count: a crowd covers both, a difficult object of VOC one."""
    task = task_with(dataset=dataset, nms_iou=0.7)
    truth = annotated(BOXES[[0, 2]], ignored=np.array([True, False]))
    metric = task.metric()
    metric.update(outputs(task, [0.9, 0.8, 0.6]), *task.targets([truth], train=False))
    assert metric.result([metric.state()])["ap_50"] == pytest.approx(expected, abs=0.01)
