# SPDX-License-Identifier: Apache-2.0
"""A file of COCO's object annotations: read, and refused where it contradicts itself."""

import json
import os
import re

from adabin.data.annotated import flag
from adabin.utils.errors import UserError

_LARGEST = 1 << 20  # pixels of a side
_NAMED = re.compile(r'"file_name"\s*:\s*("(?:[^"\\]|\\.)*")')


def read_instances(path):
    """What a file of COCO's object annotations says.

    Returns:
        dict with `categories`, names in the order of their ids, and `images`, each a dict with `file_name`, `size`
        ((height, width), None where the file does not say it) and `objects`, as `AnnotatedPictures.add` takes them.

    Raises:
        UserError: missing, no JSON, or not in COCO's format.
    """
    entries = _entries(path)
    names = _by_id(entries["categories"], path, "categories", "name")
    images = _images(entries["images"], path)
    calls = set()
    for place, entry in enumerate(entries["annotations"]):
        key = entry.get("id")
        call = f"annotation {key}" if key is not None else f"annotation in place {place}"
        if call in calls:
            raise UserError(f"{path}: annotations: id {str(key)[:40]} occurs twice; give each object an id of its own")
        calls.add(call)
        image = _looked_up(images, entry.get("image_id"), f"{path}: {call}: image_id", "images")
        name = _looked_up(names, entry.get("category_id"), f"{path}: {call}: category_id", "categories")
        image["objects"].append(_object(entry, path, call, name))
    categories = [names[key] for key in sorted(names)]
    if len(set(categories)) < len(categories):
        raise UserError(f"{path}: categories: a name occurs twice; give each class one category")
    return {"categories": categories, "images": list(images.values())}


def file_names(path):
    """Names of the pictures in a file of annotations, without parsing the rest of it; none where it cannot be read."""
    try:
        data = path.read_bytes()
        text = data.decode(json.detect_encoding(data))
        return {json.loads(match[1]) for match in _NAMED.finditer(text)}
    except (OSError, ValueError):
        return set()


def _entries(path):
    """The lists of a file: dict of part: list of dicts."""
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
    return entries


def _images(entries, path):
    images, ids = {}, {}
    for key, name in _by_id(entries, path, "images", "file_name").items():
        images[key] = {"file_name": name, "size": None, "objects": []}
        first = ids.setdefault(os.path.normpath(name), key)
        if first != key:
            raise UserError(f"{path}: images: ids {first} and {key} have one file_name, {name}; give a picture one id")
    for entry in entries:
        size = tuple(map(entry.get, ("height", "width")))
        if all(type(side) in (int, float) and 0 < side <= _LARGEST and side == int(side) for side in size):
            images[entry["id"]]["size"] = tuple(map(int, size))
    return images


def _object(entry, path, call, name):
    box, area = entry.get("bbox"), entry.get("area")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise UserError(f"{path}: {call} ({name}): bbox is {str(box)[:60]}, not a list of four numbers")
    crowd = flag(entry.get("iscrowd"), f"{path}: {call} ({name}): iscrowd")
    area = float(area) if _is_number(area) and area > 0 else None
    return call, name, (box[0], box[1], box[0] + box[2], box[1] + box[3]), crowd, area


def _by_id(entries, path, part, wanted):
    found = {}
    for place, entry in enumerate(entries):
        key, value = entry.get("id"), entry.get(wanted)
        if type(key) is not int and not (part == "images" and isinstance(key, str)):
            raise UserError(f"{path}: {part}[{place}] has no id that is a whole number")
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise UserError(f"{path}: {part}[{place}] (id {key}) has no {wanted}")
        if key in found:
            raise UserError(f"{path}: {part}: id {key} occurs twice")
        found[key] = value
    return found


def _looked_up(table, key, what, part):
    if not isinstance(key, (int, str)) or key not in table:
        raise UserError(f"{what} is {str(key)[:40]!r}, which is none of the {part}; correct the file")
    return table[key]


def _is_number(value):
    return type(value) in (int, float) and abs(value) < 1e12  # neither NaN nor infinite
