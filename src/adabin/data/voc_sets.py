# SPDX-License-Identifier: Apache-2.0
"""Which pictures of folders in VOC's layout belong to a split: image sets, or a hash where there are none."""

import re

from adabin.data.decode import SUFFIXES
from adabin.data.image_folder import in_test
from adabin.data.picture_files import named
from adabin.utils.cli import log
from adabin.utils.errors import UserError

_FLAGGED = re.compile(r"(\S+)\s+(-1|0|1)")  # a line of the sets of one class


def members_of(config, roots, split):
    """(folder, name) of each picture of a split."""
    available = {root: _sets_of(root) for root in roots.values()}
    if not any(available.values()):
        names = {root: _annotations_in(root / "Annotations") for root in roots.values()}
        asked, seed, share = split == "test", config.split_seed, config.test_share
        return [(root, name) for root in names for name in names[root] if in_test(name, seed, share) == asked]
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
            members |= dict.fromkeys((root, found) for found in _read_set(root / "ImageSets" / "Main" / f"{name}.txt"))
    return list(members)


def tell_shared(members, config, roots):
    """Say in a line how many of these test pictures are in the training sets, too."""
    try:
        shared = set(members) & set(members_of(config, roots, "train"))
    except UserError:
        return  # nothing to train on, which tests do not need
    if shared:
        log(f"{len(shared)} of {len(members)} test pictures are in the training sets, too: see train_sets, test_sets")


def _default(available, split):
    has = {name for sets in available.values() for name in sets}
    if "test" in has:
        return "test" if split == "test" else "trainval" if "trainval" in has else "train"
    return "val" if split == "test" else "train"


def _sets_of(root):
    folder = root / "ImageSets" / "Main"
    return {path.stem for path in folder.glob("*.txt")} if folder.is_dir() else set()


def _annotations_in(folder):
    return sorted(path.stem for path in folder.glob("*.xml") if not path.name.startswith("."))


def _read_set(path):
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error}); give a picture's name per line") from error
    names = [match.group(1) if (match := _FLAGGED.fullmatch(line)) else line for line in lines if line]
    if not names:
        raise UserError(f"{path}: the image set is empty; give a picture's name per line")
    return [name[: -len(found)] if (found := _suffix(name)) else name for name in names]


def _suffix(name):
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
