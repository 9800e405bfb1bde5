# SPDX-License-Identifier: Apache-2.0
"""benchmarks/detections_match.py: which detections of two programs count as the same."""

from types import SimpleNamespace

import numpy as np

from benchmarks.detections_match import compared, matches


def detections(*rows):
    """(boxes, classes, scores) of rows (x1, y1, x2, y2, class, score)."""
    table = np.array(rows, float).reshape(-1, 6)
    return table[:, :4], table[:, 4].astype(np.int32), table[:, 5].astype(np.float32)


HERE = (0.1, 0.1, 0.5, 0.5)
NEAR = (0.1, 0.1, 0.5, 0.498)  # IoU 0.995
FAR = (0.1, 0.1, 0.5, 0.49)  # 0.975


def test_a_match_has_the_class_the_place_and_the_score():
    first = detections((*HERE, 1, 0.9))
    for box, label, score, there in (
        (NEAR, 1, 0.9005, True),
        (NEAR, 2, 0.9005, False),
        (NEAR, 1, 0.902, False),
        (FAR, 1, 0.9, False),
    ):
        assert bool(matches(first, detections((*box, label, score)), 0.99, 1e-3)) == there
    assert matches(first, detections(), 0.99, 1e-3) == matches(detections(), first, 0.99, 1e-3) == []


def test_each_detection_has_one_match_and_the_nearest():
    first = detections((*HERE, 0, 0.9), (*HERE, 0, 0.9))
    assert matches(first, detections((*NEAR, 0, 0.9)), 0.99, 1e-3) == [(0, 0)]
    second = detections((*NEAR, 0, 0.9), (*HERE, 0, 0.9))
    assert matches(first, second, 0.99, 1e-3) == [(0, 1), (1, 0)]


def test_detections_of_both_sides_are_counted_and_pictures_without_a_difference():
    same, other = detections((*HERE, 0, 0.9)), detections((*FAR, 0, 0.9), (*HERE, 1, 0.02))
    decisions = np.zeros((3, 4), np.int16)
    first = SimpleNamespace(pictures=[same, same, detections()], decisions=decisions)
    second = SimpleNamespace(pictures=[same, other, detections()], decisions=decisions)
    row = compared(first, second, 0.01, 0.99, 1e-3)
    assert (row["detections"], row["matching"], row["whole_pictures"]) == (5, 2, 2)
    row = compared(first, second, 0.3, 0.9, 1e-3)
    assert (row["detections"], row["matching"], row["share"], row["equal_decisions"]) == (4, 4, 1.0, 1.0)
