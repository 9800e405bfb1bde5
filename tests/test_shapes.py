# SPDX-License-Identifier: Apache-2.0
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from adabin.data.shapes import SHAPES_CLASSES, draw_picture, draw_shapes
from adabin.utils.errors import UserError


@pytest.fixture(scope="module")
def train():
    return draw_shapes("train")


@pytest.fixture(scope="module")
def test():
    return draw_shapes("test")


def test_splits_have_their_sizes_and_are_balanced(train, test):
    for (images, labels), size in ((train, 6000), (test, 1000)):
        assert images.shape == (size, 32, 32, 3) and images.dtype == np.uint8
        assert labels.dtype == np.int32 and np.bincount(labels).tolist() == [size // 10] * 10
    assert len(SHAPES_CLASSES) == len(set(SHAPES_CLASSES)) == 10


def test_a_picture_follows_from_seed_split_and_index_alone(train):
    images, labels = draw_shapes("train", 50)
    np.testing.assert_array_equal(images, train[0][:50])
    np.testing.assert_array_equal(labels, train[1][:50])
    name = SHAPES_CLASSES[labels[37]]
    np.testing.assert_array_equal(draw_picture(name, 0, "train", 37), images[37])
    assert (draw_picture(name, 1, "train", 37) != images[37]).any()
    assert (draw_picture(name, 0, "test", 37) != images[37]).any()


def test_another_process_draws_the_same(test):
    script = (
        "import src, hashlib; from adabin.data.shapes import draw_shapes; "
        "print(hashlib.md5(draw_shapes('test', 200)[0].tobytes()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert other.stdout.strip() == hashlib.md5(test[0][:200].tobytes()).hexdigest()


def test_the_pictures_are_those_that_networks_were_measured_on(train):
    """Means instead of bytes: other processors may round another way."""
    expected = [
        [49.0, 67.92, 48.21],
        [134.0, 122.63, 111.66],
        [118.91, 86.14, 77.53],
        [79.23, 76.89, 89.01],
        [89.86, 92.13, 97.51],
        [89.84, 110.54, 73.41],
        [83.93, 124.22, 93.36],
        [105.08, 142.23, 82.9],
    ]
    np.testing.assert_allclose(train[0][:8].mean((1, 2)), expected, atol=0.02)


def test_no_picture_occurs_twice(train, test):
    digests = {image.tobytes() for images in (train[0], test[0]) for image in images}
    assert len(digests) == 7000


def test_drawing_does_not_disturb_numpys_global_generator():
    np.random.seed(5)
    expected = np.random.RandomState(5).random()
    draw_shapes("test", 20)
    assert np.random.random() == expected


def test_a_linear_classifier_stays_below_half(train, test):
    """Ridge regression to one-hot targets on all pixels, the best of several strengths."""
    x, y = (
        np.hstack([images.reshape(len(images), -1) / 127.5 - 1, np.ones((len(images), 1))]).astype(np.float32)
        for images in (train[0], test[0])
    )
    gram, target = x.T @ x, x.T @ np.eye(10, dtype=np.float32)[train[1]]
    accuracies = []
    for strength in (300, 3000, 30000):
        weights = np.linalg.solve(gram + strength * np.eye(len(gram), dtype=np.float32), target)
        accuracies.append(((y @ weights).argmax(1) == test[1]).mean())
    assert 0.1 < max(accuracies) < 0.5, accuracies


def test_pictures_are_varied(test):
    images = test[0].astype(np.float32)
    assert images.mean(0).std((0, 1)).max() < 30, "the shape is always in the same place"
    assert images.mean((1, 2)).std(0).min() > 15, "all pictures have the same color"
    assert images[:, :6, :6].std((1, 2)).mean() > 5, "the background is flat"


def test_drawing_the_default_splits_takes_seconds():
    start = time.process_time()
    draw_shapes("test")
    assert time.process_time() - start < 3


@pytest.mark.parametrize("arguments", [("val",), ("train", -1), ("train", 5, -1)])
def test_impossible_requests_are_refused(arguments):
    with pytest.raises(UserError, match="shapes"):
        draw_shapes(*arguments)
