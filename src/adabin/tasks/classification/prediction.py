# SPDX-License-Identifier: Apache-2.0
"""From logits to ranked classes."""

import numpy as np

from adabin.utils.errors import RunError, UserError

TOP = 5


def class_names(config, count):
    """Names of a network's outputs; their numbers where nobody knows the names.

    Raises:
        UserError: the config has another number of classes.
    """
    for key, expected in (("class_names", len(config.class_names)), ("num_classes", config.num_classes)):
        if expected not in (0, count):
            raise UserError(
                f"{key}: the config has {expected} classes, the network {count} outputs; "
                "give the config that belongs to it with --config_path, and no flag against it"
            )
    return config.class_names or [f"class {number}" for number in range(count)]


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
