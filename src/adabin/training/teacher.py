# SPDX-License-Identifier: Apache-2.0
"""Distillation: a trained network whose outputs take the place of the labels."""

from pathlib import Path

from adabin.models import build_model
from adabin.utils.checkpoint import DESCRIBED_KEYS, load_network, read_checkpoint
from adabin.utils.cli import log
from adabin.utils.config import read_config
from adabin.utils.errors import UserError


def load_teacher(config):
    """Network of the checkpoint `config.teacher`, which says itself what it is; frozen.

    Its parameters get the prefix `teacher.`, to stand beside the student's in one graph.

    Args:
        config (Config): that of the student; classes and normalization must be the teacher's too.

    Returns:
        Cell, images -> logits, set to inference; None where the config names no teacher.

    Raises:
        UserError: unreadable, without a description, or made for other pictures or classes.
    """
    if config.teacher in ("", "labels"):
        return None
    metadata, _ = read_checkpoint(config.teacher)
    if not metadata or not set(DESCRIBED_KEYS) <= metadata.keys():
        raise UserError(
            f"--teacher {config.teacher}: does not say which network it holds; give a checkpoint of train.py or of "
            "scripts/convert_torch_checkpoint.py"
        )
    for key in ("num_classes", "class_names", "mean", "std"):
        there, here = metadata.get(key), getattr(config, key)
        if there != here and (there and here or key != "class_names"):
            raise UserError(
                f"--teacher {config.teacher}: has {key}={there}, the student {here}; both must see the same pictures "
                "and classes: train a teacher with these"
            )
    warn_of_split("teacher", config)
    described = {key: metadata[key] for key in DESCRIBED_KEYS}
    own = config.changed(**described)
    teacher = build_model(own)
    load_network(config.teacher, teacher, own)
    for parameter in teacher.get_parameters():
        parameter.requires_grad = False
        parameter.name = f"teacher.{parameter.name}"
    return teacher.set_train(False)


def warn_of_split(flag, config):
    """Say so where a checkpoint may have learned this training's test pictures: its folder was split in another way.

    Args:
        flag (str): the key that names the checkpoint: teacher or pretrained.
        config (Config): of this training.
    """
    path = getattr(config, flag)
    beside = Path(path).with_name("config.yaml")
    if config.dataset != "image_folder" or not beside.is_file():
        return
    try:
        own = read_config(beside)
    except UserError:  # it need not be ours
        return
    for key in ("split_seed", "test_share"):
        there, here = getattr(own, key), getattr(config, key)
        if own.dataset == config.dataset and there != here:
            log(
                f"warning: --{flag} {path}: was trained with {key}={there}, this training has {here}; of a "
                f"folder without val/ it has seen this one's test pictures: give --{key}={there}"
            )
