# SPDX-License-Identifier: Apache-2.0
"""Folders of pictures: what lies where, and which files can be read."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from adabin.data.decode import SUFFIXES, PictureError, read_picture
from adabin.utils.cli import log
from adabin.utils.errors import UserError
from adabin.utils.threads import default_threads

NAMED = 5  # files that a message names; it counts the others


@dataclass(frozen=True)
class PictureList:
    """One split: files, their class numbers (N,) int32, and the names of the classes 0, 1, ..."""

    paths: list
    labels: np.ndarray
    class_names: tuple


def data_folder(config, expected):
    """`data_path` of a config, which must be a folder; `expected` says what to put there."""
    if not config.data_path:
        raise UserError(f"--data_path is empty, but dataset {config.dataset} needs it: give {expected}")
    if not Path(config.data_path).is_dir():
        raise UserError(f"--data_path {config.data_path}: no such folder; give {expected}")
    return Path(config.data_path)


def subfolders(folder):
    """Names of the folders in a folder, sorted, without hidden ones and what archivers leave (__MACOSX)."""
    return sorted(e.name for e in _scan(folder) if e.is_dir() and not e.name.startswith((".", "__")))


def pictures_below(folder):
    """Paths of all pictures in a folder and the folders in it, relative to it, sorted; hidden ones are left out."""
    found, waiting = [], [""]
    while waiting:
        inner = waiting.pop()
        for entry in _scan(folder / inner):
            if entry.name.startswith((".", "__")):
                continue
            name = f"{inner}{entry.name}"
            if entry.is_dir():
                if not entry.is_symlink():  # a link may lead in a circle
                    waiting.append(f"{name}/")
            elif is_picture(name):
                found.append(name)
    return sorted(found)


def is_picture(name):
    """Whether a file's name says that it is a picture."""
    return name.lower().endswith(SUFFIXES)


def _scan(folder):
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}); make the folder readable") from error


def without_corrupt(pictures, skip, what, read=None):
    """Read every picture once, which costs a third of preparing them for one epoch.

    Args:
        pictures (PictureList): what to read.
        skip (bool): leave out what cannot be read, instead of an error.
        what (str): the split's name, for messages.
        read: function (path, label) that raises a PictureError where the picture is not usable; without it any picture
            is that can be decoded.

    Returns:
        PictureList of those that can be read.

    Raises:
        UserError: names the files that cannot be read, or all of them are such.
    """

    def reason(path, label):
        try:
            read(path, label) if read else read_picture(path, smallest_side=1)
        except PictureError as error:
            return f"{path} {error}"
        return None

    with ThreadPoolExecutor(default_threads()) as threads:
        reasons = threads.map(reason, pictures.paths, pictures.labels)
        quiet = len(pictures.paths) < 2000 or not sys.stderr.isatty()
        reasons = list(tqdm(reasons, f"reading {what} pictures", len(pictures.paths), file=sys.stderr, disable=quiet))
    bad = [text for text in reasons if text]
    if not bad:
        return pictures
    count = f"{len(bad)} of {len(pictures.paths)} {what} pictures cannot be used"
    if not skip:
        raise UserError(
            f"{count}: {named(bad)}; repair or remove them, or leave them out of the data set with --skip_corrupt=true"
        )
    if len(bad) == len(pictures.paths):
        raise UserError(f"{count}: {named(bad)}; give a folder with pictures that can be read")
    log(f"{count} and are left out: {named(bad, len(bad))}")
    good = [place for place, text in enumerate(reasons) if not text]
    return replace(pictures, paths=[pictures.paths[place] for place in good], labels=pictures.labels[good])


def named(items, limit=NAMED):
    """'a; b; c and 7 more'."""
    shown = "; ".join(map(str, items[:limit]))
    return shown + (f" and {len(items) - limit} more" if len(items) > limit else "")
