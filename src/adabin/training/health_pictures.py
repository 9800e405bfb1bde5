# SPDX-License-Identifier: Apache-2.0
"""Pictures of binary layers: histograms with the learned sets, and the course of a training."""

import csv

import numpy as np

from adabin.layers.binary_conv import activation_constants
from adabin.training.health import saturation
from adabin.utils.errors import UserError
from adabin.utils.files import replacing

BARS, LOWER, UPPER, CENTER = "#b9c6d6", "#c1440e", "#1f5fa8", "#444444"
BINS = 80


def _histogram(axis, values, marks):
    """Histogram of values between their extreme percentiles, wide enough for the marks."""
    low, high = np.percentile(values, (0.1, 99.9))
    low, high = min(low, *marks), max(high, *marks)
    margin = 0.06 * (high - low) or 1.0
    axis.hist(np.clip(values, low - margin, high + margin), BINS, range=(low - margin, high + margin), color=BARS)
    axis.set_yticks([])
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _weights(axis, layer):
    """Latent weights of all channels; the spread of the channels' values as bands, their mean as lines."""
    latent = layer.weight.asnumpy().reshape(layer.weight.shape[0], -1)
    binary = layer.binary_w(layer.weight, layer.estimator_k, layer.estimator_t).asnumpy().reshape(latent.shape)
    lower, upper = binary.min(axis=1), binary.max(axis=1)
    _histogram(axis, latent.ravel(), (lower.min(), upper.max()))
    for values, color, name in ((lower, LOWER, "lower"), (upper, UPPER, "upper")):
        axis.axvspan(values.min(), values.max(), color=color, alpha=0.15, linewidth=0)
        axis.axvline(values.mean(), color=color, linewidth=2, label=f"{name} value, mean {values.mean():.3g}")
    share = np.mean(binary == upper[:, None])
    axis.set(xlabel="latent weight", title=f"weights: {len(latent)} channels, {100 * share:.0f} % take the upper value")


def _activations(axis, layer, x):
    """Input of the layer; threshold, the two values, and where the estimator is 0."""
    alpha, beta = float(layer.binary_a.alpha_a.asnumpy()), float(layer.binary_a.beta_a.asnumpy())
    rising, _, upper, lower = activation_constants(layer.binary_a)
    _histogram(axis, x.ravel(), (float(lower), float(upper)))
    axis.axvspan(beta - abs(alpha), beta + abs(alpha), color=CENTER, alpha=0.08, linewidth=0, label="|u| < 1")
    axis.axvline(beta, color=CENTER, linestyle="--", linewidth=1.5, label=f"threshold, beta {beta:.3g}")
    axis.axvline(float(lower), color=LOWER, linewidth=2, label=f"lower value {float(lower):.3g}")
    axis.axvline(float(upper), color=UPPER, linewidth=2, label=f"upper value {float(upper):.3g}")
    share = np.mean(x >= beta if rising else x <= beta)
    title = f"input: {100 * share:.0f} % take the upper value, {100 * saturation(x, alpha, beta):.0f} % beyond |u| = 1"
    axis.set(xlabel="activation", title=title)


def draw_layer(path, name, layer, x):
    """Picture of a layer: weights left, activations right, whichever of them are binary.

    Args:
        path: of the PNG file.
        name (str): of the layer.
        layer (AdaBinConv2d): in training form.
        x: its input, float32 (n, C, H, W), or None.
    """
    from matplotlib.figure import Figure

    parts = []
    if layer.binarizes_weight:
        parts.append(lambda axis: _weights(axis, layer))
    if layer.binarizes_input:
        parts.append(lambda axis: _activations(axis, layer, x))
    figure = Figure(figsize=(6 * len(parts), 3.6), layout="constrained", facecolor="white")
    for axis, draw in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        draw(axis)
        axis.title.set_fontsize(10)
        axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=4, frameon=False)
    figure.suptitle(name)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def read_course(metrics):
    """Quantity to layer to its points (epoch, value), from a metrics.csv; empty for a float network.

    Raises:
        UserError: the file is damaged.
    """
    course = {}
    try:
        with open(metrics, newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                epoch = int(row["epoch"])
                for column, value in row.items():
                    quantity, _, layer = column.partition("/")
                    if layer and value:
                        course.setdefault(quantity, {}).setdefault(layer, []).append((epoch, float(value)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, csv.Error) as error:
        raise UserError(f"{metrics}: is damaged; draw single layers with --layer, or move the file away") from error
    return course


def draw_course(path, course):
    """Four plots with a curve per layer over the epochs; early layers dark, late ones light.

    Args:
        path: of the PNG file.
        course (dict): from `read_course`.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.4), layout="constrained", facecolor="white")
    titles = {
        "flips": "share of weights that changed sign",
        "saturation": "share of activations with |u| > 1",
        "alpha": "alpha of the activations",
        "beta": "beta of the activations",
    }
    for axis, (quantity, title) in zip(figure.subplots(2, 2).ravel(), titles.items(), strict=True):
        curves = course.get(quantity, {})
        for number, points in enumerate(curves.values()):
            color = colormaps["viridis"](0.9 * number / max(1, len(curves) - 1))
            marker = "o" if len(points) < 10 else ""
            axis.plot(*zip(*points, strict=True), color=color, linewidth=1.2, marker=marker, markersize=3)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
    layers = max(map(len, course.values()))
    figure.suptitle(f"{layers} binary layers, from the first (dark) to the last (light)")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
