# SPDX-License-Identifier: Apache-2.0
"""Detection data sets keep the promises of the others: an epoch follows from (seed, epoch) alone, with boxes."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.data.crops import resize_side
from adabin.data.decode import read_picture
from adabin.data.detection_crops import look, whole
from adabin.data.detection_dataset import augmented
from adabin.data.image_dataset import EpochBatches
from adabin.data.scenes import Scenes
from adabin.data.transforms import draw_order, normalize, picture_generator
from adabin.utils.errors import UserError
from tests.annotated import config_for, fill_voc
from tests.programs import ROOT, environment

MOST = 256


class Padded:
    """Stands in for the task: boxes, classes and what is ignored, padded to one number, and how many there are."""

    @staticmethod
    def columns(train):
        return ("boxes", "classes", "ignored", "count")

    @staticmethod
    def targets(annotations, train):
        boxes = np.zeros((len(annotations), MOST, 4), np.float32)
        classes, ignored = np.full((len(annotations), MOST), -1, np.int32), np.zeros((len(annotations), MOST), bool)
        for row, objects in enumerate(annotations):
            count = len(objects)
            boxes[row, :count], classes[row, :count] = objects.boxes, objects.classes
            ignored[row, :count] = objects.ignored
        return boxes, classes, ignored, np.array([len(objects) for objects in annotations], np.int32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Nine training and five test pictures: one without objects, one with ignored ones alone, one with 200."""
    rng = np.random.default_rng(1)
    crowd = [("cat", x, y, x + 3, y + 3) for x, y in rng.integers(1, 55, (200, 2))]
    pictures = {f"t{number}": [("dog", 1 + number, 2, 40, 50), ("cat", 30, 20, 60 + number, 55)] for number in range(6)}
    pictures |= {"none": [], "difficult": [("dog", 5, 5, 60, 50, 1)], "many": crowd}
    tests = {f"v{number}": [("cat", 3, 3, 30 + number, 30), ("dog", 20, 10, 70, 50, 1)] for number in range(5)}
    return fill_voc(tmp_path_factory.mktemp("own"), pictures | tests, {"train": pictures, "val": tests})


def built(folder, split, dataset="voc", **changes):
    where = folder if dataset == "voc" else ""
    return build_dataset(config_for(where, dataset, **changes), split, Padded())


def rows(dataset, epoch=0):
    return list(dataset.batches(epoch).create_tuple_iterator(num_epochs=1, output_numpy=True))


def digest(batches):
    return [hashlib.md5(b"".join(np.ascontiguousarray(part).tobytes() for part in row)).hexdigest() for row in batches]


# --- what is delivered


def test_a_test_split_is_complete_in_order_and_shows_whole_pictures(folder):
    dataset = built(folder, "test")
    batches = rows(dataset)
    assert [len(row[0]) for row in batches] == [2, 2, 1] and dataset.steps_per_epoch == 3
    images, boxes, classes, ignored, counts = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    pixels = [look(read_picture(path), whole(60, 80), 64) for path in dataset.images.paths]
    np.testing.assert_array_equal(images, normalize(np.stack(pixels), *dataset.normalization))
    assert counts.tolist() == [2] * 5 and classes[:, :2].tolist() == [[0, 1]] * 5
    assert ignored[:, :2].tolist() == [[False, True]] * 5, "ignored objects stay, flagged"
    np.testing.assert_allclose(boxes[4, 0], (2 / 80, 2 / 60, 34 / 80, 30 / 60), rtol=1e-6)


def test_a_training_split_is_made_of_augmented_pictures_without_ignored_objects(folder):
    dataset = built(folder, "train")
    order = draw_order(7, 3, 9)[:8]
    images, boxes, classes, ignored, counts = (np.concatenate(parts) for parts in zip(*rows(dataset, 3), strict=True))
    original = built(folder, "test", test_sets=["train"]).labels
    assert [len(objects) for objects in original] == [2] * 6 + [0, 1, 200]
    assert [len(objects) for objects in dataset.labels] == [2] * 6 + [0, 0, 200]
    for place, index in enumerate(order):
        objects = original[index].only(~original[index].ignored)
        pixels, found = augmented(
            read_picture(dataset.images.paths[index]), objects, picture_generator(7, 3, index), 64, (124, 116, 104)
        )
        np.testing.assert_array_equal(images[place], normalize(pixels[None], *dataset.normalization)[0])
        assert counts[place] == len(found) and not ignored[place].any()
        np.testing.assert_array_equal(boxes[place, : len(found)], found.boxes)
        np.testing.assert_array_equal(classes[place, : len(found)], found.classes)


def test_without_augmentation_training_pictures_look_as_in_tests_and_none_of_200_objects_is_lost(folder):
    dataset = built(folder, "train", augment=False, batch_size=9)
    ((images, boxes, classes, _, counts),) = rows(dataset, 3)
    order = draw_order(7, 3, 9).tolist()
    assert sorted(counts) == [0, 0, 2, 2, 2, 2, 2, 2, 200]
    place = order.index(8)
    np.testing.assert_array_equal(boxes[place, :200], dataset.labels[8].boxes)
    pixels = look(read_picture(dataset.images.paths[8]), whole(60, 80), 64)
    np.testing.assert_array_equal(images[place], normalize(pixels[None], *dataset.normalization)[0])


def test_load_gives_bytes_and_objects(folder):
    dataset = built(folder, "train")
    images, annotations = dataset.load(np.array([8, 6]), slice(0, 2), dataset.draw_choices(1))
    assert images.dtype == np.uint8 and images.shape == (2, 64, 64, 3)
    assert isinstance(annotations, list) and len(annotations) == 2 and len(annotations[1]) == 0
    assert annotations[0].size == (60, 80) and annotations[0].boxes.dtype == np.float32


# --- promises


@pytest.mark.parametrize("name", ["voc", "scenes"])
def test_an_epoch_follows_from_seed_and_epoch_alone(folder, name):
    more = {"train_size": 9} if name == "scenes" else {}
    fresh = digest(rows(built(folder, "train", name, **more), 3))
    used = built(folder, "train", name, num_workers=2, **more)
    for epoch in (0, 5):
        rows(used, epoch)
    half = used.batches(3).create_tuple_iterator(num_epochs=1, output_numpy=True)
    next(half)
    np.random.random(17)
    assert digest(rows(used, 3)) == fresh
    assert digest(rows(used, 2)) != fresh
    assert digest(rows(built(folder, "train", name, seed=8, **more), 3)) != fresh


def test_an_epoch_is_the_same_in_another_process_and_for_any_worker_count(folder):
    script = (
        "import sys\nimport src\nfrom tests.test_detection_dataset import built, digest, rows\n"
        "for name, size in (('voc', 0), ('scenes', 9)):\n"
        "    print(*digest(rows(built(sys.argv[1], 'train', name, train_size=size, num_workers=2), 4)))"
    )
    command = [sys.executable, "-c", script, str(folder)]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    here = [
        digest(rows(built(folder, "train", name, train_size=size), 4)) for name, size in (("voc", 0), ("scenes", 9))
    ]
    assert [line.split() for line in ended.stdout.splitlines()] == here


def test_processes_share_every_batch_of_a_training_and_all_pictures_of_a_test(folder):
    whole_batches = list(EpochBatches(built(folder, "train", batch_size=4), 2))
    parts = [list(EpochBatches(built(folder, "train", batch_size=4).part_of(rank, 2), 2)) for rank in range(2)]
    for batch, *shares in zip(whole_batches, *parts, strict=True):
        for column, *pieces in zip(batch, *shares, strict=True):
            np.testing.assert_array_equal(column, np.concatenate(pieces))
    tested = [batch for rank in range(2) for batch in EpochBatches(built(folder, "test").part_of(rank, 2), 0)]
    expected = list(EpochBatches(built(folder, "test"), 0))
    for column, other in zip(zip(*tested, strict=True), zip(*expected, strict=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(column), np.concatenate(other))


def test_an_epoch_may_begin_at_any_batch(folder):
    """What resumption in the middle of an epoch needs: batch k does not depend on those before it."""
    everything = EpochBatches(built(folder, "train"), 5)
    last = EpochBatches(built(folder, "train"), 5)[3]
    for part, other in zip(everything[3], last, strict=True):
        np.testing.assert_array_equal(part, other)


def test_a_picture_that_turns_out_damaged_on_the_way_ends_the_epoch_in_one_line(folder, tmp_path):
    objects = {name: [("dog", 1, 1, 40, 40), ("cat", 5, 5, 50, 50)] for name in "abcd"}
    root = fill_voc(tmp_path / "bad", objects, {"train": "abcd", "val": "abcd"})
    path = root / "JPEGImages" / "c.jpg"
    path.write_bytes(path.read_bytes()[:-60])
    for split in ("train", "test"):
        for workers in (1, 2):
            dataset = built(root, split, check_pictures=False, num_workers=workers)
            with pytest.raises(UserError, match="c.jpg is truncated; .*--skip_corrupt=true"):
                rows(dataset, 1)


def test_a_large_photograph_is_read_with_the_detail_that_its_smallest_crop_needs(folder):
    assert built(folder, "train").detail == int(64 / 0.3) and built(folder, "test").detail == 64
    assert built(folder, "train", augment=False).detail == 64


def test_tests_see_whole_pictures_so_the_side_before_the_crop_is_the_networks(folder):
    assert resize_side(config_for(folder, "voc")) == resize_side(config_for(folder, "coco")) == 64


# --- scenes


def test_scenes_are_drawn_in_the_size_of_the_network_and_as_many_as_are_asked_for():
    train, test = built("", "train", "scenes", image_size=96), built("", "test", "scenes", image_size=96, test_size=5)
    assert (train.num_images, test.num_images, train.num_classes) == (6000, 5, 10)
    images, annotations = test.load(np.arange(5), slice(0, 5), None)
    expected = Scenes("test", 5, 0, 96)
    for index in range(5):
        np.testing.assert_array_equal(images[index], expected.picture(index))
        np.testing.assert_array_equal(annotations[index].boxes, expected[index].boxes)
    again, _ = built("", "test", "scenes", image_size=96, seed=99).load(np.arange(5), slice(0, 5), None)
    np.testing.assert_array_equal(images, again, "the pictures do not change with the seed of a run")
    with pytest.raises(UserError, match="num_classes=20 contradicts scenes"):
        built("", "test", "scenes", num_classes=20)
    with pytest.raises(UserError, match="task=classification: scenes has objects"):
        built("", "test", "scenes", task="classification")
