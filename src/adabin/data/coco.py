# SPDX-License-Identifier: Apache-2.0
"""`coco`: COCO, and any folder with annotations in its format and classes of its own.

    coco/annotations/instances_<set>.json, coco/<set>/*.jpg        <set>: train2017, val2017, or any name
    also images/<set>/ or images/ for the pictures, and <set>.json or <set>/_annotations.coco.json for the annotations

Sets are named by config: `train_sets: [train2017]`, `test_sets: [val2017]`; these two are the default, or train and
val. Classes are numbered 0, 1, ... in the order of their ids in the training annotations, whatever gaps the ids have. A
box is (x, y, width, height), continuous. Crowds are ignored objects. An object's area is that of its outline where the
file says it.
"""

import os

from adabin.data.annotated import OF_CONFIG, AnnotatedPictures, first_existing, tell_shared
from adabin.data.coco_file import file_names, read_instances
from adabin.data.decode import PictureError, read_picture
from adabin.data.picture_files import data_folder
from adabin.utils.errors import UserError

EXPECTED = "a folder with annotations/instances_<set>.json, and pictures in <set>/"
_FILES = ("annotations/instances_{}.json", "annotations/{}.json", "{}.json", "{}/_annotations.coco.json")
_PICTURES = ("{}", "images/{}", "images", "")
_DEFAULTS = {"train": ("train2017", "train"), "test": ("val2017", "val", "valid", "test")}


def list_coco(config, split):
    """Pictures of one split with their `Objects`.

    Raises:
        UserError: a file is missing or malformed, or what `AnnotatedPictures` finds wrong.
    """
    folder = data_folder(config, EXPECTED)
    files = {name: _file(folder, name, split) for name in _sets(config, folder, split)}
    contents = {name: read_instances(path) for name, path in files.items()}
    known = list(getattr(config, "class_names", []))
    classes = known or _classes(config, folder, split, contents)
    pictures = AnnotatedPictures(classes, split, config.skip_corrupt, OF_CONFIG if known else "correct its category")
    for name, content in contents.items():
        _collect(pictures, content, _folders(folder, name, files[name]), files[name])
    if split == "test":
        tell_shared(_shared(config, folder, pictures.paths), len(pictures.paths))
    return pictures.settled(folder)


def _collect(pictures, content, folders, where):
    for image in content["images"]:
        path = first_existing(folder / image["file_name"] for folder in folders)
        if path is None:
            pictures.leave_out(f"{folders[0] / image['file_name']}: no such picture (it is in {where})")
            continue
        try:
            size = image["size"] or read_picture(path).shape[:2]
        except PictureError as error:
            pictures.leave_out(f"{path} {error}")
            continue
        pictures.add(path, size, image["objects"], where)


def _folders(folder, name, where):
    """Where the pictures of a set may lie."""
    return [*(folder / place.format(name) for place in _PICTURES), where.parent]


def _shared(config, folder, paths):
    """How many of the test pictures the training annotations name, too."""
    tested = {os.path.normpath(path) for path in paths}
    names, shared = {os.path.basename(path) for path in tested}, set()
    for name, where in _training_files(config, folder).items():
        for image in file_names(where) if where else ():
            if os.path.basename(image) in names:
                path = first_existing(place / image for place in _folders(folder, name, where))
                shared |= {os.path.normpath(path)} & tested if path else set()
    return len(shared)


def _file(folder, name, split):
    path = _found(folder, name)
    if path is None:
        raise UserError(
            f"{split}_sets: no annotations of {name}: {folder / _FILES[0].format(name)} does not exist; "
            f"give {EXPECTED}, or name the sets with --{split}_sets"
        )
    return path


def _found(folder, name):
    return first_existing(folder / place.format(name) for place in _FILES)


def _training_files(config, folder):
    return {name: _found(folder, name) for name in _sets(config, folder, "train")}


def _sets(config, folder, split):
    """Names of the sets of a split."""
    if given := getattr(config, f"{split}_sets", None):
        return given
    usual = _DEFAULTS[split]
    having = [name for name in usual if _found(folder, name)]
    return having[:1] or usual[:1]


def _classes(config, folder, split, contents):
    """Categories of the training annotations, which number the classes; of a test's own where there are none."""
    if split == "test":
        files = _training_files(config, folder)
        if all(files.values()):
            contents = {name: read_instances(path) for name, path in files.items()}
    names = list(dict.fromkeys(name for content in contents.values() for name in content["categories"]))
    if not names:
        raise UserError(f"{folder}: the annotations have no categories; give {EXPECTED}")
    return names
