# SPDX-License-Identifier: Apache-2.0
"""PASCAL VOC, and annotations of folders in its layout, with every way in which these may be damaged."""

import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.data.voc import VOC_CLASSES
from adabin.data.xml_file import read_xml
from adabin.utils.errors import UserError
from tests.annotated import annotation, config_for, listed, own_voc, picture, refusal
from tests.pictures import save


@pytest.fixture
def folder(tmp_path):
    """Own classes; four training and two test pictures."""
    return own_voc(tmp_path / "own")


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


def test_a_size_that_the_annotation_does_not_say_is_the_pictures(folder):
    for size in ("", "<size><width>0</width><height>0</height></size>"):
        xml = annotation([("dog", 1, 1, 40, 30)]).replace(
            "<size><width>80</width><height>60</height><depth>3</depth></size>", size
        )
        write(folder, "a", xml)
        objects = listed(folder).labels[0]
        assert objects.size == (60, 80)
        np.testing.assert_allclose(objects.boxes, [(0, 0, 0.5, 0.5)])


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
        assert "these are the classes of the network (class_names)" in message
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
    "CVAT's own format": (
        "<annotations><image><box/></image></annotations>",
        "its root is <annotations>, not <annotation>",
    ),
    "a namespace": ("<annotation xmlns='voc'/>", "its root is <{voc}annotation>, not <annotation>"),
    "an object without a name": ("<annotation><object/></annotation>", "object 1 has no name; name its class"),
    "a name of blanks": (annotation([("cat", 5, 5, 20, 20), (" ", 1, 1, 9, 9)]), "object 2 has no name"),
    "difficult, or not": (
        annotation([("dog", 1, 1, 9, 9, "yes")]),
        "object 1 (dog): difficult is 'yes', neither 0 nor 1",
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


@pytest.mark.parametrize("word", ["0", "False", "false", " 0 ", "", "Unspecified"])
def test_words_for_not_difficult(folder, word):
    write(folder, "a", annotation([("dog", 1, 1, 80, 60, word), ("cat", 1, 1, 9, 9, "1"), ("cat", 1, 1, 9, 9, "True")]))
    assert listed(folder).labels[0].ignored.tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<annotation><object><name>dog</name></object></annotation>", "object 1 (dog): xmin is 'None', not a number"),
        ("<!DOCTYPE a []><annotation/>", "malformed XML (has a document type"),
    ],
)
def test_where_no_training_annotation_can_be_used_the_first_reason_is_told(folder, text, reason):
    for name in "abcd":
        write(folder, name, text)
    for skip in (False, True):
        message = refusal(folder, skip_corrupt=skip)
        assert f"{folder}/Annotations/a.xml: {reason}" in message and "and 3 more; correct that" in message
    for name in "abcd":
        write(folder, name, annotation([]))
    assert "no object in the training annotations; give" in refusal(folder)


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
