# SPDX-License-Identifier: Apache-2.0
"""The trained model that comes with the project, for whoever has trained none yet; its card lies beside it."""

from pathlib import Path

from adabin.utils.places import CLONE

CHECKPOINT = CLONE / "models" / "resnet20_cifar10" / "resnet20.ckpt"


def published():
    """Path of the checkpoint, from the current folder where it lies below that; None where it has been removed."""
    if not CHECKPOINT.is_file():
        return None
    here = Path.cwd()
    return CHECKPOINT.relative_to(here) if CHECKPOINT.is_relative_to(here) else CHECKPOINT
