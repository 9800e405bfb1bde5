# SPDX-License-Identifier: Apache-2.0
"""Annotated pictures while they are read from VOC's or COCO's files: every object is checked before a training begins.

What is wrong is named by file and object, in one line, and ends the work. With `skip_corrupt` unusable objects (a box
without area, or with nothing of it inside the picture) and unusable pictures (missing, or their annotation malformed)
are left out instead, and counted; an unknown class always ends it. A box that lies partly outside is clipped.
"""

import errno
import math
from pathlib import Path

import numpy as np

from adabin.data.picture_files import PictureList, named
from adabin.detection.objects import Objects
from adabin.utils.cli import log
from adabin.utils.errors import UserError

CLASS_FILES = ("classes.txt", "labels.txt")  # of a folder, a name per line

# What to do about a class that is not among those of the config, which a training or a checkpoint put there.
OF_CONFIG = "these are the classes of the network (class_names): take data with them, or train on these"

_YES, _NO = ("1", "true"), ("0", "false", "unspecified", "")  # "Unspecified" is LabelImg's and CVAT's word


class AnnotatedPictures:
    """Pictures and objects of a split, as they are found.

    Args:
        class_names: of the classes 0, 1, ...
        split: its name, for messages.
        skip: config.skip_corrupt.
        hint: what to do about an unknown class, for messages.
    """

    def __init__(self, class_names, split, skip, hint):
        self.class_names, self.split, self.skip, self.hint = tuple(class_names), split, skip, hint
        self.numbers = {name: number for number, name in enumerate(self.class_names)}
        self.paths, self.objects = [], []
        self.seen, self.unknown, self.unusable, self.without = 0, [], [], []

    def leave_out(self, reason):
        """A picture that cannot be used; the reason begins with a file's name."""
        self.without.append(reason)

    def add(self, path, size, found, where):
        """A picture and what is annotated in it.

        Args:
            path: of the picture's file.
            size: (height, width) in pixels.
            found: for each object (what it is called in messages, class name, (x1, y1, x2, y2) in pixels, continuous,
                ignored, area or None); none is legal.
            where: file of the annotation, for messages.
        """
        rows = [self._checked(row, size, where) for row in found]
        rows = [row for row in rows if row]
        boxes, labels, ignored, areas = zip(*rows, strict=True) if rows else ((), (), (), ())
        self.paths.append(str(path))
        self.objects.append(
            Objects(
                np.array(boxes, np.float32).reshape(-1, 4),
                np.array(labels, np.int32),
                np.array(ignored, bool),
                np.array(areas, np.float32),
                size,
            )
        )

    def _checked(self, row, size, where):
        call, name, box, ignored, area = row
        (height, width), (x1, y1, x2, y2) = size, box
        self.seen += 1
        place = f"{where}: {call} ({name})"
        if name not in self.numbers:
            self.unknown.append(place)
            return None
        if not all(map(math.isfinite, box)) or x2 <= x1 or y2 <= y1:
            self.unusable.append(f"{place} has a box without area")
            return None
        left, top, right, bottom = max(x1, 0) / width, max(y1, 0) / height, min(x2 / width, 1), min(y2 / height, 1)
        if np.float32(right) <= np.float32(left) or np.float32(bottom) <= np.float32(top):
            self.unusable.append(f"{place} has a box outside the picture of {width} x {height} pixels")
            return None
        if area is None:
            area = (right - left) * width * (bottom - top) * height
        return (left, top, right, bottom), self.numbers[name], ignored, area

    def settled(self, where):
        """`PictureList` of what can be used; its labels are `Objects`.

        Args:
            where: folder, for messages.

        Raises:
            UserError: an unknown class; without `skip` any unusable object or picture; no picture is left.
        """
        if self.unknown:
            raise UserError(
                f"{named(self.unknown)}: none of the {len(self.class_names)} classes ({named(self.class_names)}); "
                f"{self.hint}"
            )
        for what, bad, total in (
            ("pictures", self.without, len(self.paths) + len(self.without)),
            ("objects", self.unusable, self.seen),
        ):
            count = f"{len(bad)} of {total} {self.split} {what} cannot be used"
            if bad and not self.skip:
                raise UserError(f"{count}: {named(bad)}; correct that, or leave them out with --skip_corrupt=true")
            if bad:
                log(f"{count} and are left out: {named(bad)}")
        if not self.paths:
            raise UserError(f"{where}: no picture for the {self.split} split; give pictures with annotations")
        labels = np.empty(len(self.objects), object)
        labels[:] = self.objects
        return PictureList(self.paths, labels, self.class_names)


def listed_classes(folder):
    """Classes in a file of the folder, one per line, or None without such a file."""
    path = next((folder / name for name in CLASS_FILES if (folder / name).is_file()), None)
    if path is None:
        return None
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error}); give a class name per line") from error
    names = [name for name in names if name]
    if not names or len(set(names)) < len(names):
        raise UserError(f"{path}: has no class, or one twice; give a class name per line")
    return names


def flag(value, what):
    """Whether a field says yes.

    Args:
        value: text of an XML element or value of a JSON field; None where there is none.
        what: file, object and field, for messages.

    Raises:
        UserError: it says neither yes nor no.
    """
    word = "" if value is None else str(int(value) if value in (0, 1) else value).strip().lower()
    if word not in _YES + _NO:
        raise UserError(f"{what} is {str(value)[:40]!r}, neither 0 nor 1; correct that")
    return word in _YES


def tell_shared(shared, total):
    """Say in a line how many of the test pictures are trained on, if any."""
    if shared:
        log(f"{shared} of {total} test pictures are in the training sets, too: see train_sets, test_sets")


def first_existing(paths):
    """The first of the paths that is a file, or None; no file has a name that is too long for one."""
    return next((path for path in map(Path, paths) if _is_file(path)), None)


def _is_file(path):
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise
