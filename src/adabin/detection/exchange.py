# SPDX-License-Identifier: Apache-2.0
"""Files between preprocess.py, the C++ program and postprocess.py: what is annotated in pictures, and what was found.

`Truth.save` writes objects.npz, and pictures.txt, which `adabin_infer --boxes_sizes` reads: a line
HEIGHT WIDTH NAME for each picture. What that program writes of a file of samples, <first>-<last>.json, `found` reads.
"""

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adabin.detection.objects import Objects
from adabin.utils.errors import UserError
from adabin.utils.files import replacing

OBJECTS, PICTURES = "objects.npz", "pictures.txt"
AGAIN = "run the C++ program again, with --boxes --boxes_sizes, into an empty folder"


@dataclass(frozen=True)
class Truth:
    """What is annotated in test pictures.

    Attributes:
        objects: a list of `Objects`, one per picture.
        class_names: of the classes 0, 1, ...
        crowds (bool): whether ignored objects are crowds, as in COCO.
    """

    objects: list
    class_names: tuple
    crowds: bool

    def save(self, folder, names):
        """Write both files into a folder; names: of the pictures."""
        empty = np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, bool), np.zeros(0, np.float32)
        parts = zip(empty, *((one.boxes, one.classes, one.ignored, one.areas) for one in self.objects), strict=True)
        boxes, classes, ignored, areas = (np.concatenate(part) for part in parts)
        with replacing(folder / OBJECTS) as temporary, open(temporary, "wb") as handle:
            np.savez(
                handle,
                boxes=boxes,
                classes=classes,
                ignored=ignored,
                areas=areas,
                each=np.array([len(one) for one in self.objects], np.int32),
                sizes=np.array([one.size for one in self.objects], np.int32).reshape(-1, 2),
                class_names=np.array(self.class_names, str),
                crowds=np.array(self.crowds),
            )
        lines = (
            f"{one.size[0]} {one.size[1]} {' '.join(str(name).split())}\n"
            for one, name in zip(self.objects, names, strict=True)
        )
        with replacing(folder / PICTURES) as temporary:
            temporary.write_text("".join(lines), encoding="utf-8")

    @staticmethod
    def read(path):
        """The truth that `save` wrote.

        Raises:
            UserError: the file is none of `save`.
        """
        try:
            with np.load(path, allow_pickle=False) as held:
                ends = np.cumsum(held["each"])[:-1]
                names = ("boxes", "classes", "ignored", "areas")
                parts = [np.split(held[name], ends) for name in names]
                sizes = [(int(height), int(width)) for height, width in held["sizes"]]
                objects = [Objects(*row) for row in zip(*parts, sizes, strict=True)]
                return Truth(objects, tuple(map(str, held["class_names"])), bool(held["crowds"]))
        except (OSError, ValueError, LookupError, TypeError, EOFError, MemoryError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path}: holds no annotated objects; give {OBJECTS} of preprocess.py, of a classifier labels.npy"
            ) from error


def found(folder, truth):
    """What the C++ program found in each picture of `Truth`, in order.

    Yields:
        boxes (k, 4) in fractions of the picture, classes (k,), scores (k,).

    Raises:
        UserError: there is no such folder, or a file is missing, left over from another run, of pictures of other
            sizes, or of a network with other classes.
    """
    if not Path(folder).is_dir():
        raise UserError(f"--result_path {folder}: no such folder; give the one that adabin_infer wrote to (--output)")
    expected, count = 0, len(truth.objects)
    for path in sorted(Path(folder).glob("*.json")):
        name = re.fullmatch(r"(\d+)-(\d+)\.json", path.name)
        first, last = (int(number) for number in name.groups()) if name else (-1, -1)
        if first != expected or not first <= last < count:
            raise UserError(f"{path}: does not follow picture {expected - 1} of {count}; {AGAIN}")
        samples = _samples(path)
        if len(samples) != last - first + 1:
            raise UserError(f"{path}: holds {len(samples)} samples, its name says {last - first + 1}; {AGAIN}")
        for number, sample in enumerate(samples, first):
            yield _fractions(path, sample, number, truth)
        expected = last + 1
    if expected != count:
        raise UserError(
            f"{folder}: has boxes of {expected} pictures, and {count} are annotated; give the folder that "
            "adabin_infer --boxes wrote to, and the annotations that belong to it"
        )


def _samples(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))["samples"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path}: is no file of adabin_infer --boxes; {AGAIN}") from error


def _fractions(path, sample, number, truth):
    try:
        size, objects = (sample["height"], sample["width"]), sample["objects"]
        boxes = np.array([one["box"] for one in objects], float).reshape(-1, 4)
        classes = np.array([one["class"] for one in objects], np.int32)
        scores = np.array([one["score"] for one in objects], np.float32)
        names = {one["class"]: one["name"] for one in objects}
    except (LookupError, ValueError, TypeError) as error:
        raise UserError(f"{path}: sample of picture {number}: has no boxes; {AGAIN}") from error
    if size != truth.objects[number].size:
        height, width = truth.objects[number].size
        raise UserError(
            f"{path}: picture {number} is {height} x {width}, its boxes are of {size[0]} x {size[1]}; {AGAIN}"
        )
    for label, name in names.items():
        if not 0 <= label < len(truth.class_names) or truth.class_names[label] != name:
            raise UserError(
                f"{path}: class {label} of the network is {name}, which the annotated classes have elsewhere or not at "
                "all; give preprocess.py the .yaml beside the model with --config_path"
            )
    return boxes / (size[1], size[0], size[1], size[0]), classes, scores
