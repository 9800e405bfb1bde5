# SPDX-License-Identifier: Apache-2.0
"""Decoding of a detector's outputs, against a loop that is slow and obvious."""

import src  # isort: skip  # noqa: F401 - makes adabin importable

import math

import numpy as np
import pytest

from adabin.detection.boxes import encode
from adabin.detection.decoding import detections
from adabin.detection.priors import VARIANCES, ssd_priors
from adabin.utils.errors import RunError
from tests.test_matching import overlap

PRIORS = ssd_priors(64)


def slow_detections(locations, scores, priors, min_score, nms_iou, most):
    """As the docstring of `detections` says it, box by box, in float64."""
    boxes = []
    for (dx, dy, dw, dh), (cx, cy, w, h) in zip(locations.astype(float), priors.astype(float), strict=True):
        x, y = cx + 0.1 * dx * w, cy + 0.1 * dy * h
        w, h = w * math.exp(0.2 * dw), h * math.exp(0.2 * dh)
        boxes.append([min(1, max(0, v)) for v in (x - w / 2, y - h / 2, x + w / 2, y + h / 2)])
    found = []
    for number in range(1, scores.shape[1]):
        left = []
        for prior, (row, box) in enumerate(zip(scores.astype(float), boxes, strict=True)):
            score = math.exp(row[number]) / sum(math.exp(value) for value in row)
            if score > min_score and box[0] < box[2] and box[1] < box[3]:
                left.append((-score, prior))
        left, kept = sorted(left)[:most], []
        for score, prior in left:
            if all(overlap(boxes[prior], boxes[other]) <= nms_iou for _, other in kept):
                kept.append((score, prior))
        found += [(score, number - 1, prior) for score, prior in kept]
    found = sorted(found)[:most]
    return [boxes[prior] for *_, prior in found], [number for _, number, _ in found], [-score for score, *_ in found]


@pytest.mark.parametrize("seed", range(10))
def test_detections_are_those_of_the_slow_loop(seed):
    rng = np.random.default_rng(seed)
    count, classes = 20 + 30 * seed, 1 + seed % 4
    priors = PRIORS[rng.permutation(len(PRIORS))[:count]]
    locations = rng.normal(size=(count, 4)).astype(np.float32) * 2
    scores = (rng.normal(size=(count, classes + 1)) * (1 + seed % 3)).astype(np.float32)
    settings = ((0.01, 0.45, 200), (0.2, 0.3, 25), (0.05, 0.7, 8))[seed % 3]
    found = detections(locations, scores, priors, *settings)
    expected = slow_detections(locations, scores, priors, *settings)
    assert 0 < len(found[0]) <= settings[2] and list(found[1]) == expected[1]
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-5)
    assert [array.dtype for array in found] == [np.float32, np.int32, np.float32]


def logits_of(probabilities):
    return np.log(np.asarray(probabilities, np.float32))


def test_a_worse_box_goes_only_where_a_kept_one_of_its_class_overlaps_it():
    boxes = np.array(
        [[0.1, 0.1, 0.5, 0.5], [0.2, 0.1, 0.6, 0.5], [0.3, 0.1, 0.7, 0.5], [0.1, 0.1, 0.5, 0.5]], np.float32
    )
    priors = PRIORS[:4]
    locations = encode(boxes, priors, VARIANCES)
    scores = logits_of([[0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.3, 0.6, 0.1], [0.3, 0.05, 0.65]])
    found, classes, values = detections(locations, scores, priors, min_score=0.3, nms_iou=0.5)
    # The first one drops the second, which then does not drop the third; the fourth is of another class.
    np.testing.assert_allclose(found, boxes[[0, 3, 2]], atol=1e-5)
    assert list(classes) == [0, 1, 0]
    np.testing.assert_allclose(values, [0.8, 0.65, 0.6], rtol=1e-5)


def test_equal_scores_come_by_class_and_then_by_prior_whatever_is_cut():
    count = 300
    priors = np.stack(
        [(np.arange(count) + 0.5) / count, np.full(count, 0.5), np.full(count, 1 / count), np.ones(count)], 1
    )
    locations, scores = np.zeros((count, 4), np.float32), np.zeros((count, 3), np.float32)
    boxes, classes, _ = detections(locations, scores, priors, most=120)
    assert list(classes) == [0] * 120
    np.testing.assert_allclose(boxes[:, 0], np.arange(120) / count, atol=1e-6)


def test_nothing_above_the_threshold_is_no_object():
    scores = np.zeros((len(PRIORS), 3), np.float32)
    scores[:, 0] = 20
    boxes, classes, values = detections(np.zeros((len(PRIORS), 4), np.float32), scores, PRIORS)
    assert boxes.shape == (0, 4) and classes.shape == values.shape == (0,)


def test_a_box_outside_the_picture_is_none_and_a_larger_one_is_clipped():
    priors = np.array([[0.5, 0.5, 0.2, 0.2]] * 2, np.float32)
    boxes = np.array([[-0.5, 0.2, -0.1, 0.4], [-0.2, 0.3, 1.4, 0.6]], np.float32)
    found, _, _ = detections(encode(boxes, priors, VARIANCES), logits_of([[0.1, 0.9]] * 2), priors)
    np.testing.assert_allclose(found, [[0, 0.3, 1, 0.6]], atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_values_that_are_not_finite_end_the_run(value, which):
    outputs = np.zeros((len(PRIORS), 4), np.float32), np.zeros((len(PRIORS), 3), np.float32)
    outputs[which][7, 1] = value
    with pytest.raises(RunError, match="not finite: its training has diverged"):
        detections(*outputs, PRIORS)


def test_huge_finite_outputs_give_finite_boxes():
    locations, scores = np.full((len(PRIORS), 4), 1e30, np.float32), np.full((len(PRIORS), 3), -1e30, np.float32)
    scores[:, 1] = 1e30
    boxes, _, values = detections(-locations, scores, PRIORS)
    assert np.isfinite(boxes).all() and np.isfinite(values).all()
