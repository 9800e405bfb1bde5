# SPDX-License-Identifier: Apache-2.0
"""COCO, folders in its layout, and every way in which these may be damaged."""

import json
import shutil

import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.data.coco import list_coco
from adabin.utils.errors import UserError
from tests.annotated import coco_content, config_for, fill_coco, picture
from tests.pictures import save

CATEGORIES = {90: "zebra", 3: "dog", 0: "cat", 17: "bird"}  # gaps, 0, and in no order
PICTURES = {
    "a.jpg": [("dog", 0, 0, 80, 60), ("zebra", 10.5, 20, 19.5, 20, {"iscrowd": 1, "area": 123.5})],
    "b.png": [("cat", 70, 50, 20, 20)],
    "c.jpg": [],
    "d.jpg": [("bird", 4, 4, 16, 16)],
}


@pytest.fixture
def folder(tmp_path):
    """Own classes; four training and two test pictures."""
    fill_coco(tmp_path, "train", coco_content(PICTURES, CATEGORIES))
    test = {"e.jpg": [("dog", 1, 2, 30, 40)], "f.jpg": []}
    return fill_coco(tmp_path, "val", coco_content(test, CATEGORIES))


def listed(folder, split="train", **changes):
    return list_coco(config_for(folder, "coco", **changes), split)


def refusal(folder, split="train", **changes):
    with pytest.raises(UserError) as caught:
        build_dataset(config_for(folder, "coco", **changes), split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(folder, change, name="train"):
    """Let a function change the content of the annotations; returns their path."""
    path = folder / "annotations" / f"instances_{name}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


# --- what is there


def test_boxes_classes_and_crowds_are_read_and_ids_with_gaps_numbered_in_their_order(folder):
    pictures = listed(folder)
    assert pictures.class_names == ("cat", "dog", "bird", "zebra")
    assert [path[-5:] for path in pictures.paths] == ["a.jpg", "b.png", "c.jpg", "d.jpg"]
    first, outside, empty, last = pictures.labels
    np.testing.assert_allclose(first.boxes, [(0, 0, 1, 1), (10.5 / 80, 20 / 60, 30 / 80, 40 / 60)], rtol=1e-6)
    assert first.classes.tolist() == [1, 3] and first.ignored.tolist() == [False, True]
    np.testing.assert_allclose(first.areas, [4800, 123.5])
    assert first.size == (60, 80) and last.classes.tolist() == [2]
    np.testing.assert_allclose(outside.boxes, [(70 / 80, 50 / 60, 1, 1)], rtol=1e-6)
    assert len(empty) == 0 and empty.boxes.shape == (0, 4)
    assert (first.boxes.dtype, first.classes.dtype, first.ignored.dtype) == (np.float32, np.int32, bool)


def test_a_test_split_is_numbered_as_the_training_split_whatever_its_own_ids(folder):
    fill_coco(folder, "val", coco_content({"e.jpg": [("dog", 1, 2, 30, 40)]}, {1: "dog", 2: "cat"}))
    pictures = listed(folder, "test")
    assert pictures.class_names == ("cat", "dog", "bird", "zebra") and pictures.labels[0].classes.tolist() == [1]
    again = listed(folder, "test", class_names=["dog", "cat"], num_classes=2)
    assert again.labels[0].classes.tolist() == [0]
    (folder / "annotations" / "instances_train.json").unlink()
    assert listed(folder, "test").class_names == ("dog", "cat")


@pytest.mark.parametrize("place", ["train.json", "annotations/train.json", "train/_annotations.coco.json"])
def test_annotations_may_lie_elsewhere(folder, place):
    shutil.move(folder / "annotations" / "instances_train.json", folder / place)
    assert len(listed(folder).paths) == 4


@pytest.mark.parametrize("place", ["images/train", "images", "."])
def test_pictures_may_lie_elsewhere(folder, place):
    (folder / place).mkdir(parents=True, exist_ok=True)
    for path in (folder / "train").iterdir():
        shutil.move(path, folder / place / path.name)
    assert len(listed(folder).paths) == 4
    changed(folder, lambda content: content["images"][0].update(file_name=f"../{folder.name}/{place}/a.jpg"))
    assert listed(folder).paths[0].endswith("a.jpg")


def test_sets_are_named_and_joined(folder):
    assert len(listed(folder, train_sets=["train", "val"]).paths) == 6
    assert [path[-5:] for path in listed(folder, train_sets=["val"]).paths] == ["e.jpg", "f.jpg"]
    assert "no annotations of train2017" in refusal(folder, train_sets=["train2017"])
    for path in (folder / "annotations").iterdir():
        path.unlink()
    message = refusal(folder)
    assert "annotations/instances_train2017.json does not exist" in message and "--train_sets" in message


def test_a_size_that_the_file_does_not_say_is_the_pictures(folder):
    changed(folder, lambda content: content["images"][0].pop("height"))
    objects = listed(folder).labels[0]
    assert objects.size == (60, 80)
    np.testing.assert_allclose(objects.boxes[0], (0, 0, 1, 1))


# --- what is wrong

OBJECT = {
    "no width": ([30, 10, 0, 40], "(dog) has a box without area"),
    "negative height": ([30, 10, 5, -4], "(dog) has a box without area"),
    "beside the picture": ([80, 10, 5, 4], "(dog) has a box outside the picture of 80 x 60 pixels"),
    "before the picture": ([-30, 10, 30, 4], "(dog) has a box outside the picture"),
}


@pytest.mark.parametrize("what", OBJECT)
def test_an_object_that_cannot_be_used_is_named_with_its_file(folder, what, capsys):
    box, reason = OBJECT[what]
    path = changed(folder, lambda content: content["annotations"][0].update(bbox=box))
    message = refusal(folder)
    assert f"{path}: annotation 1 {reason}" in message
    assert "1 of 4 train objects cannot be used" in message and "--skip_corrupt=true" in message
    capsys.readouterr()
    assert listed(folder, skip_corrupt=True).labels[0].classes.tolist() == [3]
    assert "1 of 4 train objects cannot be used and are left out" in capsys.readouterr().err


def replace_part(part, value):
    return lambda content: content.__setitem__(part, value)


FILE = {
    "a list": (lambda content: content.clear(), "holds no list of categories"),
    "captions": (lambda content: content.pop("categories"), "holds no list of categories"),
    "no annotations, as of test-dev": (lambda content: content.pop("annotations"), "holds no list of annotations"),
    "images are numbers": (replace_part("images", [1, 2]), "holds no list of images"),
    "a picture without a name": (
        lambda content: content["images"][1].pop("file_name"),
        "images[1] (id 101) has no file_name",
    ),
    "a picture without an id": (lambda content: content["images"][1].pop("id"), "images[1] has no id"),
    "an id twice": (lambda content: content["images"][1].update(id=100), "images: id 100 occurs twice"),
    "a class twice": (lambda content: content["categories"][1].update(name="cat"), "a name occurs twice"),
    "an id of a category twice": (
        lambda content: content["categories"][1].update(id=0),
        "categories: id 0 occurs twice",
    ),
    "no categories": (replace_part("categories", []), "category_id is '3', which is none of the categories"),
    "an unknown class": (
        lambda content: content["annotations"][2].update(category_id=4),
        "annotation 3: category_id is '4', which is none of the categories",
    ),
    "an unknown picture": (
        lambda content: content["annotations"][2].update(image_id=4),
        "annotation 3: image_id is '4', which is none of the images",
    ),
    "a picture's number that is none": (
        lambda content: content["annotations"][2].update(image_id=[4]),
        "annotation 3: image_id is '[4]', which is none of the images",
    ),
    "three numbers": (
        lambda content: content["annotations"][2].update(bbox=[1, 2, 3]),
        "annotation 3 (cat): bbox is [1, 2, 3], not a list of four numbers",
    ),
    "words": (
        lambda content: content["annotations"][2].update(bbox=[1, 2, 3, "x"]),
        "annotation 3 (cat): bbox is [1, 2, 3, 'x'], not a list of four numbers",
    ),
    "an infinite box": (
        lambda content: content["annotations"][2].update(bbox=[1, 2, 3, float("inf")]),
        "annotation 3 (cat): bbox is [1, 2, 3, inf], not",
    ),
    "a huge number": (
        lambda content: content["annotations"][2].update(bbox=[1, 2, 3, 10**400]),
        "annotation 3 (cat): bbox is [1, 2, 3, 1000",
    ),
    "no box": (lambda content: content["annotations"][2].pop("bbox"), "annotation 3 (cat): bbox is None, not"),
}


@pytest.mark.parametrize("what", FILE)
def test_a_file_of_another_kind_or_with_contradictions_is_named(folder, what):
    change, reason = FILE[what]
    path = changed(folder, change)
    message = refusal(folder)
    assert message.startswith(f"{path}: ") and reason in message
    assert refusal(folder, skip_corrupt=True) == message


@pytest.mark.parametrize("text", [b"", b"{", b'{"images": [}', b"\xff\xfe\xfa", b"[" * 200_000, b"<annotation/>"])
def test_malformed_json_is_named(folder, text):
    path = folder / "annotations" / "instances_train.json"
    path.write_bytes(text)
    assert refusal(folder).startswith(f"{path}: malformed JSON (")


def test_a_class_that_the_network_does_not_know_is_named(folder):
    known = {"class_names": ["cat", "dog"], "num_classes": 2}
    message = refusal(folder, **known)
    assert "annotation 2 (zebra)" in message and "annotation 4 (bird)" in message and "none of the 2 classes" in message
    assert refusal(folder, skip_corrupt=True, **known) == message


def test_missing_and_damaged_pictures_are_named(folder, capsys):
    (folder / "train" / "a.jpg").unlink()
    (folder / "train" / "b.png").write_bytes(b"<html>")
    assert "1 of 4 train pictures cannot be used" in (message := refusal(folder))
    assert f"{folder}/train/a.jpg: no such picture (it is in {folder}/annotations/instances_train.json)" in message
    save(folder / "train" / "a.jpg", picture(1, 80, 60))
    message = refusal(folder)
    assert f"{folder}/train/a.jpg has 60 x 80 pixels, its annotation says 80 x 60 (turned by its camera?)" in message
    assert f"{folder}/train/b.png is damaged" in message
    dataset = build_dataset(config_for(folder, "coco", skip_corrupt=True), "train")
    assert dataset.num_images == 2 and dataset.labels[1].classes.tolist() == [2]
    assert "2 of 4 train pictures cannot be used and are left out" in capsys.readouterr().err


def test_a_name_that_is_too_long_for_a_file_is_no_picture(folder):
    path = changed(folder, lambda content: content["images"][1].update(file_name="n" * 300))
    message = refusal(folder)
    assert f": {folder}/train/{'n' * 300}: no such picture (it is in {path})" in message
    assert len(listed(folder, skip_corrupt=True).paths) == 3


# --- the real one


def test_the_real_pictures_are_read(test_data):
    train, test = (build_dataset(config_for(test_data / "coco", "coco"), split) for split in ("train", "test"))
    assert (train.num_images, test.num_images) == (40, 60) and train.num_classes == 80
    assert train.class_names == test.class_names
    assert (train.class_names[0], train.class_names[11], train.class_names[79]) == ("person", "stop sign", "toothbrush")
    assert sum(map(len, test.labels)) == 627 and sum(objects.ignored.sum() for objects in test.labels) > 0
    content = json.loads((test_data / "coco" / "annotations" / "instances_val2017.json").read_text())
    areas = np.concatenate([objects.areas for objects in test.labels])
    np.testing.assert_allclose(sorted(areas), sorted(entry["area"] for entry in content["annotations"]), rtol=1e-5)
