# SPDX-License-Identifier: Apache-2.0
"""Small folders of pictures with objects for tests, in VOC's and COCO's layout."""

import json

import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.data.coco import list_coco
from adabin.data.voc import list_voc
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from tests.pictures import save

CATEGORIES = {90: "zebra", 3: "dog", 0: "cat", 17: "bird"}  # COCO's ids: gaps, 0, and in no order


def picture(number, height=60, width=80):
    """uint8 (height, width, 3), noise."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)


def annotation(objects, height=60, width=80):
    """VOC's XML of objects (name, xmin, ymin, xmax, ymax[, difficult])."""
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    parts = []
    for name, *corners in objects:
        box = "".join(f"<{key}>{v}</{key}>" for key, v in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=False))
        difficult = f"<difficult>{corners[4]}</difficult>" if len(corners) > 4 else ""
        parts.append(f"<object><name>{name}</name>{difficult}<bndbox>{box}</bndbox></object>")
    return f"<annotation>{size}{''.join(parts)}</annotation>"


def fill_voc(root, pictures, sets, **size):
    """A folder in VOC's layout: `pictures` {name: objects or the annotation's text}, `sets` {set: names}."""
    for number, (name, objects) in enumerate(pictures.items()):
        save(root / "JPEGImages" / f"{name}.jpg", picture(number, **size))
        text = objects if isinstance(objects, str) else annotation(objects, **size)
        (root / "Annotations").mkdir(exist_ok=True)
        (root / "Annotations" / f"{name}.xml").write_text(text, encoding="utf-8")
    for name, members in sets.items():
        folder = root / "ImageSets" / "Main"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text("".join(f"{member}\n" for member in members), encoding="utf-8")
    return root


def own_voc(root):
    """A folder in VOC's layout with classes of its own; four training and two test pictures."""
    pictures = {
        "a": [("dog", 1, 1, 80, 60), ("cat", 11, 21, 30, 40, 1)],
        "b": [("cat", 5, 5, 20, 20)],
        "c": [],
        "d": [("bird", 2.5, 3.5, 40.5, 50.5)],
        "e": [("dog", 10, 10, 30, 30)],
        "f": [("cat", 70, 50, 90, 70)],
    }
    return fill_voc(root, pictures, {"train": "abcd", "val": "ef"})


def coco_content(pictures, categories, height=60, width=80):
    """COCO's annotations: `pictures` {file name: [(category, x, y, width, height, more fields as dict)]}."""
    ids = {name: key for key, name in categories.items()}
    images, annotations = [], []
    for number, (name, objects) in enumerate(pictures.items(), 100):
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for category, *box in objects:
            more = box.pop() if isinstance(box[-1], dict) else {}
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": ids[category], "bbox": box}
            annotations.append(entry | {"iscrowd": 0} | more)
    listed = [{"id": key, "name": name} for key, name in categories.items()]
    return {"images": images, "annotations": annotations, "categories": listed}


def fill_coco(root, name, content, **size):
    """A folder in COCO's layout for the set `name`."""
    for number, image in enumerate(content["images"]):
        save(root / name / image["file_name"], picture(number, **size))
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"instances_{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return root


def own_coco(root):
    """A folder in COCO's layout with classes of its own; four training and two test pictures."""
    pictures = {
        "a.jpg": [("dog", 0, 0, 80, 60), ("zebra", 10.5, 20, 19.5, 20, {"iscrowd": 1, "area": 123.5})],
        "b.png": [("cat", 70, 50, 20, 20)],
        "c.jpg": [],
        "d.jpg": [("bird", 4, 4, 16, 16)],
    }
    fill_coco(root, "train", coco_content(pictures, CATEGORIES))
    return fill_coco(root, "val", coco_content({"e.jpg": [("dog", 1, 2, 30, 40)], "f.jpg": []}, CATEGORIES))


def changed(folder, change, name="train"):
    """Let a function change the content of the annotations; returns their path."""
    path = folder / "annotations" / f"instances_{name}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def config_for(folder, dataset, **changes):
    """Config of a small detection data set, classes open."""
    values = {"task": "detection", "num_classes": 0, "image_size": 64, "batch_size": 2, "eval_batch_size": 2, "seed": 7}
    return read_config(None, {"dataset": dataset, "data_path": str(folder), **values, **changes})


def listed(folder, split="train", dataset="voc", **changes):
    """Pictures of a split with their objects, as the reader of the data set lists them."""
    return {"voc": list_voc, "coco": list_coco}[dataset](config_for(folder, dataset, **changes), split)


def refusal(folder, split="train", dataset="voc", **changes):
    """The one line with which a folder is refused."""
    with pytest.raises(UserError) as caught:
        build_dataset(config_for(folder, dataset, **changes), split)
    assert "\n" not in str(caught.value)
    return str(caught.value)
