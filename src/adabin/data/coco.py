# SPDX-License-Identifier: Apache-2.0
"""`coco`: COCO, and any folder with annotations in its format and classes of its own.

    coco/annotations/instances_<set>.json, coco/<set>/*.jpg        <set>: train2017, val2017, or any name
    also images/<set>/ or images/ for the pictures, and <set>.json or <set>/_annotations.coco.json for the annotations

Sets are named by config: `train_sets: [train2017]`, `test_sets: [val2017]`; these two are the default, or train and
val. Classes are numbered 0, 1, ... in the order of their ids in the training annotations, whatever gaps the ids have. A
box is (x, y, width, height), continuous. Crowds are ignored objects. An object's area is that of its outline where the
file says it.
"""

import json

from adabin.data.annotated import AnnotatedPictures, first_existing
from adabin.data.decode import PictureError, read_picture
from adabin.data.picture_files import data_folder
from adabin.utils.errors import UserError

EXPECTED = "a folder with annotations/instances_<set>.json, and pictures in <set>/"
_FILES = ("annotations/instances_{}.json", "annotations/{}.json", "{}.json", "{}/_annotations.coco.json")
_PICTURES = ("{}", "images/{}", "images", "")
_DEFAULTS = {"train": ("train2017", "train"), "test": ("val2017", "val", "valid", "test")}
_LARGEST = 1 << 20  # pixels of a side


def list_coco(config, split):
    """Pictures of one split with their `Objects`.

    Raises:
        UserError: a file is missing or malformed, or what `AnnotatedPictures` finds wrong.
    """
    folder = data_folder(config, EXPECTED)
    files = {name: _file(folder, name, split) for name in _sets(config, folder, split)}
    contents = {name: read_instances(path) for name, path in files.items()}
    classes = list(getattr(config, "class_names", [])) or _classes(config, folder, split, contents)
    pictures = AnnotatedPictures(classes, split, config.skip_corrupt, "correct its category")
    for name, content in contents.items():
        _collect(pictures, content, [folder / place.format(name) for place in _PICTURES], files[name])
    return pictures.settled(folder)


def _collect(pictures, content, folders, where):
    folders = [*folders, where.parent]
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


def read_instances(path):
    """What a file of COCO's object annotations says.

    Returns:
        dict with `categories`, names in the order of their ids, and `images`, each a dict with `file_name`, `size`
        ((height, width), None where the file does not say it) and `objects`, as `AnnotatedPictures.add` takes them.

    Raises:
        UserError: missing, no JSON, or not in COCO's format.
    """
    try:
        with open(path, "rb") as handle:
            content = json.load(handle)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except RecursionError as error:
        raise UserError(f"{path}: malformed JSON (too deep)") from error
    except ValueError as error:  # also of the decoding of its text
        raise UserError(f"{path}: malformed JSON ({error}); give a file of COCO's object annotations") from error
    entries = {}
    for part in ("categories", "images", "annotations"):
        entries[part] = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries[part], list) or not all(isinstance(entry, dict) for entry in entries[part]):
            raise UserError(
                f"{path}: holds no list of {part}; give a file of COCO's object annotations (instances_*.json)"
            )
    names = _by_id(entries["categories"], path, "categories", "name", str)
    images = {}
    for key, file_name in _by_id(entries["images"], path, "images", "file_name", str).items():
        images[key] = {"file_name": file_name, "size": None, "objects": []}
    for entry in entries["images"]:
        size = tuple(entry.get(side) for side in ("height", "width"))
        if all(type(side) is int and 0 < side <= _LARGEST for side in size):
            images[entry["id"]]["size"] = size
    for place, entry in enumerate(entries["annotations"]):
        call = f"annotation {entry.get('id', f'in place {place}')}"
        image = _looked_up(images, entry.get("image_id"), f"{path}: {call}: image_id", "images")
        name = _looked_up(names, entry.get("category_id"), f"{path}: {call}: category_id", "categories")
        area = entry.get("area")
        area = float(area) if _is_number(area) and area > 0 else None
        image["objects"].append((call, name, _corners(entry, path, call, name), bool(entry.get("iscrowd")), area))
    categories = [names[key] for key in sorted(names)]
    if len(set(categories)) < len(categories):
        raise UserError(f"{path}: categories: a name occurs twice; give each class one category")
    return {"categories": categories, "images": list(images.values())}


def _by_id(entries, path, part, wanted, kind):
    found = {}
    for place, entry in enumerate(entries):
        key, value = entry.get("id"), entry.get(wanted)
        if type(key) is not int and not (part == "images" and isinstance(key, str)):
            raise UserError(f"{path}: {part}[{place}] has no id that is a whole number")
        if not isinstance(value, kind) or not value or "\0" in value:
            raise UserError(f"{path}: {part}[{place}] (id {key}) has no {wanted}")
        if key in found:
            raise UserError(f"{path}: {part}: id {key} occurs twice")
        found[key] = value
    return found


def _looked_up(table, key, what, part):
    if not isinstance(key, (int, str)) or key not in table:
        raise UserError(f"{what} is {str(key)[:40]!r}, which is none of the {part}; correct the file")
    return table[key]


def _corners(entry, path, call, name):
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise UserError(f"{path}: {call} ({name}): bbox is {str(box)[:60]}, not a list of four numbers")
    return box[0], box[1], box[0] + box[2], box[1] + box[3]


def _is_number(value):
    return type(value) in (int, float) and abs(value) < 1e12  # neither NaN nor infinite


def _file(folder, name, split):
    path = first_existing(folder / place.format(name) for place in _FILES)
    if path is None:
        raise UserError(
            f"{split}_sets: no annotations of {name}: {folder / _FILES[0].format(name)} does not exist; "
            f"give {EXPECTED}, or name the sets with --{split}_sets"
        )
    return path


def _sets(config, folder, split):
    """Names of the sets of a split."""
    if given := getattr(config, f"{split}_sets", None):
        return given
    usual = _DEFAULTS[split]
    having = [name for name in usual if first_existing(folder / place.format(name) for place in _FILES)]
    return having[:1] or usual[:1]


def _classes(config, folder, split, contents):
    """Categories of the training annotations, which number the classes; of a test's own where there are none."""
    if split == "test":
        paths = [
            first_existing(folder / place.format(name) for place in _FILES) for name in _sets(config, folder, "train")
        ]
        if all(paths):
            contents = {path: read_instances(path) for path in paths}
    names = list(dict.fromkeys(name for content in contents.values() for name in content["categories"]))
    if not names:
        raise UserError(f"{folder}: the annotations have no categories; give {EXPECTED}")
    return names
