# SPDX-License-Identifier: Apache-2.0
"""`voc`: PASCAL VOC, and any folder in its layout with classes of its own.

    VOCdevkit/VOC2007/{Annotations/<id>.xml, JPEGImages/<id>.jpg, ImageSets/Main/<set>.txt}, VOCdevkit/VOC2012/...
    pictures/{Annotations, JPEGImages, ImageSets/Main}        one such folder alone

Image sets are named by config: `train_sets: [VOC2007/trainval, VOC2012/trainval]`, `test_sets: [VOC2007/test]`; without
a folder a name means that set of every folder that has it. Left empty, training takes `trainval` and tests `test`, or
`train` and `val` where there is no `test`. Folders without image sets are split by `split_seed` and `test_share`.

Classes are those of the config where it has some (train.py puts them in), else those in classes.txt, a name per line;
else the twenty of VOC for folders called VOC20xx; else whatever the training annotations name, in alphabetical order.
A pixel of VOC's boxes is counted from 1 and belongs to its box: (xmin, xmax) covers xmin - 1 to xmax.
"""

import re
from itertools import product

from adabin.data.annotated import (
    CLASS_FILES,
    OF_CONFIG,
    AnnotatedPictures,
    first_existing,
    flag,
    listed_classes,
    tell_shared,
)
from adabin.data.decode import SUFFIXES, PictureError, read_picture
from adabin.data.picture_files import data_folder, named, subfolders
from adabin.data.voc_sets import members_of, split_here, tell_without_annotation
from adabin.data.xml_file import read_xml
from adabin.utils.errors import UserError

VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
EXPECTED = "a VOCdevkit, or a folder with Annotations/, JPEGImages/ and ImageSets/Main/"
_HINT = f"correct the name, or list your own classes in {CLASS_FILES[0]} in the folder of the data"
_XML = tuple("." + "".join(letters) for letters in product("xX", "mM", "lL"))  # .xml first
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_LARGEST = 1 << 20  # pixels of a side


def list_voc(config, split):
    """Pictures of one split with their `Objects`.

    Raises:
        UserError: a folder or image set is missing, or what `AnnotatedPictures` finds wrong.
    """
    folder = given = data_folder(config, EXPECTED)
    if not (folder / "Annotations").is_dir() and (folder / "VOCdevkit").is_dir():
        folder = folder / "VOCdevkit"
    if (folder / "Annotations").is_dir():
        roots = {folder.resolve().name: folder}
    else:
        roots = {name: folder / name for name in subfolders(folder) if (folder / name / "Annotations").is_dir()}
    if not roots:
        raise UserError(f"--data_path {folder}: no folder Annotations in it or below it; give {EXPECTED}")
    hint = OF_CONFIG if getattr(config, "class_names", []) else _HINT
    pictures = AnnotatedPictures(_classes(config, (given, folder), roots), split, config.skip_corrupt, hint)
    members = members_of(config, roots, split)
    if split == "train" and split_here(members):
        tell_without_annotation(roots)
    if split == "test":
        tell_shared(_shared(members, config, roots), len(members))
    for (root, name), where in members.items():
        annotation = _annotation_of(root, name)
        try:
            path = _picture_of(root, name, where)
            size, objects = read_annotation(annotation)
            pictures.add(path, size or read_picture(path).shape[:2], objects, annotation)
        except PictureError as error:
            pictures.leave_out(f"{path} {error}")
        except UserError as error:
            pictures.leave_out(str(error))
    return pictures.settled(folder)


def _shared(members, config, roots):
    try:
        return len(members.keys() & members_of(config, roots, "train").keys())
    except UserError:
        return 0  # nothing to train on, which tests do not need


def _annotation_of(root, name):
    inside = root / "Annotations"
    return first_existing(inside / f"{name}{suffix}" for suffix in _XML) or inside / f"{name}.xml"


def _picture_of(root, name, where):
    inside = root / "JPEGImages"
    path = first_existing(inside / f"{name}{suffix}" for kind in SUFFIXES for suffix in (kind, kind.upper()))
    if path is None:
        raise UserError(f"{inside / name}.jpg: no such picture (it is in {where})")
    return path


def read_annotation(path):
    """What a VOC annotation says.

    Returns:
        (size, objects): (height, width), None where the file does not say it; and for each object a tuple as
        `AnnotatedPictures.add` takes it.

    Raises:
        UserError: missing or malformed.
    """
    root = read_xml(path)
    if root.tag != "annotation":
        raise UserError(f"{path}: its root is <{root.tag[:60]}>, not <annotation>; give an annotation in VOC's format")
    sides = [root.findtext(f"size/{name}") for name in ("height", "width")]
    size = tuple(int(_number(text, path, "size")) for text in sides) if all(sides) else (0, 0)
    objects = []
    for number, entry in enumerate(root.findall("object"), 1):
        call, name = f"object {number}", (entry.findtext("name") or "").strip()
        if not name:
            raise UserError(f"{path}: {call} has no name; name its class, or remove it")
        corners = [
            _number(entry.findtext(f"bndbox/{corner}"), path, f"{call} ({name}): {corner}") for corner in _CORNERS
        ]
        # Of no extent it would be one pixel for VOC, but nobody draws such a box on purpose: it stays without area.
        if corners[0] != corners[2] and corners[1] != corners[3]:
            corners[:2] = corners[0] - 1, corners[1] - 1
        difficult = flag(entry.findtext("difficult"), f"{path}: {call} ({name}): difficult")
        objects.append((call, name, corners, difficult, None))
    return size if min(size) > 0 else None, objects


def _number(text, path, what):
    try:
        value = float(text)
    except (TypeError, ValueError):
        raise UserError(f"{path}: {what} is {str(text)[:40]!r}, not a number") from None
    if not abs(value) <= _LARGEST:
        raise UserError(f"{path}: {what} is {value}, no number of pixels")
    return value


def _classes(config, folders, roots):
    """Classes of the config, of a list in one of the folders, of VOC, or of the training annotations."""
    known = list(getattr(config, "class_names", []))
    if known := known or next(filter(None, map(listed_classes, folders)), None):
        return known
    if all(re.fullmatch(r"VOC20\d\d", name) for name in roots):
        return VOC_CLASSES
    found, reasons, members = set(), [], members_of(config, roots, "train")
    if split_here(members):  # the project's own split must not decide which classes there are
        members = {**members, **members_of(config, roots, "test")}
    for root, name in members:
        try:
            found |= {row[1] for row in read_annotation(_annotation_of(root, name))[1]}
        except UserError as error:  # where others can be used, it is reported when the pictures are listed
            reasons.append(str(error))
    if found:
        return sorted(found)
    where = folders[0]
    if reasons:
        raise UserError(f"{where}: no training annotation with objects can be used: {named(reasons, 1)}; correct that")
    raise UserError(f"{where}: no object in the training annotations; give {EXPECTED} with objects")
