# SPDX-License-Identifier: Apache-2.0
"""Loss and accuracy from logits, in NumPy alone."""

import numpy as np

from adabin.utils.errors import RunError


class ClassificationMetric:
    """Mean cross entropy and accuracies in [0, 1], computed in float64, from one number per image.

    result: a dict with `images`, `loss`, `top1`, and `top5` where there are more than five classes.
    """

    def __init__(self):
        self.losses, self.ranks, self.has_top5 = [], [], False

    def update(self, outputs, labels):
        """Add a batch: outputs (logits (B, classes),), labels int (B,).

        Raises:
            RunError: a logit is not finite.
        """
        (logits,) = outputs
        losses, ranks = losses_and_ranks(logits, labels)
        self.losses.append(losses)
        self.ranks.append(ranks)
        self.has_top5 = logits.shape[1] > 5

    def state(self):
        """Sums over the images so far, float64: number, losses, first places, and places among the first five."""
        ranks = np.concatenate(self.ranks)
        sums = [len(ranks), np.sum(np.concatenate(self.losses)), np.sum(ranks == 0)]
        return {"sums": np.array(sums + [np.sum(ranks < 5)] * self.has_top5, np.float64)}

    @staticmethod
    def result(states):
        """Metrics from the states of all processes, each of which has seen a part of the images."""
        images, *sums = np.sum([state["sums"] for state in states], axis=0).tolist()
        means = (value / images for value in sums)
        return {"images": int(images), **dict(zip(("loss", "top1", "top5"), means, strict=False))}


def losses_and_ranks(logits, labels):
    """Cross entropy of each image (B,), float64, and the number of classes that come before its own (B,).

    Raises:
        RunError: a logit is not finite.
    """
    if not np.isfinite(logits).all():
        raise RunError(
            f"the network gives values that are not finite for {(~np.isfinite(logits)).any(1).sum()} of "
            f"{len(logits)} images: its training has diverged"
        )
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    rows = np.arange(len(labels))
    own = logits[rows, labels]
    # Equal logits are resolved as argmax does: the lower class number wins.
    before = (np.arange(logits.shape[1]) < labels[:, None]) & (logits == own[:, None])
    return log_sum - shifted[rows, labels], (logits > own[:, None]).sum(axis=1) + before.sum(axis=1)
