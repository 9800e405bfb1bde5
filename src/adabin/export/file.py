# SPDX-License-Identifier: Apache-2.0
"""A network in deploy form becomes a file, and a model's outputs are held to those expected of it."""

import contextlib
import io
import os
import shutil

import mindspore as ms
import numpy as np

from adabin.export.description import SUFFIXES
from adabin.inference import outputs_of
from adabin.utils.errors import RunError, UserError
from adabin.utils.files import plain_folder


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
        with contextlib.redirect_stdout(io.StringIO()), _export_folder() as folder:
            plain = folder / f"network{SUFFIXES[file_format]}"
            ms.export(deployed, example, file_name=str(plain), file_format=file_format)
            shutil.copyfile(plain, path)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        hint = "AIR needs --device_target=Ascend" if file_format == "AIR" else "choose another --file_format"
        raise UserError(f"--file_format {file_format}: cannot be exported here ({reason}); {hint}") from error
    os.chmod(path, 0o644)


@contextlib.contextmanager
def _export_folder():
    """Context with a folder that is removed, where MindSpore also dumps a network that it cannot compile."""
    before = os.environ.get("MS_OM_PATH")
    with plain_folder("adabin-export-") as folder:
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
