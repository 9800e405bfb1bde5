# SPDX-License-Identifier: Apache-2.0
"""Faults in data: order, augmentation, splits, readers."""

from tests.faults.fault import CODE, Fault

FAULTS = [
    Fault(
        "the order of an epoch is that of the first",
        f"{CODE}/data/transforms.py",
        "return _generator(seed, epoch, _ORDER)",
        "return _generator(seed, 0, _ORDER)",
        "tests/test_pipeline.py",
    ),
    Fault(
        "the crop is mirrored after it is placed",
        f"{CODE}/data/transforms.py",
        "images[:, :, ::-1], images)",
        "images[:, ::-1], images)",
        "tests/test_pipeline.py",
    ),
    Fault(
        "ranks see the same part of a batch",
        f"{CODE}/data/image_dataset.py",
        "index * size + self.dataset.rank * self.dataset.share",
        "index * size",
        "tests/test_pipeline.py tests/test_distribute.py",
    ),
    Fault(
        "a picture is in both splits",
        f"{CODE}/data/image_folder.py",
        "in_test(path, seed, share) == tested, split)",
        "in_test(path, seed, share) == tested or tested, split)",
        "tests/test_picture_folders.py",
    ),
    Fault(
        "the center crop takes the corner",
        f"{CODE}/data/crops.py",
        "return Box((height - side) // 2, (width - side) // 2, side, side)",
        "return Box(0, 0, side, side)",
        "tests/test_picture_dataset.py tests/test_decode.py",
    ),
    Fault(
        "a label of 10 is let through",
        f"{CODE}/data/cifar10.py",
        "if labels.max() >= len(CIFAR10_CLASSES):",
        "if labels.max() > len(CIFAR10_CLASSES):",
        "tests/test_cifar10.py",
    ),
]
