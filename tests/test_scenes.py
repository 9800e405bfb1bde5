# SPDX-License-Identifier: Apache-2.0
"""The drawn scenes for detection are what their description says."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from adabin.data import scenes
from adabin.data.scenes import SCENES_CLASSES, Scenes
from adabin.utils.errors import UserError
from tests.programs import ROOT, environment

MEANS = [[45.2, 122.71, 67.48], [172.26, 127.37, 138.15], [93.76, 143.53, 127.29], [127.04, 122.2, 88.81]]
COUNTS = [6, 7, 4, 5, 2, 8, 1, 8, 1, 8, 2, 7]


@pytest.fixture(scope="module")
def annotations():
    many = Scenes("train", 2000)
    return list(many)


def shared(boxes):
    """Areas that boxes (n, 4) share with one another, (n, n)."""
    sides = np.minimum(boxes[:, None, 2:], boxes[:, 2:]) - np.maximum(boxes[:, None, :2], boxes[:, :2])
    return np.maximum(sides, 0).prod(2)


def test_a_scene_follows_from_seed_split_and_index_alone():
    some, other = Scenes("train", 50), Scenes("train", 10**9)
    np.testing.assert_array_equal(some.picture(37), other.picture(37))
    np.testing.assert_array_equal(some.picture(37), some.picture(37))
    np.testing.assert_array_equal(some[37].boxes, other[37].boxes)
    pictures = [some.picture(37), some.picture(38), Scenes("test").picture(37), Scenes("train", seed=1).picture(37)]
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert other.picture(10**9 - 1).shape == (300, 300, 3) and other.picture(0).dtype == np.uint8


def test_another_process_draws_the_same():
    script = (
        "import src, hashlib; from adabin.data.scenes import Scenes; "
        "print(hashlib.md5(b''.join(Scenes('test').picture(k).tobytes() for k in range(20))).hexdigest())"
    )
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    drawn = b"".join(Scenes("test").picture(index).tobytes() for index in range(20))
    assert ended.stdout.strip() == hashlib.md5(drawn).hexdigest()


def test_the_scenes_are_those_that_networks_were_measured_on():
    """Means instead of bytes: other processors may round another way."""
    train = Scenes("train")
    means = [train.picture(index).mean((0, 1)) for index in range(4)]
    np.testing.assert_allclose(means, MEANS, atol=0.02)
    assert [len(train[index]) for index in range(12)] == COUNTS


def test_numbers_sizes_and_classes_are_distributed_as_described(annotations):
    counts = np.bincount([len(objects) for objects in annotations], minlength=9)
    np.testing.assert_allclose(counts, [0] + [250] * 8, atol=60)
    boxes = np.concatenate([objects.boxes for objects in annotations])
    sides = 300 * (boxes[:, 2:] - boxes[:, :2])
    sizes = sides.max(1)
    assert 15.99 < sizes.min() < 16.2 and 247 < sizes.max() < 250.01 and sides.min() > 5
    logarithms = (np.log(sizes) - np.log(16)) / np.log(250 / 16)
    np.testing.assert_allclose(np.histogram(logarithms, 10, (0, 1))[0] / len(sizes), 0.1, atol=0.012)
    labels = np.bincount(np.concatenate([objects.classes for objects in annotations]), minlength=10)
    np.testing.assert_allclose(labels / len(sizes), 0.1, atol=0.012)
    areas = np.concatenate([objects.areas for objects in annotations])
    np.testing.assert_allclose(areas, sides.prod(1), rtol=1e-3)


def test_a_third_of_the_objects_has_another_in_front(annotations):
    behind, hidden = [], []
    for objects in annotations:
        overlaps = np.triu(shared(objects.boxes), 1)  # with those that are drawn later
        behind += (overlaps > 0).any(1).tolist()
        hidden += (overlaps.max(1) / (objects.areas / 300**2)).tolist()
    assert abs(np.mean(behind) - 1 / 3) < 0.02
    assert 0.25 < np.mean(np.array(hidden) > 0.05) and np.mean(np.array(hidden) > 0.401) < 0.02


def test_boxes_lie_within_the_picture_and_nothing_is_ignored(annotations):
    for objects in annotations:
        assert (objects.boxes >= 0).all() and (objects.boxes <= 1).all()
        assert objects.boxes.dtype == np.float32 and objects.classes.dtype == np.int32
        assert not objects.ignored.any() and objects.size == (300, 300)
        assert objects.classes.min() >= 0 and objects.classes.max() < len(SCENES_CLASSES) == 10


@pytest.mark.parametrize("side", [300, 128])
def test_boxes_are_where_the_pixels_are(monkeypatch, side):
    """White shapes on plain black: their pixels' extent is the box of the only object."""
    monkeypatch.setattr(scenes, "background_color", lambda rng: np.zeros(3))
    monkeypatch.setattr(scenes, "shape_color", lambda rng, back: np.full(3, 255.0))
    monkeypatch.setattr(scenes, "any_color", lambda rng: np.zeros(3))
    plain = lambda rng, color, height, width, grain: np.full((height, width, 3), color, np.float32)  # noqa: E731
    monkeypatch.setattr(scenes, "textured", plain)
    train, tried = Scenes("train", side=side), 0
    for index in range(200):
        objects = train[index]
        if len(objects) == 1:
            rows, columns = np.nonzero(train.picture(index).min(2) > 100)
            found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(objects.boxes[0] * side, found, atol=1.5)
            tried += 1
    assert tried > 10


def test_other_sizes_show_the_same_scene():
    large, small = Scenes("test"), Scenes("test", side=96)
    for index in range(20):
        a, b = large[index], small[index]
        np.testing.assert_array_equal(a.boxes, b.boxes)
        np.testing.assert_allclose(a.areas * (96 / 300) ** 2, b.areas, rtol=1e-4)
    assert small.picture(3).shape == (96, 96, 3) and b.size == (96, 96)


def test_drawing_does_not_disturb_numpys_global_generator():
    np.random.seed(5)
    expected = np.random.RandomState(5).random()
    Scenes("test").picture(3)
    assert np.random.random() == expected


@pytest.mark.parametrize("arguments", [("val",), ("train", -1), ("train", 5, -1)])
def test_impossible_requests_are_refused(arguments):
    with pytest.raises(UserError, match="scenes"):
        Scenes(*arguments)
