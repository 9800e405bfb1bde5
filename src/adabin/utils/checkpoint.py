# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: MindSpore's .ckpt files that also say what they hold.

Beside the network's parameters a checkpoint carries one JSON string: network, classes, data set, normalization and
binarization, so that a config that contradicts it is refused. A training checkpoint adds the optimizer's state under
the prefix `optimizer.`; a training with an average of the weights stores it under `ema.`, and one in mixed precision
its loss scale under `loss_scale.`. The estimator's k and t follow from the epoch and are not stored.
"""

import json
import logging
from pathlib import Path

import mindspore as ms

from adabin.utils.errors import UserError
from adabin.utils.files import replacing
from adabin.utils.key import IDENTITY, MEANING, TOLD
from adabin.utils.schema import keys_with

METADATA_KEY = "adabin_metadata"
OPTIMIZER_PREFIX = "optimizer."
AVERAGE_PREFIX = "ema."
STATE_PREFIXES = (OPTIMIZER_PREFIX, AVERAGE_PREFIX, "loss_scale.")
# What must agree between a checkpoint and the config it is used with.
DESCRIBED_KEYS = keys_with("checkpoint", IDENTITY, MEANING)
# What older checkpoints do not tell, because nothing else was to be had.
BEFORE = {"width": 1.0}


def network_parameters(network):
    """Name to Parameter of everything that a checkpoint stores of a network."""
    parameters = network.parameters_dict().items()
    return {name: p for name, p in parameters if not name.endswith(("estimator_k", "estimator_t"))}


def optimizer_parameters(optimizer, network):
    """Name to Parameter of an optimizer's own state: moments, learning rate, step counter."""
    of_network = network.parameters_dict()
    return {p.name: p for p in optimizer.get_parameters() if p.name not in of_network}


def describe(config, **more):
    """Metadata of a checkpoint made with this config."""
    return {key: getattr(config, key) for key in (*DESCRIBED_KEYS, *keys_with("checkpoint", TOLD))} | more


def adopt_classes(config, path):
    """The config with number and names of the classes from a checkpoint's metadata, where it leaves them open."""
    if config.num_classes and config.class_names:
        return config
    metadata = read_checkpoint(path)[0] or {}
    config = config.changed(num_classes=config.num_classes or metadata.get("num_classes", 0))
    if metadata.get("num_classes") != config.num_classes:
        return config
    return config.changed(class_names=config.class_names or metadata.get("class_names", []))


def save_checkpoint(path, network, metadata, optimizer=None, extra=None):
    """Write a checkpoint through a temporary file.

    Args:
        path: ends in .ckpt.
        network (Cell), metadata (dict): what is stored.
        optimizer: its state is stored too when given.
        extra (dict): name, beginning with one of `STATE_PREFIXES`, to Parameter of what else is stored.

    Raises:
        UserError: the file cannot be written; an older one of that name is unchanged.
    """
    parameters = network_parameters(network)
    if optimizer is not None:
        parameters |= {OPTIMIZER_PREFIX + name: p for name, p in optimizer_parameters(optimizer, network).items()}
    parameters |= extra or {}
    # The description comes first, so that every truncated file shows that it should have ended with a checksum.
    content = {METADATA_KEY: json.dumps(metadata)} | {name: p.asnumpy() for name, p in parameters.items()}
    with replacing(path) as temporary:
        logging.disable(logging.CRITICAL)  # the framework's own report of a full disk, besides its exception
        try:
            ms.save_checkpoint(content, str(temporary), crc_check=True)
        finally:
            logging.disable(logging.NOTSET)
            temporary.with_suffix(".tmp").unlink(missing_ok=True)
        temporary.chmod(0o644)


def read_checkpoint(path):
    """Read a checkpoint.

    Returns:
        (metadata dict or None for a file not written by this project, dict of name to NumPy array).

    Raises:
        UserError: no such file, truncated, or no checkpoint.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give a checkpoint in it, such as {path / 'best.ckpt'}")
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; give an existing .ckpt file")
    logging.disable(logging.CRITICAL)
    try:
        with open(path, "rb") as handle:
            handle.seek(max(0, path.stat().st_size - 17))
            has_crc = handle.read(7) == b"crc_num"
        content = ms.load_checkpoint(str(path), crc_check=has_crc)
        if METADATA_KEY in content and not has_crc:
            raise ValueError("the checksum at the end is missing")
    except Exception as error:  # noqa: BLE001 - the parser raises whatever the bytes lead it to
        raise UserError(
            f"{path}: is not a readable MindSpore checkpoint (truncated, or of another kind); "
            "give a .ckpt file of train.py or scripts/convert_torch_checkpoint.py"
        ) from error
    finally:
        logging.disable(logging.NOTSET)
    metadata = content.pop(METADATA_KEY, None)
    try:
        metadata = BEFORE | dict(json.loads(str(metadata))) if metadata is not None else None
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: its description is damaged; make the checkpoint again") from error
    return metadata, {name: value.asnumpy() for name, value in content.items() if isinstance(value, ms.Tensor)}


def assign(parameters, values, path):
    """Copy arrays into parameters after all names, shapes and kinds were found to agree.

    Args:
        parameters (dict): name to Parameter.
        values (dict): name to array.
        path: named in the message.

    Raises:
        UserError: names the first tensor that differs.
    """
    for name, parameter in parameters.items():
        if name not in values:
            raise UserError(
                f"{path}: is of another network: it has no tensor {name} {tuple(parameter.shape)}; "
                "give the config it was trained with"
            )
        if tuple(values[name].shape) != tuple(parameter.shape):
            raise UserError(
                f"{path}: is of another network: {name} is {tuple(values[name].shape)} there and "
                f"{tuple(parameter.shape)} here; give the config it was trained with"
            )
    for name in values:
        if name not in parameters:
            raise UserError(
                f"{path}: is of another network: its tensor {name} has no place here; "
                "give the config it was trained with"
            )
    for name, parameter in parameters.items():
        parameter.set_data(ms.Tensor(values[name].astype(ms.dtype_to_nptype(parameter.dtype))))


def split_state(values):
    """Split a checkpoint's tensors: (those of the network, those of the training by their full names)."""
    state = {name: value for name, value in values.items() if name.startswith(STATE_PREFIXES)}
    return {name: value for name, value in values.items() if name not in state}, state


def network_values(values, config):
    """The tensors to evaluate, export or start from: the averaged ones where there are any and the config wants them.

    Args:
        values (dict): all tensors of a checkpoint.
        config (Config): `evaluate_ema` decides.
    """
    own, state = split_state(values)
    if config.evaluate_ema:
        own |= {
            name.removeprefix(AVERAGE_PREFIX): value for name, value in state.items() if name.startswith(AVERAGE_PREFIX)
        }
    return own


def load_network(path, network, config):
    """Load a checkpoint's network parameters, averaged ones if `config.evaluate_ema` says so.

    Returns:
        The checkpoint's metadata ({} for a file of another origin).

    Raises:
        UserError: unreadable, of another network (first differing tensor), or contradicting the config.
    """
    metadata, values = read_checkpoint(path)
    assign(network_parameters(network), network_values(values, config), path)
    return _agreeing(metadata, config, path)


def load_training(path, network, optimizer, config, extra=None, best_score="best_top1"):
    """Load network, optimizer and what else `save_checkpoint` stored of a training; returns its metadata.

    Args:
        best_score (str): the entry of the metadata that says how good the best epoch was.
    """
    metadata, values = read_checkpoint(path)
    values, state = split_state(values)
    assign(network_parameters(network), values, path)
    metadata = _agreeing(metadata, config, path)
    if not {"epoch", best_score} <= metadata.keys():
        raise UserError(f"{path}: is no training checkpoint; resume from a run folder that train.py made")
    of_optimizer = {OPTIMIZER_PREFIX + name: p for name, p in optimizer_parameters(optimizer, network).items()}
    assign(of_optimizer | (extra or {}), state, path)
    return metadata


def _agreeing(metadata, config, path):
    """The metadata, {} when there is none, after it was found not to contradict the config."""
    metadata = metadata or {}
    for key in DESCRIBED_KEYS:
        expected = getattr(config, key)
        if metadata.get(key, expected) != expected:
            raise UserError(
                f"{path}: was made with {key}={metadata[key]}, the config says {expected}; "
                f"give --{key}={metadata[key]} or the config it was trained with"
            )
    return metadata
