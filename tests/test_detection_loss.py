# SPDX-License-Identifier: Apache-2.0
"""The detector's loss and its gradients, against the formula written out in NumPy."""

import src  # isort: skip  # noqa: F401 - makes adabin importable

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from adabin.tasks.detection.loss import DetectionLoss

BATCH, PRIORS, CLASSES = 5, 60, 4


def expected(locations, scores, labels, targets, ratio=3):
    """(location part, class part, gradient of their sum to locations, to scores), float64, prior by prior."""
    locations, scores, targets = (array.astype(np.float64) for array in (locations, scores, targets))
    location = entropy = 0.0
    to_locations, to_scores = np.zeros_like(locations), np.zeros_like(scores)
    for row in range(len(labels)):
        losses = np.log(np.exp(scores[row]).sum(1)) - scores[row][np.arange(len(labels[row])), labels[row]]
        negatives = sorted((p for p in range(len(labels[row])) if not labels[row][p]), key=lambda p: -losses[p])
        positives = [p for p in range(len(labels[row])) if labels[row][p]]
        for p in positives:
            d = locations[row, p] - targets[row, p]
            location += np.where(abs(d) < 1, d**2 / 2, abs(d) - 0.5).sum()
            to_locations[row, p] = np.clip(d, -1, 1)
        for p in positives + negatives[: int(ratio * len(positives))]:
            entropy += losses[p]
            to_scores[row, p] = np.exp(scores[row, p]) / np.exp(scores[row, p]).sum()
            to_scores[row, p, labels[row, p]] -= 1
    count = max(1, (labels > 0).sum())
    return location / count, entropy / count, to_locations / count, to_scores / count


def example(seed=0, positives=(0, 1, 7, 20, 60)):
    """A picture without objects, one with one, ..., and one where every prior has one: no negative is left there."""
    rng = np.random.default_rng(seed)
    locations, targets = rng.normal(size=(2, BATCH, PRIORS, 4)).astype(np.float32) * 2
    scores = rng.normal(size=(BATCH, PRIORS, CLASSES + 1)).astype(np.float32) * 2
    labels = np.zeros((BATCH, PRIORS), np.int32)
    for row, count in enumerate(positives):
        labels[row, rng.permutation(PRIORS)[:count]] = rng.integers(1, CLASSES + 1, count)
    return locations, scores, labels, targets


def computed(locations, scores, labels, targets, ratio=3.0):
    loss, images = DetectionLoss(ratio), Tensor(np.zeros((len(labels), 1), np.float32))

    def forward(locations, scores):
        return loss((locations, scores), images, Tensor(labels), Tensor(targets))

    gradients_of = ms.value_and_grad(forward, (0, 1), has_aux=True)
    (total, (location, entropy)), gradients = gradients_of(Tensor(locations), Tensor(scores))
    return total.asnumpy(), location.asnumpy(), entropy.asnumpy(), *(gradient.asnumpy() for gradient in gradients)


@pytest.mark.parametrize("seed, ratio", [(0, 3.0), (1, 3.0), (2, 1.5)])
def test_loss_and_gradients_are_those_of_the_formula(mode, seed, ratio):
    arrays = example(seed)
    total, location, entropy, *gradients = computed(*arrays, ratio)
    wanted = expected(*arrays, ratio)
    np.testing.assert_allclose([location / BATCH, entropy / BATCH], wanted[:2], rtol=5e-6)
    np.testing.assert_allclose(total, wanted[0] + wanted[1], rtol=5e-6)
    for own, theirs in zip(gradients, wanted[2:], strict=True):
        np.testing.assert_allclose(own, theirs, atol=1e-7)


def test_a_batch_without_objects_has_no_loss_and_no_gradient(mode):
    total, _, _, *gradients = computed(*example(positives=(0,) * BATCH))
    assert total == 0 and not any(gradient.any() for gradient in gradients)


def test_a_picture_without_objects_changes_nothing(mode):
    arrays = example()
    without = [array[1:] for array in arrays]
    np.testing.assert_allclose(computed(*arrays)[0], computed(*without)[0], rtol=1e-6)


def test_equal_negatives_are_taken_in_the_number_asked_for(mode):
    locations, scores, labels, targets = example(positives=(2, 2, 2, 2, 2))
    scores[:] = 0  # as from heads that are still zero
    _, _, entropy, _, to_scores = computed(locations, scores, labels, targets)
    np.testing.assert_allclose(entropy / BATCH, 4 * np.log(CLASSES + 1), rtol=5e-6)
    assert (to_scores.any(2).sum(1) == 2 + 6).all()


@pytest.mark.parametrize("which", [0, 1])
def test_values_that_are_not_finite_make_a_loss_that_is_not(mode, which):
    arrays = example()
    arrays[which][3, 5] = np.nan
    assert not np.isfinite(computed(*arrays)[0])


def test_certainty_does_not_overflow(mode):
    locations, scores, labels, targets = example()
    total, *_, to_locations, to_scores = computed(locations * 1e6, scores * 1e6, labels, targets)
    assert np.isfinite(total) and np.isfinite(to_locations).all() and np.isfinite(to_scores).all()
