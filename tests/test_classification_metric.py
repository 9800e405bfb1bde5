# SPDX-License-Identifier: Apache-2.0
"""The metric of classification against its definitions, written out."""

import numpy as np
import pytest

from adabin.tasks.classification import ClassificationMetric
from adabin.utils.errors import RunError


def result_of(logits, labels, parts=1):
    metrics = []
    for rows in np.array_split(np.arange(len(labels)), parts):
        metrics.append(ClassificationMetric())
        for row in rows:  # batches of one
            metrics[-1].update((logits[row : row + 1],), labels[row : row + 1])
    return ClassificationMetric.result([metric.state() for metric in metrics])


@pytest.mark.parametrize("parts", [1, 3])
def test_loss_and_accuracies_are_those_of_a_slow_count(parts):
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(0, 3, (40, 8)).astype(np.float32), rng.integers(0, 8, 40).astype(np.int32)
    losses, first, five = [], 0, 0
    for row, label in zip(logits.astype(np.float64), labels, strict=True):
        losses.append(-np.log(np.exp(row[label]) / sum(np.exp(value) for value in row)))
        better = sum(value > row[label] for value in row)
        first, five = first + (better == 0), five + (better < 5)
    found = result_of(logits, labels, parts)
    assert found["images"] == 40 and found["loss"] == pytest.approx(np.mean(losses), rel=1e-12)
    assert (found["top1"], found["top5"]) == (first / 40, five / 40) and 0 < first < five < 40


def test_of_equal_logits_the_lower_class_wins_as_with_argmax():
    logits = np.array([[1, 2, 2], [2, 1, 2], [0, 0, 0]], np.float32)
    for labels, top1 in (([1, 0, 0], 1.0), ([2, 2, 2], 0.0), ([1, 2, 0], 2 / 3)):
        labels = np.array(labels, np.int32)
        assert result_of(logits, labels)["top1"] == pytest.approx(top1) == np.mean(logits.argmax(1) == labels)
    same = np.zeros((7, 7), np.float32)
    assert result_of(same, np.arange(7, dtype=np.int32))["top5"] == 5 / 7


def test_five_classes_have_no_top5_and_huge_logits_no_overflow():
    found = result_of(np.array([[1e4, -1e4, 0, 3, 1]], np.float32), np.array([1], np.int32))
    assert "top5" not in found and found["loss"] == pytest.approx(2e4)


def test_a_logit_that_is_not_finite_is_reported():
    with pytest.raises(RunError, match="not finite for 1 of 2 images"):
        ClassificationMetric().update((np.array([[0, 1], [np.nan, 1]], np.float32),), np.array([0, 1]))
