# SPDX-License-Identifier: Apache-2.0
"""From picture files to ranked classes, with a checkpoint in MindSpore or an exported file in the C++ program."""

from pathlib import Path

import numpy as np

from adabin.data.crops import prepare, resize_side
from adabin.data.decode import PictureError, read_picture
from adabin.data.picture_files import is_picture, named, pictures_below
from adabin.data.transforms import normalize
from adabin.draw import drawing_paths, save_drawing
from adabin.utils.errors import RunError, UserError
from adabin.utils.files import make_folder

TOP = 5
CHUNK = 32  # pictures that are held in memory at a time


def find_pictures(paths):
    """Files that the paths name: a file is taken as it is, a folder gives all pictures below it, sorted.

    Raises:
        UserError: no such path, or no picture.
    """
    files = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = pictures_below(path)
            if not inside:
                raise UserError(f"--image {path}: the folder holds no picture; give pictures or folders of pictures")
            files += [path / name for name in inside]
        elif path.is_file():
            files.append(path)
        else:
            hint = "; is the name complete?" if is_picture(path.name) else ""
            raise UserError(f"--image {path}: no such file or folder{hint or '; give pictures or folders of them'}")
    return files


class NetworkModel:
    """A checkpoint, run in MindSpore.

    Args:
        path: of the checkpoint.
        config (Config): that it was trained with; gets the checkpoint's classes where it leaves them open.
    """

    flag = "ckpt"

    def __init__(self, path, config):
        from adabin.models import build_model
        from adabin.utils.checkpoint import adopt_classes, load_network
        from adabin.utils.device import init_device

        self.path, self.batch_size = str(path), 0
        init_device(config)
        adopt_classes(config, path)
        self.network = build_model(config)
        load_network(path, self.network, config)

    def logits(self, images):
        """Logits (N, classes) of normalized images float32 (N, 3, S, S)."""
        from adabin.export import batched
        from adabin.training.evaluate import predict_logits

        self.batch_size = self.batch_size or len(images)  # the first chunk is the largest
        return predict_logits(self.network, batched(images, self.batch_size), self.batch_size)[0]


def predict_files(model, config, files, folder, force):
    """Classify picture files and draw the answers.

    Args:
        model: `NetworkModel`, or `EngineModel` of src/adabin/engine.py.
        config (Config): image_size, mean, std, class_names, skip_corrupt.
        files (list of Path): pictures.
        folder: for the drawn pictures; empty to draw none.
        force (bool): replace pictures that are there already.

    Returns:
        (predictions, corrupt): a dict per picture with `image`, `top5` (a list of class number, name and score, best
        first) and `drawing`; and the files that cannot be read, with the reason, which config.skip_corrupt leaves out.

    Raises:
        UserError: a picture cannot be read, the drawings exist, or the config does not describe the model.
    """
    if resize_side(config) < config.image_size:
        side, least = config.resize_shorter_side, config.image_size
        raise UserError(f"resize_shorter_side={side} is below image_size={least}; give that or more")
    reasons = [_reason(path) for path in files]
    corrupt = [text for text in reasons if text]
    if corrupt and (not config.skip_corrupt or len(corrupt) == len(files)):
        raise UserError(
            f"--image: {len(corrupt)} of {len(files)} pictures cannot be used: {named(corrupt)}; "
            "give other pictures, or leave them out with --skip_corrupt=true"
        )
    files = [path for path, text in zip(files, reasons, strict=True) if not text]
    drawings = drawing_paths(files, make_folder(folder, "--output_path"), force) if folder else [None] * len(files)
    names = None
    predictions = []
    for first in range(0, len(files), CHUNK):
        part = slice(first, first + CHUNK)
        pixels = np.stack([prepare(read_picture(path, resize_side(config)), config) for path in files[part]])
        scores = softmax(model.logits(normalize(pixels, config.mean, config.std)))
        names = names or class_names(config, scores.shape[1])
        for path, row, drawing in zip(files[part], scores, drawings[part], strict=True):
            best = np.argsort(-row, kind="stable")[:TOP]
            top = [{"class": int(c), "name": names[c], "score": round(float(row[c]), 6)} for c in best]
            predictions.append({"image": str(path), "top5": top})
            if drawing:
                save_drawing(drawing, read_picture(path, 480), top)
                predictions[-1]["drawing"] = str(drawing)
    return predictions, corrupt


def _reason(path):
    """Why a picture cannot be read, after its name; None where it can."""
    try:
        read_picture(path, 1)
    except PictureError as error:
        return f"{path} {error}"
    return None


def class_names(config, count):
    """Names of a network's outputs; their numbers where nobody knows the names.

    Raises:
        UserError: the config has another number of classes.
    """
    for key, expected in (("class_names", len(config.class_names)), ("num_classes", config.num_classes)):
        if expected not in (0, count):
            raise UserError(
                f"{key}: the config has {expected} classes, the network {count} outputs; "
                "give the config that belongs to it with --config_path, and no flag against it"
            )
    return config.class_names or [f"class {number}" for number in range(count)]


def softmax(logits):
    """Scores (N, classes) that sum to 1, in float64.

    Raises:
        RunError: a logit is not finite.
    """
    if not np.isfinite(logits).all():
        raise RunError("the network gives values that are not finite: its training has diverged")
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def table(predictions):
    """One line per picture: its name and the classes with their scores in percent."""
    width = max(len(prediction["image"]) for prediction in predictions)
    for prediction in predictions:
        classes = ", ".join(f"{answer['name']} {100 * answer['score']:.1f} %" for answer in prediction["top5"])
        yield f"{prediction['image']:{width}}  {classes}"
