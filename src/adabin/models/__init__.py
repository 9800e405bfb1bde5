# SPDX-License-Identifier: Apache-2.0
"""Networks by name. To add one: a file here, and a line in one of the two tables."""

import re
from inspect import signature

from adabin.binarize import Binarization
from adabin.models.resnet_cifar import resnet8, resnet18_cifar, resnet20
from adabin.models.resnet_imagenet import resnet18, resnet34
from adabin.models.ssd_vgg16 import ssd_vgg16, ssd_vgg16_plain
from adabin.models.standard_resnet import standard_resnet8, standard_resnet18, standard_resnet20, standard_resnet34
from adabin.models.vgg16 import vgg16, vgg16_plain
from adabin.models.vgg_small import vgg_small
from adabin.utils.errors import UserError

CLASSIFIERS = {
    "resnet8": resnet8,
    "resnet20": resnet20,
    "resnet18_cifar": resnet18_cifar,
    "vgg_small": vgg_small,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "standard_resnet8": standard_resnet8,
    "standard_resnet18": standard_resnet18,
    "standard_resnet20": standard_resnet20,
    "standard_resnet34": standard_resnet34,
    "vgg16": vgg16,
    "vgg16_plain": vgg16_plain,
}
DETECTORS = {
    "ssd_vgg16": ssd_vgg16,
    "ssd_vgg16_plain": ssd_vgg16_plain,
}
MODELS = CLASSIFIERS | DETECTORS  # and those of other projects, for any task


def check_task(config):
    """Refuse a network of this project for another task.

    Raises:
        UserError: it is one.
    """
    for task, others in (("classification", DETECTORS), ("detection", CLASSIFIERS)):
        if config.task == task and config.network in others:
            fit = "detectors are " + ", ".join(DETECTORS) if task == "detection" else "set task: detection"
            raise UserError(f"config: network: {config.network} is none for task={task}; {fit}")


def binarization_of(config):
    """`Binarization` described by a config's keys."""
    try:
        return Binarization(
            w_bits=config.w_bits,
            a_bits=config.a_bits,
            form=config.binary_form,
            weight_set=config.weight_set,
            activation_set=config.activation_set,
            weight_estimator=config.weight_estimator,
            activation_estimator=config.activation_estimator,
        )
    except ValueError as error:
        # The form is the one field whose key has another name.
        raise UserError(f"config: {re.sub('^form:', 'binary_form:', str(error))}") from error


def build_model(config):
    """Network of a config: `network`, `num_classes`, `image_size`, `nonlinearity`, the keys of its binarization, and
    `width` where the function of its name takes one.

    Raises:
        UserError: a value is not known.
    """
    if config.network not in MODELS:
        raise UserError(
            f"config: network: {config.network!r} is not known; choose from {', '.join(sorted(MODELS))}; one "
            "of your own is registered first (CONTRIBUTING.md)"
        )
    if config.num_classes < 1:
        raise UserError(f"config: num_classes: {config.num_classes} is not a number of classes; give 1 or more")
    make = MODELS[config.network]
    more = {"width": config.width} if "width" in signature(make).parameters else {}
    if config.width != 1 and not more:
        raise UserError(f"config: width: {config.network} has one width; leave it out")
    try:
        return make(config.num_classes, binarization_of(config), config.nonlinearity, config.image_size, **more)
    except ValueError as error:
        raise UserError(f"config: {error}") from error
