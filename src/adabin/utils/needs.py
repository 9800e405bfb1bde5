# SPDX-License-Identifier: Apache-2.0
"""What a config key takes to have an effect: conditions on the other keys, for the entries of the schema."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """What else a config must say for a key to have an effect.

    Attributes:
        key (str): the other key, shown with its value.
        what (str): the value that it should have.
        holds: function Config -> bool; true also of values that are refused elsewhere.
    """

    key: str
    what: str
    holds: Callable


DRAWN = ("shapes", "scenes")
CLASSIFIED_FILES = ("image_folder", "imagenet", "tiny_imagenet")
ANNOTATED_FILES = ("voc", "coco")
OF_FILES = (*CLASSIFIED_FILES, *ANNOTATED_FILES)


def _of_data(*names):
    """Some of the project's data sets, or one that it does not know, which may read any key."""
    ours = (*DRAWN, "cifar10", *OF_FILES)
    return Need("dataset", " or ".join(names), lambda config: config.dataset in names or config.dataset not in ours)


BINARY_WEIGHTS = Need("w_bits", "1", lambda config: config.w_bits == 1)
BINARY_ACTIVATIONS = Need("a_bits", "1", lambda config: config.a_bits == 1)
FILES = Need("dataset", "any but shapes and scenes", lambda config: config.dataset not in DRAWN)
CIFAR10 = Need("dataset", "cifar10", lambda config: config.dataset not in (*DRAWN, *OF_FILES))
SIZES = Need("dataset", "shapes, scenes or cifar10", lambda config: config.dataset not in OF_FILES)
IMAGENET = _of_data("imagenet")
SPLIT_HERE = _of_data("image_folder", "voc")
IMAGE_SETS = _of_data("voc", "coco")
PICTURE_FILES = Need("dataset", ", ".join(OF_FILES), lambda config: config.dataset not in (*DRAWN, "cifar10"))
CROPPED = Need(
    "dataset",
    ", ".join(CLASSIFIED_FILES),
    lambda config: config.dataset not in (*DRAWN, "cifar10", *ANNOTATED_FILES),
)
CLASSIFICATION = Need("task", "classification", lambda config: config.task != "detection")
DETECTION = Need("task", "detection", lambda config: config.task != "classification")
AUGMENT = Need("augment", "true", lambda config: config.augment)
SGD = Need("optimizer", "sgd", lambda config: config.optimizer == "sgd")
DECAY = Need("weight_decay", "a number above 0", lambda config: config.weight_decay > 0)
LABELS = Need("teacher", "none", lambda config: config.teacher in ("", "labels"))
TANH = Need(
    "weight_estimator",
    "tanh, as one of the two estimators",
    lambda config: "tanh" in (config.weight_estimator, config.activation_estimator),
)
PROGRESSIVE = Need("estimator_progressive", "true", lambda config: config.estimator_progressive)
ACCELERATOR = Need("device_target", "GPU or Ascend", lambda config: config.device_target != "CPU")
