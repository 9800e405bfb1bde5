# SPDX-License-Identifier: Apache-2.0
"""From logits to ranked classes."""

import numpy as np

from adabin.utils.errors import RunError

TOP = 5


def softmax(logits):
    """Scores (N, classes) that sum to 1, in float64.

    Raises:
        RunError: a logit is not finite.
    """
    if not np.isfinite(logits).all():
        raise RunError("the network gives values that are not finite: its training has diverged")
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def best_classes(scores, names):
    """Number, name and score of the best classes of one picture, best first; equal scores by number."""
    best = np.argsort(-scores, kind="stable")[:TOP]
    return [{"class": int(c), "name": names[c], "score": round(float(scores[c]), 6)} for c in best]
