# SPDX-License-Identifier: Apache-2.0
"""torchvision's VGG16 as float backbone of `ssd_vgg16_plain`: `vgg16` and `vgg16_bn`, by the names of their tensors.

The five stages are taken over as they are. The first two linear layers become conv6 and conv7, as SSD does it: every
fourth output, and of the first one's 7x7 pixels every third, which a dilation of 6 spreads over a map that the last
pooling has not halved. The last linear layer has no place.
"""

import numpy as np

from adabin.models.blocks import BATCH_NORM

STEP = 4  # of the linear layers' 4096 outputs, 1024 are kept
SIDE = 7  # of the map under the first linear layer
# Our names of the 13 convolutions, in order, and of the two that were linear; each before .conv and .bn.
PLACES = [f"stage{stage}.{block}" for stage, blocks in enumerate((1, 2, 3, 3, 3), 1) for block in range(blocks)]


def is_vgg16(tensors):
    """Whether tensors by name are those of torchvision's VGG16."""
    return "features.0.weight" in tensors and "classifier.0.weight" in tensors


def backbone_values(tensors):
    """Values of the backbone's parameters.

    In inference the network computes what torchvision's does, up to the source maps: a bias stands in BatchNorm, and
    where torchvision has none, BatchNorm adds the bias and changes nothing else. In training BatchNorm takes the
    batch's statistics instead, which `vgg16_bn` was trained with and `vgg16` was not.

    Args:
        tensors (dict): torchvision's names to arrays.

    Returns:
        (dict of our names to float32 arrays, list of torchvision's names that have no place).

    Raises:
        ValueError: it is no VGG16.
    """
    tensors = dict(tensors)
    numbers = sorted(
        int(name.split(".")[1])
        for name, value in tensors.items()
        if name.startswith("features.") and name.endswith(".weight") and value.ndim == 4
    )
    if len(numbers) != 1 + len(PLACES):
        raise ValueError(f"{len(numbers)} convolutions, where VGG16 has {1 + len(PLACES)}")
    found = {}

    def place(conv, norm, weight, bias, old_norm=None):
        """Put in a convolution and the BatchNorm behind it; old_norm: name of torchvision's."""
        kinds = ("weight", "bias", "running_mean", "running_var")
        if old_norm is None:
            ones = np.ones_like(bias)
            gamma, beta, mean, variance = ones, bias, np.zeros_like(bias), ones - BATCH_NORM["eps"]
        else:
            gamma, beta, mean, variance = (tensors.pop(f"{old_norm}.{kind}") for kind in kinds)
            tensors.pop(f"{old_norm}.num_batches_tracked", None)
            # Max pooling stands before BatchNorm here, which is the same where gamma is not negative: the sign moves
            # into the weights.
            sign = np.where(gamma < 0, -1, 1)
            weight, gamma, mean = weight * sign[:, None, None, None], gamma * sign, (mean - bias) * sign
        values = {f"{conv}.weight": weight, f"{norm}.gamma": gamma, f"{norm}.beta": beta}
        values |= {f"{norm}.moving_mean": mean, f"{norm}.moving_variance": variance}
        found.update({f"backbone.{name}": np.array(value, np.float32, order="C") for name, value in values.items()})

    names = [("conv1", "bn1"), *((f"{name}.conv", f"{name}.bn") for name in PLACES)]
    for number, (conv, norm) in zip(numbers, names, strict=True):
        weight, bias = (tensors.pop(f"features.{number}.{kind}") for kind in ("weight", "bias"))
        old_norm = f"features.{number + 1}"
        place(conv, norm, weight, bias, old_norm if f"{old_norm}.running_mean" in tensors else None)
    weight, bias = (tensors.pop(f"classifier.0.{kind}") for kind in ("weight", "bias"))
    weight = weight.reshape(len(weight), -1, SIDE, SIDE)[::STEP, :, ::3, ::3]
    place("conv6", "bn6", weight, bias[::STEP])
    weight, bias = (tensors.pop(f"classifier.3.{kind}") for kind in ("weight", "bias"))
    place("conv7", "bn7", weight[::STEP, ::STEP, None, None], bias[::STEP])
    return found, list(tensors)
