# SPDX-License-Identifier: Apache-2.0
"""Evaluation over all images of a split: no batch is dropped."""

import mindspore as ms
import numpy as np


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
