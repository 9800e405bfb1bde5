# SPDX-License-Identifier: Apache-2.0
"""From picture files to predictions, with any model: a checkpoint in MindSpore, an exported file in the C++ program."""

from pathlib import Path

import numpy as np

from adabin.data.crops import prepare, resize_side
from adabin.data.decode import PictureError, read_picture
from adabin.data.picture_files import is_picture, named, pictures_below
from adabin.data.transforms import normalize
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder

CHUNK = 32  # pictures that a model is given at a time
DRAWN_SIDE = 480  # pixels that a drawing shows at most


def find_pictures(paths):
    """Files that the paths name: a file is taken as it is, a folder gives all pictures below it, sorted.

    Returns:
        (files, named): all of them, and the set of those that were named themselves.

    Raises:
        UserError: no such path, or no picture.
    """
    files, given = [], set()
    for path in map(Path, paths):
        if path.is_dir():
            inside = pictures_below(path)
            if not inside:
                raise UserError(f"--image {path}: the folder holds no picture; give pictures or folders of pictures")
            files += [path / name for name in inside]
        elif path.is_file():
            files.append(path)
            given.add(path)
        else:
            hint = "; is the name complete?" if is_picture(path.name) else ""
            raise UserError(f"--image {path}: no such file or folder{hint or '; give pictures or folders of them'}")
    return files, given


def predict_files(model, task, config, files, folder, force, needed=()):
    """Let a model see picture files, and draw the answers.

    Args:
        model: callable, images -> tuple of arrays (adabin.inference).
        task: what becomes of these (adabin.tasks).
        config (Config): image_size, mean, std, skip_corrupt.
        files (list of Path): pictures.
        folder: for the drawn pictures; empty to draw none.
        force (bool): replace pictures that are there already.
        needed: those of the files that must be readable, unless config.skip_corrupt leaves them out too; the others are
            left out where they are not.

    Returns:
        (predictions, corrupt): a dict per picture with `image`, what the task predicts, and `drawing`; and
        what was left out: names of files that cannot be read, with the reason.

    Raises:
        UserError: a needed picture cannot be read, or none can; the drawings exist; the config does not describe the
            model.
    """
    if resize_side(config) < config.image_size and not task.names_places:
        side, least = config.resize_shorter_side, config.image_size
        raise UserError(f"resize_shorter_side={side} is below image_size={least}; give that or more")
    reasons = [_reason(path) for path in files]
    corrupt = [text for text in reasons if text]
    missed = [text for path, text in zip(files, reasons, strict=True) if text and path in needed]
    if len(corrupt) == len(files):
        raise UserError(f"--image: none of {len(files)} pictures can be used: {named(corrupt)}; give other pictures")
    if missed and not config.skip_corrupt:
        raise UserError(
            f"--image: {len(missed)} of the pictures that are named cannot be used: {named(missed)}; "
            "give other pictures, or leave them out with --skip_corrupt=true"
        )
    files = [path for path, text in zip(files, reasons, strict=True) if not text]
    drawings = drawing_paths(files, make_folder(folder, "--output_path"), force) if folder else [None] * len(files)
    predictions = []
    for first in range(0, len(files), CHUNK):
        part = slice(first, first + CHUNK)
        pixels, sizes = zip(*(_seen(path, task, config) for path in files[part]), strict=True)
        outputs = model(normalize(np.stack(pixels), config.mean, config.std))
        found = task.predict(outputs, sizes)
        for path, prediction, drawing in zip(files[part], found, drawings[part], strict=True):
            predictions.append({"image": str(path), **prediction})
            if drawing:
                task.draw(drawing, read_picture(path, 0 if task.names_places else DRAWN_SIDE), prediction)
                predictions[-1]["drawing"] = str(drawing)
    return predictions, corrupt


def _seen(path, task, config):
    """(pixels as the network sees them in tests, size of the picture as it was given)."""
    if not task.names_places:
        picture = read_picture(path, resize_side(config))
        return prepare(picture, config), picture.shape[:2]
    size = read_picture(path).shape[:2]
    return prepare(read_picture(path, config.image_size), config, whole=True), size


REPLACED = "give a new folder with --output_path, or replace it with --force"


def drawing_paths(files, folder, force=False, hint=REPLACED):
    """One free name per picture: <name>.png, <name>-2.png for another picture of that name; hint: for the message.

    Raises:
        UserError: a file of that name exists and `force` is not set.
    """
    paths, taken = [], set()
    for file in files:
        stem, number = file.stem, 1
        while (path := Path(folder) / f"{stem}{f'-{number}' if number > 1 else ''}.png") in taken:
            number += 1
        if path.exists() and not force:
            raise UserError(f"{path}: exists already; {hint}")
        taken.add(path)
        paths.append(path)
    return paths


def _reason(path):
    """Why a picture cannot be read, after its name; None where it can."""
    try:
        read_picture(path, 1)
    except PictureError as error:
        return f"{path} {error}"
    return None


def table(predictions, task):
    """One line per picture: its name and what the task says of it."""
    width = max(len(prediction["image"]) for prediction in predictions)
    for prediction in predictions:
        yield f"{prediction['image']:{width}}  {task.line(prediction)}"
