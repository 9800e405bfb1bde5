# SPDX-License-Identifier: Apache-2.0
"""ImageNet and Tiny-ImageNet in the layouts that they are unpacked to; classes are numbered in the order of wnids.

    imagenet:       train/<wnid>/*.JPEG  and  val/<wnid>/*.JPEG, or all of val/*.JPEG beside a file with their labels
    tiny_imagenet:  wnids.txt  train/<wnid>/images/*.JPEG  val/images/*.JPEG  val/val_annotations.txt

A file with labels has a line per picture: its name (with or without .JPEG) and its wnid, or its class number from 0 in
the order of the wnids; what follows on the line is ignored. A file of wnids alone belongs to the pictures in the order
of their names.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from adabin.data.class_names import WNID, class_identities, readable_names
from adabin.data.image_folder import collect
from adabin.data.picture_files import PictureList, data_folder, named, pictures_below, subfolders
from adabin.utils.errors import UserError

LABEL_FILES = (
    "val_labels.txt",
    "val_annotations.txt",
    "val.txt",
    "LOC_val_solution.csv",
    "imagenet_2012_validation_synset_labels.txt",
)


def list_imagenet(config, split):
    """Pictures of one split of ImageNet.

    Raises:
        UserError: a folder or the label file is missing, or the labels do not fit the pictures.
    """
    folder = data_folder(config, "the folder with ImageNet's train/ and val/")
    train, val = folder / "train", folder / "val"
    _need(train if split == "train" else val, "ImageNet's train/ and val/")
    known = subfolders(train) if train.is_dir() else None
    if split == "train":
        pictures = collect(train, class_identities(config, known, train), lambda path: True, split)
    elif inside := [name for name in subfolders(val) if WNID.fullmatch(name) or name in (known or ())]:
        classes = class_identities(config, inside if known is None else known, val if known is None else train)
        pictures = collect(val, classes, lambda path: True, split)
    else:
        pictures = _labeled(config, val, _label_file(config, (folder, val)), known)
    return replace(pictures, class_names=readable_names(folder, pictures.class_names))


def list_tiny_imagenet(config, split):
    """Pictures of one split of Tiny-ImageNet.

    Raises:
        UserError: as `list_imagenet`.
    """
    folder = data_folder(config, "the folder with Tiny-ImageNet's train/, val/ and wnids.txt")
    _need(folder / ("train" if split == "train" else "val"), "Tiny-ImageNet's train/, val/ and wnids.txt")
    listed = folder / "wnids.txt"
    if not listed.is_file():
        raise UserError(
            f"{listed}: no such file; give Tiny-ImageNet's folder with --data_path, or use --dataset=imagenet"
        )
    known = set(listed.read_text(encoding="utf-8", errors="replace").split())
    if split == "train":
        for name in sorted(known):
            _need(folder / "train" / name, f"all folders that {listed.name} lists")
        classes = class_identities(config, known, listed)
        pictures = collect(folder / "train", classes, lambda path: True, split)
    else:
        inside = folder / "val" / "images"
        _need(inside, "Tiny-ImageNet's val/images")
        pictures = _labeled(config, inside, _label_file(config, (folder / "val", folder)), known)
    return replace(pictures, class_names=readable_names(folder, pictures.class_names))


def _need(folder, expected):
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give with --data_path the folder that holds {expected}")


def _label_file(config, folders):
    if config.label_file:
        path = Path(config.label_file)
        if not path.is_file():
            raise UserError(f"--label_file {path}: no such file; give a line per picture: its name and its wnid")
        return path
    for folder in folders:
        for name in LABEL_FILES:
            if (folder / name).is_file():
                return folder / name
    raise UserError(
        f"{folders[0]}: no file with the labels of the pictures in val/; name it with --label_file "
        f"(a line per picture: its name and its wnid), or sort them into folders by wnid"
    )


def _labeled(config, folder, label_file, known):
    """Pictures of a flat folder with the labels of a file; `known` are the wnids, or None for those in the file."""
    names = pictures_below(folder)
    if not names:
        raise UserError(f"{folder}: holds no picture; give ImageNet's val/ with --data_path")
    answers = _read_labels(label_file, names)
    if known is None:
        known = {answer for answer in answers if WNID.fullmatch(answer)}
    classes = class_identities(config, known, label_file)
    numbers = {wnid: number for number, wnid in enumerate(classes)} | {str(n): n for n in range(len(classes))}
    wrong = [f"{name}: {answer}" for name, answer in zip(names, answers, strict=True) if answer not in numbers]
    if wrong:
        raise UserError(
            f"{label_file}: {len(wrong)} labels are none of the {len(classes)} classes ({named(wrong)}); "
            "give the label file that belongs to this data set with --label_file"
        )
    labels = np.array([numbers[answer] for answer in answers], np.int32)
    return PictureList([str(folder / name) for name in names], labels, tuple(classes))


def _read_labels(path, names):
    """Wnid, or class number as text, of each picture."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [row for row in (re.split(r"[\s,]+", line.strip()) for line in lines) if row[0]]
    if rows and all(len(row) == 1 for row in rows):
        if len(rows) != len(names) or not all(WNID.fullmatch(row[0]) for row in rows):
            raise UserError(
                f"{path}: {len(rows)} lines without names of pictures, for {len(names)} pictures; give with "
                "--label_file a line per picture: its name and its wnid (ILSVRC's own numbers are in another order)"
            )
        return [row[0] for row in rows]
    answers = {Path(row[0]).stem: row[1] for row in rows if len(row) > 1}
    missing = [name for name in names if Path(name).stem not in answers]
    if missing:
        raise UserError(
            f"{path}: has no label for {len(missing)} of {len(names)} pictures ({named(missing)}); "
            "give the label file that belongs to them with --label_file"
        )
    return [answers[Path(name).stem] for name in names]
