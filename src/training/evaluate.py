# SPDX-License-Identifier: Apache-2.0
"""Evaluation over all images of a split: no batch is dropped."""

import mindspore as ms
import numpy as np

from src.utils.errors import RunError


def predict_logits(network, batches, batch_size, on_batch=None):
    """Logits of all images.

    Args:
        network (Cell): used in inference mode, and left in it.
        batches: iterable of (images float32 (n, C, H, W), labels (n,)), n at most `batch_size`.
        batch_size (int): a shorter batch is filled up with zeros, so that one compiled graph serves all.
        on_batch: called with the number of images after each batch.

    Returns:
        (logits float32 (N, classes), labels int (N,)).
    """
    network.set_train(False)
    logits, labels = [], []
    for images, answers in batches:
        images, answers = images.asnumpy(), answers.asnumpy()
        missing = batch_size - len(images)
        if missing:
            images = np.concatenate([images, np.zeros((missing, *images.shape[1:]), images.dtype)])
        logits.append(network(ms.Tensor(images)).asnumpy()[: len(answers)])
        labels.append(answers)
        if on_batch:
            on_batch(len(answers))
    return np.concatenate(logits), np.concatenate(labels)


def classification_metrics(logits, labels):
    """Mean cross entropy and accuracies in [0, 1], computed in float64.

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
    metrics = {
        "images": len(labels),
        "loss": float(np.mean(log_sum - shifted[rows, labels])),
        "top1": float(np.mean(rank == 0)),
    }
    if logits.shape[1] > 5:
        metrics["top5"] = float(np.mean(rank < 5))
    return metrics
