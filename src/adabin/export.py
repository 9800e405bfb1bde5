# SPDX-License-Identifier: Apache-2.0
"""Write a network in deploy form to a file and prove that the file computes what the network computes."""

import contextlib
import io
import os
import shutil
from pathlib import Path

import mindspore as ms
import numpy as np

from adabin.data.crops import resize_side
from adabin.inference import outputs_of
from adabin.utils.config import Config, read_config
from adabin.utils.errors import RunError, UserError
from adabin.utils.files import make_folder, replacing, temporary_folder
from adabin.utils.schema import keys_with

DESCRIPTION_HEADER = "# Written by export.py: what the exported network beside this file is and needs.\n"
SUFFIXES = {"MINDIR": ".mindir", "ONNX": ".onnx", "AIR": ".air"}
NOT_WRITTEN = (".adabin", ".ckpt")  # known suffixes of what other programs write


def target_path(file_name, file_format, force):
    """Path of the file to write, with the format's suffix.

    Raises:
        UserError: it is no name of such a file, it exists and `force` is not set, or its folder cannot be written.
    """
    suffix = SUFFIXES[file_format]
    if file_name.endswith("/") or Path(file_name).name in ("", "..", *SUFFIXES.values()):
        raise UserError(f"--file_name {file_name!r}: names no file; give one, such as out/net{suffix}, or leave it out")
    found = Path(file_name).suffix.lower()
    if found != suffix and found in (*SUFFIXES.values(), *NOT_WRITTEN):
        raise UserError(
            f"--file_name {file_name}: ends in {found}, but --file_format {file_format} writes {suffix}; "
            "leave the suffix out, or give the --file_format that it belongs to"
        )
    path = Path(file_name if file_name.endswith(suffix) else file_name + suffix)
    make_folder(path.parent, "--file_name")
    if path.exists() and not force:
        raise UserError(f"{path}: exists already; choose another --file_name or replace it with --force")
    return path


def describe_network(config):
    """What whoever uses an exported network needs to know, as a Config whose file `read_config` reads."""
    keys = dict.fromkeys((*keys_with("exported"), *keys_with("checkpoint")))
    return Config(**{key: getattr(config, key) for key in keys} | {"resize_shorter_side": resize_side(config)})


def description_path(path, config, force):
    """Path of the file that describes the exported network `path`: the same name with .yaml.

    Raises:
        UserError: a file of that name exists that says something else, and `force` is not set or it is not export.py's.
    """
    description = path.with_suffix(".yaml")
    if not description.exists():
        return description
    try:
        text = description.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text.startswith(DESCRIPTION_HEADER):
        raise UserError(
            f"{description}: exists already and is none of export.py's, which would write there what the network is; "
            "choose another --file_name"
        )
    # Values, not text: an older description has other names for some keys, in another order.
    if not force and describe_network(read_config(description)) != describe_network(config):
        raise UserError(
            f"{description}: exists already, of another network; choose another --file_name or replace it with --force"
        )
    return description


def write_description(description, config):
    """Write the file of `description_path`."""
    with replacing(description) as temporary:
        describe_network(config).save(temporary, DESCRIPTION_HEADER)


def write(deployed, path, file_format, input_shape):
    """Export a network in deploy form.

    Args:
        deployed (Cell): result of `to_deploy`.
        path: of the file, with the format's suffix.
        file_format (str): a key of `SUFFIXES`; AIR needs an Ascend device.
        input_shape (tuple): (N, C, H, W), fixed in the file.

    Raises:
        UserError: the format is not to be had on this device.
        OSError: the file cannot be written.
    """
    example = ms.Tensor(np.zeros(input_shape, np.float32))
    try:
        with contextlib.redirect_stdout(io.StringIO()), _plain_folder() as folder:
            plain = folder / f"network{SUFFIXES[file_format]}"  # MindSpore takes no blanks, brackets or umlauts
            ms.export(deployed, example, file_name=str(plain), file_format=file_format)
            shutil.copyfile(plain, path)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        hint = "AIR needs --device_target=Ascend" if file_format == "AIR" else "choose another --file_format"
        raise UserError(f"--file_format {file_format}: cannot be exported here ({reason}); {hint}") from error
    os.chmod(path, 0o644)


@contextlib.contextmanager
def _plain_folder():
    """Context with a folder that is removed, where MindSpore also dumps a network that it cannot compile."""
    before = os.environ.get("MS_OM_PATH")
    with temporary_folder("adabin-export-") as folder:
        os.environ["MS_OM_PATH"] = str(folder)
        try:
            yield folder
        finally:
            os.environ.pop("MS_OM_PATH") if before is None else os.environ.__setitem__("MS_OM_PATH", before)


def compare(model, expected, images, batch_size, tolerance, task, what):
    """Compare a model's outputs with the expected ones.

    Args:
        model: callable, images -> tuple of arrays.
        expected (tuple): outputs for all `images`.
        batch_size (int): images of a call.
        tolerance (float): largest difference allowed, relative to the largest value of that output.
        task: its `decisions` are counted.
        what (str): names the model in the message.

    Returns:
        dict: `compared_images`, `largest_difference`, `equal_decisions` (share of equal decisions).

    Raises:
        RunError: the difference exceeds what is allowed.
    """
    found = outputs_of(model, images, batch_size)
    equal = float(np.mean(task.decisions(found) == task.decisions(expected)))
    differences = [float(np.abs(own - theirs).max()) for own, theirs in zip(found, expected, strict=True)]
    for difference, theirs in zip(differences, expected, strict=True):
        bound = tolerance * float(np.abs(theirs).max())
        if not difference <= bound:
            raise RunError(
                f"{what} differs from the training form by {difference:.3g} (allowed: {bound:.3g}; equal "
                f"decisions: {100 * equal:.2f} %); it is not kept; export again, or allow more with --tolerance"
            )
    return {"compared_images": len(images), "largest_difference": max(differences), "equal_decisions": equal}
