# SPDX-License-Identifier: Apache-2.0
"""Boxes: their two forms, how much two overlap, and their encoding relative to priors.

Corners are (x1, y1, x2, y2), centers (cx, cy, width, height), both continuous: no pixel is added anywhere. Results have
the dtype of what comes in, float32 or float64.
"""

import numpy as np

LEAST_SIDE = 1e-6  # of an encoded box, in fractions of the picture: no logarithm of 0
LARGEST_LOG = 20  # of a decoded side over its prior's: e^20 is beyond every picture and within float32


def to_corners(centers):
    """(x1, y1, x2, y2) of boxes (cx, cy, width, height); both (..., 4)."""
    centers = np.asarray(centers)
    half = centers[..., 2:] / 2
    return np.concatenate([centers[..., :2] - half, centers[..., :2] + half], axis=-1)


def to_centers(corners):
    """(cx, cy, width, height) of boxes (x1, y1, x2, y2); both (..., 4)."""
    corners = np.asarray(corners)
    low, high = corners[..., :2], corners[..., 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=-1)


def areas(corners):
    """Width times height (...,) of boxes (..., 4); 0 where a side is not positive."""
    corners = np.asarray(corners)
    return np.prod(np.maximum(corners[..., 2:] - corners[..., :2], 0), axis=-1)


def iou(a, b):
    """Intersection over union of each box with each other one.

    Args:
        a, b: corners (n, 4) and (m, 4), in one unit; n and m may be 0.

    Returns:
        (n, m) in 0..1; 0 where a box has no area.
    """
    a, b = np.asarray(a).reshape(-1, 4), np.asarray(b).reshape(-1, 4)
    (left, top, right, bottom), others = a.T[..., None], np.ascontiguousarray(b.T)  # planes: a third of the time
    common = np.maximum(np.minimum(right, others[2]) - np.maximum(left, others[0]), 0)
    common *= np.maximum(np.minimum(bottom, others[3]) - np.maximum(top, others[1]), 0)
    union = areas(a)[:, None] + areas(b)[None] - common
    return np.divide(common, union, out=np.zeros_like(common), where=common > 0)


def encode(boxes, priors, variances):
    """Boxes as offsets from priors, what a detector learns (SSD, section 2.2).

        ((cx - cx_p) / w_p / v_0, (cy - cy_p) / h_p / v_0, log(w / w_p) / v_1, log(h / h_p) / v_1)

    Args:
        boxes: corners (P, 4); a side below 1e-6 counts as 1e-6.
        priors: centers (P, 4), sides positive.
        variances: (v_0, v_1).

    Returns:
        (P, 4), finite.
    """
    centers, priors = to_centers(boxes), np.asarray(priors)
    offsets = (centers[..., :2] - priors[..., :2]) / priors[..., 2:] / variances[0]
    logs = np.log(np.maximum(centers[..., 2:], LEAST_SIDE) / priors[..., 2:]) / variances[1]
    return np.concatenate([offsets, logs], axis=-1)


def decode(locations, priors, variances):
    """Corners (..., P, 4) of what `encode` gives or a detector predicts, (..., P, 4); the inverse of `encode`.

    A side is at most e^20 times its prior's, so that no finite prediction overflows.
    """
    locations, priors = np.asarray(locations), np.asarray(priors)
    centers = priors[..., :2] + locations[..., :2] * variances[0] * priors[..., 2:]
    sides = priors[..., 2:] * np.exp(np.minimum(locations[..., 2:] * variances[1], LARGEST_LOG))
    return to_corners(np.concatenate([centers, sides], axis=-1))
