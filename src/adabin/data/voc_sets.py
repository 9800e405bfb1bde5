# SPDX-License-Identifier: Apache-2.0
"""Which pictures of folders in VOC's layout belong to a split: image sets, or a hash where there are none."""

import os
import re
from functools import cache
from pathlib import Path

from adabin.data.decode import SUFFIXES
from adabin.data.image_folder import in_test
from adabin.data.picture_files import is_picture, named
from adabin.utils.cli import log
from adabin.utils.errors import UserError

_FLAGGED = re.compile(r"(.*\S)\s+(-1|0|1)")  # a line of the sets of one class
_LINES = "give a picture's name per line"


def members_of(config, roots, split):
    """Pictures of a split, in its order.

    Returns:
        dict of (folder, name): the file that names the picture, an image set or an annotation.

    Raises:
        UserError: a folder or image set is missing, empty or no text.
    """
    available = {root: _sets_of(root) for root in roots.values()}
    if not any(available.values()):
        asked, seed, share = split == "test", config.split_seed, config.test_share
        files = ((root, path) for root in roots.values() for path in _annotations_in(root / "Annotations"))
        return {(root, path.stem): path for root, path in files if in_test(path.stem, seed, share) == asked}
    wanted = getattr(config, f"{split}_sets", None) or [_default(available, split)]
    members = {}
    for given in wanted:
        place, _, name = given.rpartition("/")
        if place and place not in roots:
            raise UserError(
                f"{split}_sets: {given}: no folder {place} with annotations; there are {named(list(roots))}"
            )
        having = [root for key, root in roots.items() if place in ("", key) and name in available[root]]
        if not having:
            there = sorted({f"{root.name}/{found}" for root in available for found in available[root]})
            raise UserError(f"{split}_sets: no image set {given} in ImageSets/Main; there are {named(there, 12)}")
        for root in having:
            path = root / "ImageSets" / "Main" / f"{name}.txt"
            members |= {(root, found): path for found in _read_set(path, root) if (root, found) not in members}
    return members


def split_here(members):
    """Whether there were no image sets, so that annotations alone said which pictures there are."""
    return all(where.suffix.lower() == ".xml" for where in members.values())


def tell_without_annotation(roots):
    """Say which pictures no annotation speaks of."""
    without = []
    for root in roots.values():
        known, folder = {path.stem for path in _annotations_in(root / "Annotations")}, root / "JPEGImages"
        there = sorted(os.listdir(folder)) if folder.is_dir() else ()
        without += [name for name in there if is_picture(name) and Path(name).stem not in known]
    if without:
        count = "1 picture has" if len(without) == 1 else f"{len(without)} pictures have"
        log(f"{count} no annotation, not used: {named(without)}")


def _default(available, split):
    has = {name for sets in available.values() for name in sets}
    if "test" in has:
        return "test" if split == "test" else "trainval" if "trainval" in has else "train"
    return "val" if split == "test" else "train"


def _sets_of(root):
    folder = root / "ImageSets" / "Main"
    return {path.stem for path in folder.glob("*.txt")} if folder.is_dir() else set()


def _annotations_in(folder):
    found = (path for path in folder.iterdir() if path.suffix.lower() == ".xml" and not path.name.startswith("."))
    return sorted(found, key=lambda path: (path.stem, path.name))  # order and split follow from the names alone


def _read_set(path, root):
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error}); {_LINES}") from error
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise UserError(f"{path}: line {number} has a NUL character; {_LINES}, as text in UTF-8")
    is_there = _lookup(root)
    names = [line if not (match := _FLAGGED.fullmatch(line)) or is_there(line) else match[1] for line in lines if line]
    if not names:
        raise UserError(f"{path}: the image set is empty; {_LINES}")
    return [name[: -len(found)] if (found := _suffix(name)) else name for name in names]


def _lookup(root):
    """Function that says whether a name is that of a picture or annotation; each folder is listed once, if at all."""

    @cache
    def stems(folder):
        try:
            return {Path(name).stem for name in os.listdir(folder)}
        except OSError:
            return set()

    paths = (root / "Annotations", root / "JPEGImages")
    return lambda name: any(Path(name).name in stems((path / name).parent) for path in paths)


def _suffix(name):
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
