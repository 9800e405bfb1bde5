# SPDX-License-Identifier: Apache-2.0
"""`image_folder`: any folder with a sub-folder of pictures per class.

    pictures/cat/1.jpg  pictures/dog/a/2.png  ...            split by split_seed
    pictures/train/cat/1.jpg  pictures/val/cat/7.jpg  ...    split as it is; val may be called valid, validation or test

Where the pictures are not split, a hash of (split_seed, path below the folder) decides where each one goes: pictures
that are added never move others from one side to the other.
"""

import hashlib
import os

import numpy as np

from adabin.data.class_names import class_identities
from adabin.data.picture_files import PictureList, data_folder, is_picture, pictures_below, subfolders
from adabin.utils.cli import log
from adabin.utils.errors import UserError

TEST_FOLDERS = ("val", "valid", "validation", "test")
EXPECTED = "a folder with one sub-folder of pictures per class"


def list_image_folder(config, split):
    """Pictures of one split of `config.data_path`; where it is not split, `test_share` and `split_seed` do.

    Raises:
        UserError: no pictures, no classes, fewer than two, or a split without pictures.
    """
    folder = data_folder(config, EXPECTED)
    names = subfolders(folder)
    test_name = next((name for name in TEST_FOLDERS if name in names), None)
    inside = subfolders(folder / "train") if "train" in names else []
    # A class may be called train, too: it is a split only if its neighbors are splits, or have the same classes.
    shared = test_name and set(inside) & set(subfolders(folder / test_name))
    is_split = inside and (shared or set(names) <= {"train", *TEST_FOLDERS})
    if is_split and test_name:
        root, classes = _classes_of(folder / "train", config)
        if split == "test":
            # Classes of the test side must be known; the numbers are those of the training side.
            root = folder / test_name
            unknown = set(subfolders(root)) - set(classes)
            if unknown:
                raise UserError(f"{root}: class {min(unknown)} is not in {folder / 'train'}; add it there or remove it")
        return collect(root, classes, lambda path: True, split)
    root, classes = _classes_of(folder / "train" if is_split else folder, config)
    tested, seed, share = split == "test", config.split_seed, config.test_share
    return collect(root, classes, lambda path: in_test(path, seed, share) == tested, split)


def in_test(path, seed, share):
    """Whether the picture of this relative path belongs to the test split."""
    digest = hashlib.sha256(f"{seed}\0".encode() + os.fsencode(path)).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _classes_of(root, config):
    names = subfolders(root)
    if not names and pictures_below(root):
        raise UserError(f"{root}: the pictures lie in the folder itself; put them into one sub-folder per class")
    return root, class_identities(config, names, root)


def collect(root, classes, belongs, split):
    """Pictures in the folders `classes` below `root`, those for which belongs(path relative to root) holds.

    Raises:
        UserError: a class without any picture, or no picture in the split.
    """
    paths, labels, without = [], [], []
    for label, name in enumerate(classes):
        inside = pictures_below(root / name) if (root / name).is_dir() else []
        if not inside and (root / name).is_dir() and split == "train":
            others = sum(not is_picture(entry) for entry in os.listdir(root / name))
            hint = f" ({others} files of other kinds)" if others else ""
            raise UserError(f"{root / name}: holds no picture{hint}; add some, or remove the folder")
        chosen = [f"{name}/{path}" for path in inside if belongs(f"{name}/{path}")]
        paths += [str(root / path) for path in chosen]
        labels += [label] * len(chosen)
        if not chosen:
            without.append(name)
    if not paths:
        raise UserError(f"{root}: holds no picture for the {split} split; add pictures, or set another --test_share")
    if without:
        shown = ", ".join(without[:5]) + (", ..." if len(without) > 5 else "")
        log(f"{root}: {len(without)} of {len(classes)} classes have no picture in the {split} split: {shown}")
    return PictureList(paths, np.array(labels, np.int32), tuple(classes))
