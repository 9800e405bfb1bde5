# SPDX-License-Identifier: Apache-2.0
"""Loss and accuracy from logits, in NumPy alone: also for machines without MindSpore."""

import numpy as np

from adabin.utils.errors import RunError


def classification_metrics(logits, labels):
    """Mean cross entropy and accuracies in [0, 1], computed in float64.

    Returns:
        dict with `images`, `loss`, `top1`, and `top5` where there are more than five classes.

    Raises:
        RunError: a logit is not finite.
    """
    return metrics_of_sums(classification_sums(logits, labels))


def metrics_of_sums(sums):
    """Metrics from the sums over all images, which processes that evaluated a share each have added up."""
    images = sums["images"]
    means = {key: value / images for key, value in sums.items() if key != "images"}
    return {"images": int(images), **means}


def classification_sums(logits, labels):
    """What `classification_metrics` divides by the number of images, in float64.

    Returns:
        dict with `images`, `loss`, `top1`, and `top5` where there are more than five classes.

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
    rank = (logits > own[:, None]).sum(axis=1) + before.sum(axis=1)
    sums = {
        "images": len(labels),
        "loss": float(np.sum(log_sum - shifted[rows, labels])),
        "top1": int(np.sum(rank == 0)),
    }
    if logits.shape[1] > 5:
        sums["top5"] = int(np.sum(rank < 5))
    return sums
