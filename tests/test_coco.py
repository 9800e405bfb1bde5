# SPDX-License-Identifier: Apache-2.0
"""COCO, folders in its layout, and every way in which these may be damaged."""

import json
import shutil
from functools import partial

import numpy as np
import pytest

from adabin.data import build_dataset
from tests import annotated
from tests.annotated import CATEGORIES, changed, coco_content, config_for, fill_coco, own_coco, picture
from tests.pictures import save


@pytest.fixture
def folder(tmp_path):
    """Own classes; four training and two test pictures."""
    return own_coco(tmp_path)


listed, refusal = partial(annotated.listed, dataset="coco"), partial(annotated.refusal, dataset="coco")


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


def test_test_pictures_that_are_trained_on_are_told(folder, capsys):
    known = {"class_names": ["cat", "dog", "bird", "zebra"], "num_classes": 4}
    for more in ({}, known):
        listed(folder, "test", **more)
        assert capsys.readouterr().err == ""
        listed(folder, "test", test_sets=["train"], **more)
        assert (
            "4 of 4 test pictures are in the training sets, too: see train_sets, test_sets" in capsys.readouterr().err
        )
    # Same names elsewhere are other pictures; other names may lead to the same ones.
    both = {"e.jpg": [], "../val/f.jpg": []}
    fill_coco(folder, "train", coco_content(both, CATEGORIES))
    listed(folder, "test")
    assert "1 of 2 test pictures are in the training sets, too" in capsys.readouterr().err
    for text in (b"{", b'{"file_name": "\\x"}', b"\xff\xfe\xfa"):
        (folder / "annotations" / "instances_train.json").write_bytes(text)
        assert len(listed(folder, "test", **known).paths) == 2
    assert capsys.readouterr().err == "", "training annotations that cannot be read are nothing that a test needs"


def test_sets_are_named_and_joined(folder):
    assert len(listed(folder, train_sets=["train", "val"]).paths) == 6
    assert [path[-5:] for path in listed(folder, train_sets=["val"]).paths] == ["e.jpg", "f.jpg"]
    assert "no annotations of train2017" in refusal(folder, train_sets=["train2017"])
    for path in (folder / "annotations").iterdir():
        path.unlink()
    message = refusal(folder)
    assert "annotations/instances_train2017.json does not exist" in message and "--train_sets" in message


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
