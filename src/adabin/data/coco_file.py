# SPDX-License-Identifier: Apache-2.0
"""A file of COCO's object annotations: read, and refused where it contradicts itself."""

import json

from adabin.utils.errors import UserError

_LARGEST = 1 << 20  # pixels of a side


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
