# SPDX-License-Identifier: Apache-2.0
"""PASCAL VOC, folders in its layout, and every way in which these may be damaged."""

import shutil

import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.data.voc import VOC_CLASSES, list_voc
from adabin.data.xml_file import read_xml
from adabin.utils.errors import UserError
from tests.annotated import annotation, config_for, fill_voc, picture
from tests.pictures import save


@pytest.fixture
def folder(tmp_path):
    """Own classes; four training and two test pictures."""
    pictures = {
        "a": [("dog", 1, 1, 80, 60), ("cat", 11, 21, 30, 40, 1)],
        "b": [("cat", 5, 5, 20, 20)],
        "c": [],
        "d": [("bird", 2.5, 3.5, 40.5, 50.5)],
        "e": [("dog", 10, 10, 30, 30)],
        "f": [("cat", 70, 50, 90, 70)],
    }
    return fill_voc(tmp_path / "own", pictures, {"train": "abcd", "val": "ef"})


def listed(folder, split="train", **changes):
    return list_voc(config_for(folder, "voc", **changes), split)


def refusal(folder, split="train", dataset="voc", **changes):
    with pytest.raises(UserError) as caught:
        build_dataset(config_for(folder, dataset, **changes), split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write(folder, name, text):
    path = folder / "Annotations" / f"{name}.xml"
    path.write_bytes(text) if isinstance(text, bytes) else path.write_text(text, encoding="utf-8")


# --- what is there


def test_boxes_classes_and_difficult_objects_are_read(folder):
    pictures = listed(folder)
    assert pictures.class_names == ("bird", "cat", "dog")  # those of the training annotations
    assert [path[-5:] for path in pictures.paths] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    first, _, empty, floats = pictures.labels
    np.testing.assert_allclose(first.boxes, [(0, 0, 1, 1), (10 / 80, 20 / 60, 30 / 80, 40 / 60)], rtol=1e-6)
    assert first.classes.tolist() == [2, 1] and first.ignored.tolist() == [False, True]
    assert first.areas.tolist() == [4800, 400] and first.size == (60, 80)
    assert len(empty) == 0 and empty.boxes.shape == (0, 4)
    np.testing.assert_allclose(floats.boxes * [80, 60, 80, 60], [(1.5, 2.5, 40.5, 50.5)], rtol=1e-6)
    assert (first.boxes.dtype, first.classes.dtype, first.ignored.dtype) == (np.float32, np.int32, bool)


def test_a_test_split_has_the_numbers_of_the_training_classes(folder):
    pictures = listed(folder, "test")
    assert pictures.class_names == ("bird", "cat", "dog")
    assert [objects.classes.tolist() for objects in pictures.labels] == [[2], [1]]
    again = listed(folder, "test", class_names=["dog", "cat", "bird"], num_classes=3)
    assert [objects.classes.tolist() for objects in again.labels] == [[0], [1]]


def test_a_box_that_lies_partly_outside_is_clipped(folder):
    _, found = listed(folder, "test").labels
    np.testing.assert_allclose(found.boxes, [(69 / 80, 49 / 60, 1, 1)], rtol=1e-6)
    np.testing.assert_allclose(found.areas, [11 * 11], rtol=1e-5)


def test_a_list_of_classes_comes_before_what_is_found(folder):
    (folder / "classes.txt").write_text("dog\ncat\n\nbird\nfish\n", encoding="utf-8")
    assert listed(folder).class_names == ("dog", "cat", "bird", "fish")
    (folder / "classes.txt").write_text("dog\ncat\n", encoding="utf-8")
    message = refusal(folder)
    assert f"{folder}/Annotations/d.xml: object 1 (bird): none of the 2 classes (dog; cat)" in message
    assert "classes.txt" in message
    (folder / "classes.txt").write_text("dog\ndog\n", encoding="utf-8")
    assert "one twice" in refusal(folder)


def test_years_are_joined_and_named_by_image_sets(tmp_path):
    for year, names in (("VOC2007", "ab"), ("VOC2012", "cd")):
        sets = {"trainval": names, "train": names[0], "val": names[1], "dog_trainval": [f"{name}  1" for name in names]}
        sets |= {"test": ["t"]} if year == "VOC2007" else {}
        objects = {name: [("dog", 1, 1, 9, 9)] for name in (*names, "t")}
        fill_voc(tmp_path / year, objects, sets)
    stems = lambda pictures: ["/".join(path.split("/")[-3::2]) for path in pictures.paths]  # noqa: E731
    everything = ["VOC2007/a.jpg", "VOC2007/b.jpg", "VOC2012/c.jpg", "VOC2012/d.jpg"]
    assert stems(listed(tmp_path)) == everything and stems(listed(tmp_path, "test")) == ["VOC2007/t.jpg"]
    assert listed(tmp_path).class_names == VOC_CLASSES and len(VOC_CLASSES) == 20
    assert listed(tmp_path).labels[0].classes.tolist() == [11]
    assert stems(listed(tmp_path, train_sets=["VOC2012/trainval"])) == everything[2:]
    assert stems(listed(tmp_path, train_sets=["VOC2007/train", "VOC2012/val"])) == [everything[0], everything[3]]
    assert stems(listed(tmp_path, train_sets=["trainval", "VOC2007/train"])) == everything, "none twice"
    assert stems(listed(tmp_path, train_sets=["dog_trainval"])) == everything
    assert stems(listed(tmp_path / "VOC2012", train_sets=["VOC2012/val"])) == everything[3:]
    (tmp_path / "above").mkdir()
    shutil.move(tmp_path / "VOC2007", tmp_path / "above" / "VOCdevkit" / "VOC2007")
    assert stems(listed(tmp_path / "above")) == everything[:2]


def test_a_folder_without_image_sets_is_split_by_a_hash(tmp_path):
    fill_voc(tmp_path, {f"p{number}": [("dog", 1, 1, 9, 9)] for number in range(40)}, {})
    train, test = (set(listed(tmp_path, split, test_share=0.25).paths) for split in ("train", "test"))
    assert len(train | test) == 40 and not train & test and 4 <= len(test) <= 16
    other = set(listed(tmp_path, "test", test_share=0.25, split_seed=2).paths)
    assert other != test


def test_pictures_of_other_kinds_and_names_with_suffix_are_found(tmp_path):
    fill_voc(tmp_path, {"a": [("dog", 1, 1, 9, 9)], "my b": [("dog", 1, 1, 9, 9)]}, {"train": ["a.jpg", "my b"]})
    (tmp_path / "JPEGImages" / "a.jpg").unlink()
    save(tmp_path / "JPEGImages" / "a.png", picture(1)).rename(tmp_path / "JPEGImages" / "a.PNG")
    assert [path[-8:] for path in listed(tmp_path).paths] == ["es/a.PNG", "my b.jpg"]


def test_a_size_that_the_annotation_does_not_say_is_the_pictures(folder):
    for size in ("", "<size><width>0</width><height>0</height></size>"):
        xml = annotation([("dog", 1, 1, 40, 30)]).replace(
            "<size><width>80</width><height>60</height><depth>3</depth></size>", size
        )
        write(folder, "a", xml)
        objects = listed(folder).labels[0]
        assert objects.size == (60, 80)
        np.testing.assert_allclose(objects.boxes, [(0, 0, 0.5, 0.5)])


def test_test_pictures_that_are_trained_on_are_told(folder, capsys):
    listed(folder, "test")
    assert capsys.readouterr().err == ""
    listed(folder, "test", test_sets=["train"])
    assert "4 of 4 test pictures are in the training sets, too" in capsys.readouterr().err


# --- what is wrong

OBJECT = {
    "unknown to the network": (("wolf", 1, 1, 9, 9), "(wolf): none of the 3 classes (bird; cat; dog)"),
    "width negative": (("dog", 30, 10, 20, 40), "(dog) has a box without area"),
    "height zero": (("dog", 30, 10, 40, 10), "(dog) has a box without area"),
    "a point": (("dog", 30, 10, 30, 10), "(dog) has a box without area"),
    "right of the picture": (("dog", 81, 10, 99, 40), "(dog) has a box outside the picture of 80 x 60 pixels"),
    "above the picture": (("dog", 1, -40, 9, 0), "(dog) has a box outside the picture"),
}


@pytest.mark.parametrize("what", OBJECT)
def test_an_object_that_cannot_be_used_is_named_with_its_file(folder, what, capsys):
    bad, reason = OBJECT[what]
    write(folder, "b", annotation([("cat", 5, 5, 20, 20), bad]))
    known = {"class_names": ["bird", "cat", "dog"]}
    message = refusal(folder, **known)
    assert f"{folder}/Annotations/b.xml: object 2 {reason}" in message
    if "wolf" in reason:
        assert refusal(folder, **known, skip_corrupt=True) == message
        return
    assert "1 of 5 train objects cannot be used" in message and "--skip_corrupt=true" in message
    capsys.readouterr()
    found = listed(folder, **known, skip_corrupt=True).labels[1]
    assert found.classes.tolist() == [1]
    said = capsys.readouterr().err
    assert "1 of 5 train objects cannot be used and are left out" in said and "b.xml: object 2" in said


PICTURE = {
    "not closed": ("<annotation><object>", "malformed XML (line 1: no element found)"),
    "no XML": ("dog 1 2 3 4", "malformed XML"),
    "empty": ("", "malformed XML"),
    "in no encoding": (b"<?xml version='1.0' encoding='klingon'?><annotation/>", "malformed XML"),
    "broken text": (b"<annotation>\xff\xfe\xff</annotation>", "malformed XML"),
    "a word for a number": (annotation([("dog", "one", 1, 9, 9)]), "object 1 (dog): xmin is 'one', not a number"),
    "no box": ("<annotation><object><name>dog</name></object></annotation>", "object 1 (dog): xmin is 'None', not a"),
    "infinite": (annotation([("dog", 1, 1, "inf", 9)]), "object 1 (dog): xmax is inf, no number of pixels"),
    "not a number": (annotation([("dog", 1, "nan", 9, 9)]), "object 1 (dog): ymin is nan, no number of pixels"),
    "a side of a million": (annotation([], width=10**7), "size is 10000000.0, no number of pixels"),
    "entities": (
        "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><annotation>&b;</annotation>",
        "has a document type",
    ),
    "entities in UTF-16": (
        "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a [<!ENTITY a 'b'>]><annotation>&a;</annotation>".encode(
            "utf-16"
        ),
        "has a document type",
    ),
    "a file of another": (
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><annotation><object><name>&x;</name></object></annotation>",
        "has a document type",
    ),
    "too deep": ("<a>" * 100_000 + "</a>" * 100_000, "more than 100 levels deep"),
}


@pytest.mark.parametrize("what", PICTURE)
def test_a_malformed_annotation_is_named(folder, what, capsys):
    text, reason = PICTURE[what]
    write(folder, "b", text)
    message = refusal(folder)
    assert "1 of 4 train pictures cannot be used" in message
    assert f"{folder}/Annotations/b.xml" in message and reason in message
    assert len(listed(folder, skip_corrupt=True).paths) == 3
    assert "1 of 4 train pictures cannot be used and are left out" in capsys.readouterr().err


def test_an_annotation_of_absurd_size_is_not_read(folder, monkeypatch):
    monkeypatch.setattr("adabin.data.xml_file.LARGEST", 1000)
    write(folder, "b", annotation([("cat", 5, 5, 20, 20)]) + " " * 1000)
    assert "b.xml: larger than" in refusal(folder)
    with pytest.raises(UserError, match="cannot be read"):
        read_xml(folder / "Annotations")


def test_a_missing_picture_or_annotation_is_named(folder):
    (folder / "JPEGImages" / "b.jpg").unlink()
    (folder / "Annotations" / "d.xml").unlink()
    message = refusal(folder)
    assert "2 of 4 train pictures cannot be used" in message
    assert f"{folder}/JPEGImages/b.jpg: no such picture" in message
    assert f"{folder}/Annotations/d.xml: cannot be read (No such file or directory)" in message
    assert len(listed(folder, skip_corrupt=True).paths) == 2


def test_a_damaged_picture_and_one_of_another_shape_are_named(folder):
    path = folder / "JPEGImages" / "b.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    save(folder / "JPEGImages" / "d.jpg", picture(3, 80, 60))
    message = refusal(folder)
    assert "2 of 4 train pictures cannot be used" in message and f"{path} is truncated" in message
    assert (
        f"{folder}/JPEGImages/d.jpg has 60 x 80 pixels, its annotation says 80 x 60 (turned by its camera?)" in message
    )
    dataset = build_dataset(config_for(folder, "voc", check_pictures=False, augment=False), "train")
    with pytest.raises(UserError, match="d.jpg has 60 x 80 pixels, its annotation says 80 x 60"):
        dataset.load(np.array([3]), slice(0, 1), None)


def test_missing_folders_and_image_sets_are_named(folder, tmp_path):
    assert "--data_path is empty" in refusal("")
    assert "no such folder" in refusal(tmp_path / "nowhere")
    assert "no folder Annotations" in refusal(folder / "JPEGImages")
    assert "train_sets: no image set trainval in ImageSets/Main; there are own/train; own/val" in refusal(
        folder, train_sets=["trainval"]
    )
    assert "no folder VOC2007 with annotations; there are own" in refusal(folder, train_sets=["VOC2007/train"])
    (folder / "ImageSets" / "Main" / "train.txt").write_text("\n\n")
    assert "train.txt: the image set is empty" in refusal(folder)
    (folder / "ImageSets" / "Main" / "train.txt").write_bytes(b"\xff\xfe\xfa")
    assert "train.txt: cannot be read as text" in refusal(folder)


def test_a_number_of_classes_or_a_task_that_contradicts_is_refused(folder):
    assert "num_classes=20 contradicts voc, which has 3 classes" in refusal(folder, num_classes=20)
    assert "task=classification: voc has objects" in refusal(folder, task="classification")
    assert "task=detection: shapes has no boxes; use one of scenes, voc, coco" in refusal(folder, dataset="shapes")
    assert "train_size=3: has no effect on voc" in refusal(folder, train_size=3)


# --- the real ones


def test_the_real_pictures_are_read(test_data):
    train, test = (listed(test_data / "VOCdevkit", split) for split in ("train", "test"))
    assert (len(train.paths), len(test.paths)) == (600, 300) and train.class_names == test.class_names == VOC_CLASSES
    first = train.labels[0]  # 000005: five chairs, two of them difficult
    assert first.classes.tolist() == [8] * 5 and first.ignored.tolist() == [False, False, True, False, True]
    np.testing.assert_allclose(first.boxes[0] * [500, 375, 500, 375], (262, 210, 324, 339), rtol=1e-5)
    assert sum(objects.ignored.sum() for objects in test.labels) > 50
    for objects in (*train.labels, *test.labels):
        assert len(objects) and (objects.boxes >= 0).all() and (objects.boxes <= 1).all()
        assert (objects.boxes[:, 2:] > objects.boxes[:, :2]).all()


def test_all_real_pictures_have_the_shape_that_their_annotations_say(test_data):
    dataset = build_dataset(config_for(test_data / "VOCdevkit" / "VOC2007", "voc", test_sets=["trainval_full"]), "test")
    assert dataset.num_images == 5008 and dataset.num_classes == 20
