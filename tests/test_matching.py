# SPDX-License-Identifier: Apache-2.0
"""Matching of priors and objects, against a loop that is slow and obvious."""

import src  # isort: skip  # noqa: F401 - makes adabin importable

import numpy as np
import pytest

from adabin.detection.boxes import decode, encode, to_corners
from adabin.detection.matching import match
from adabin.detection.priors import VARIANCES, ssd_priors

PRIORS = ssd_priors(64)
GRID = np.array([(x, y, 0.2, 0.2) for y in (0.1, 0.3, 0.5, 0.7, 0.9) for x in (0.1, 0.3, 0.5, 0.7, 0.9)], np.float32)


def overlap(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def slow_match(boxes, classes, priors, threshold):
    """As the docstring of `match` says it, pair by pair."""
    table = {
        (i, p): overlap(box, corners) for i, box in enumerate(boxes) for p, corners in enumerate(to_corners(priors))
    }
    left, owner = dict(table), {}
    while left and max(left.values()) > 0:
        i, p = max(left, key=lambda pair: (left[pair], -pair[0], -pair[1]))
        owner[p] = i
        left = {pair: value for pair, value in left.items() if pair[0] != i and pair[1] != p}
    for p in range(len(priors)):
        best = max(range(len(boxes)), key=lambda i: (table[i, p], -i), default=None)
        if p not in owner and best is not None and table[best, p] >= threshold:
            owner[p] = best
    labels, locations = np.zeros(len(priors), np.int32), np.zeros((len(priors), 4), np.float32)
    for p, i in owner.items():
        labels[p] = classes[i] + 1
        locations[p] = encode(boxes[i : i + 1], priors[p : p + 1], VARIANCES)[0]
    return labels, locations


def random_boxes(rng, count, side=0.5):
    places, sides = rng.random((count, 2)), 0.03 + side * rng.random((count, 2))
    return np.clip(np.concatenate([places - sides / 2, places + sides / 2], 1), 0, 1).astype(np.float32)


@pytest.mark.parametrize("seed", range(12))
def test_matching_is_that_of_the_slow_loop(seed):
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, count=seed)
    if seed > 6:  # several objects in one place, to the last bit or nearly
        boxes[1], boxes[2] = boxes[0], np.clip(boxes[0] + np.float32(0.004), 0, 1)
    classes, threshold = rng.integers(0, 5, len(boxes)), (0.5, 0.35)[seed % 2]
    priors = PRIORS[rng.permutation(len(PRIORS))[:150]]
    found, expected = match(boxes, classes, priors, threshold), slow_match(boxes, classes, priors, threshold)
    for own, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(own, theirs)
        assert own.dtype == theirs.dtype and own.shape == theirs.shape


def test_without_objects_all_is_background():
    labels, locations = match(np.zeros((0, 4), np.float32), np.zeros(0, np.int32), PRIORS)
    assert labels.shape == (len(PRIORS),) and not labels.any() and labels.dtype == np.int32
    assert locations.shape == (len(PRIORS), 4) and not locations.any() and locations.dtype == np.float32


def test_every_object_gets_a_prior_also_where_its_overlap_is_small_or_others_have_the_same_best_prior():
    tiny = np.array([[0.31, 0.31, 0.32, 0.32]], np.float32)
    labels, _ = match(tiny, [3], GRID)
    assert list(np.flatnonzero(labels)) == [6] and labels[6] == 4
    # Three boxes on one cell: the reference's ports would leave the last one alone there.
    same = np.array([[0.2, 0.2, 0.4, 0.4], [0.21, 0.2, 0.41, 0.4], [0.2, 0.22, 0.4, 0.42]], np.float32)
    labels, _ = match(same, [0, 1, 2], GRID)
    assert labels[6] == 1 and sorted(labels[labels > 0]) == [1, 2, 3]


def test_a_picture_of_200_objects_loses_none():
    rng = np.random.default_rng(1)
    boxes = random_boxes(rng, 200, side=0.2)
    labels, _ = match(boxes, np.arange(200), ssd_priors(300))
    assert set(labels) == set(range(201))


def test_more_objects_than_priors_leave_finite_targets_and_an_object_without_area_none():
    boxes = random_boxes(np.random.default_rng(2), 40)
    labels, locations = match(boxes, np.arange(40), GRID)
    assert (labels > 0).all() and np.isfinite(locations).all() and len(set(labels)) == len(GRID)
    labels, _ = match(np.array([[0.5, 0.5, 0.5, 0.7]], np.float32), [3], GRID)
    assert not labels.any()


def test_an_overlap_of_exactly_the_threshold_is_enough():
    priors = np.array([[0.25, 0.5, 0.5, 1], [0.5, 0.5, 1, 1], [0.5, 0.25, 1, 0.5]], np.float32)
    labels, _ = match(np.array([[0, 0, 0.5, 1]], np.float32), [0], priors)
    assert list(labels) == [1, 1, 0]


def test_what_is_learned_decodes_to_the_object():
    boxes = random_boxes(np.random.default_rng(3), 5)
    labels, locations = match(boxes, np.arange(5), PRIORS)
    found = decode(locations, PRIORS, VARIANCES)
    for prior in np.flatnonzero(labels):
        np.testing.assert_allclose(found[prior], boxes[labels[prior] - 1], atol=1e-6)
