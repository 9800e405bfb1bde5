# SPDX-License-Identifier: Apache-2.0
"""A file of COCO's object annotations: fields in any spelling, and what is refused."""

from functools import partial

import numpy as np
import pytest

from tests import annotated
from tests.annotated import changed, own_coco


@pytest.fixture
def folder(tmp_path):
    """Own classes; four training and two test pictures."""
    return own_coco(tmp_path)


listed, refusal = partial(annotated.listed, dataset="coco"), partial(annotated.refusal, dataset="coco")


def test_a_size_that_the_file_does_not_say_is_the_pictures(folder):
    changed(folder, lambda content: content["images"][0].pop("height"))
    objects = listed(folder).labels[0]
    assert objects.size == (60, 80)
    np.testing.assert_allclose(objects.boxes[0], (0, 0, 1, 1))


def test_a_picture_of_another_shape_than_the_file_says_is_refused_if_that_is_in_floats_too(folder):
    changed(folder, lambda content: content["images"][0].update(height=80.0, width=60.0))
    assert f"{folder}/train/a.jpg has 80 x 60 pixels, its annotation says 60 x 80" in refusal(folder)


@pytest.mark.parametrize("value", [0, 1, False, True, "0", "1", "False", "true", 0.0, 1.0, None])
def test_words_for_crowds(folder, value):
    changed(folder, lambda content: content["annotations"][0].update(iscrowd=value))
    assert listed(folder).labels[0].ignored.tolist() == [value in (1, "1", "true"), True]


def test_objects_need_no_ids(folder):
    changed(folder, lambda content: [entry.pop("id") for entry in content["annotations"]])
    assert sum(map(len, listed(folder).labels)) == 4


# --- what is wrong


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
    "an object's id twice": (
        lambda content: content["annotations"][2].update(id=1),
        "annotations: id 1 occurs twice; give each object an id of its own",
    ),
    "a picture twice": (
        lambda content: content["images"].append(content["images"][0] | {"id": 7, "file_name": "./a.jpg"}),
        "images: ids 100 and 7 have one file_name, ./a.jpg; give a picture one id",
    ),
    "a class of blanks": (
        lambda content: content["categories"][1].update(name=" "),
        "categories[1] (id 3) has no name",
    ),
    "a crowd, or not": (
        lambda content: content["annotations"][2].update(iscrowd="maybe"),
        "annotation 3 (cat): iscrowd is 'maybe', neither 0 nor 1",
    ),
    "a list of crowds": (
        lambda content: content["annotations"][2].update(iscrowd=[]),
        "annotation 3 (cat): iscrowd is '[]', neither 0 nor 1",
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
