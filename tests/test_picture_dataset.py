# SPDX-License-Identifier: Apache-2.0
"""Pictures from files through the data engine: what an epoch delivers, and that it follows from (seed, epoch) alone."""

import hashlib
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.data.crops import center_box, cut, prepare, random_box
from adabin.data.decode import read_picture
from adabin.data.image_dataset import EpochBatches
from adabin.data.transforms import draw_order, normalize, picture_generator
from adabin.utils.errors import UserError
from tests.pictures import config_for, draw, fill, save
from tests.programs import ROOT, call, environment, refusal_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Nine training and six test pictures, sizes differing."""
    root = tmp_path_factory.mktemp("pictures")
    fill(root / "train", 3)
    save(root / "train" / "red" / "wide.png", draw((200, 0, 0), 5, 20, 90))
    fill(root / "val", 2, height=64, width=30)
    return root


def rows(dataset, epoch=0):
    batches = dataset.batches(epoch)
    return list(batches.create_tuple_iterator(num_epochs=1, output_numpy=True))


def digest(batches):
    return [hashlib.md5(images.tobytes() + labels.tobytes()).hexdigest() for images, labels in batches]


def test_a_test_split_is_complete_and_in_order(folder):
    config = config_for(folder)
    dataset = build_dataset(config, "test")
    batches = rows(dataset)
    assert [images.shape for images, _ in batches] == [(5, 3, 16, 16), (1, 3, 16, 16)]
    assert dataset.batches().get_dataset_size() == dataset.steps_per_epoch == 2
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    np.testing.assert_array_equal(labels, [0, 0, 1, 1, 2, 2])
    expected = np.stack([prepare(read_picture(path), config) for path in dataset.images])
    np.testing.assert_array_equal(images, normalize(expected, config.mean, config.std))


def test_a_training_split_is_made_of_the_drawn_boxes(folder):
    config = config_for(folder, crop_scale=0.3)
    dataset = build_dataset(config, "train")
    order = draw_order(7, 3, 10)[:8]
    expected = []
    for index in order:
        picture = read_picture(dataset.images[index])
        box = random_box(picture_generator(7, 3, index), *picture.shape[:2], 0.3)
        expected.append(cut(picture, box, 16))
    images, labels = (np.concatenate(parts) for parts in zip(*rows(dataset, 3), strict=True))
    np.testing.assert_array_equal(images, normalize(np.stack(expected), config.mean, config.std))
    np.testing.assert_array_equal(labels, dataset.labels[order])


def test_without_augmentation_training_pictures_look_as_in_tests(folder):
    config = config_for(folder, augment=False)
    dataset = build_dataset(config, "train")
    images = np.concatenate([images for images, _ in rows(dataset, 3)])
    expected = [prepare(read_picture(dataset.images[index], 18), config) for index in draw_order(7, 3, 10)[:8]]
    np.testing.assert_array_equal(images, normalize(np.stack(expected), config.mean, config.std))


def test_an_epoch_follows_from_seed_and_epoch_alone(folder):
    fresh = digest(rows(build_dataset(config_for(folder), "train"), 3))
    used = build_dataset(config_for(folder, num_workers=2), "train")
    for epoch in (0, 5):
        rows(used, epoch)
    half = used.batches(3).create_tuple_iterator(num_epochs=1, output_numpy=True)
    next(half)
    np.random.random(17)
    assert digest(rows(used, 3)) == fresh
    assert digest(rows(used, 2)) != fresh
    assert digest(rows(build_dataset(config_for(folder, seed=8), "train"), 3)) != fresh


@pytest.mark.parametrize("workers", [1, 2])
def test_an_epoch_is_the_same_in_another_process_and_for_any_worker_count(folder, workers):
    script = (
        "import sys\nimport src\nfrom adabin.data import build_dataset\nfrom tests.pictures import config_for\n"
        "from tests.test_picture_dataset import digest, rows\n"
        f"print(*digest(rows(build_dataset(config_for(sys.argv[1], num_workers={workers}), 'train'), 4)))"
    )
    command = [sys.executable, "-c", script, str(folder)]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    assert ended.stdout.split() == digest(rows(build_dataset(config_for(folder), "train"), 4))


def test_random_boxes_are_fair_and_lie_within_the_picture():
    rng, height, width = np.random.default_rng(1), 300, 400
    boxes = [random_box(rng, height, width, 0.08) for _ in range(5000)]
    areas = np.array([box.height * box.width / (height * width) for box in boxes])
    assert 0.079 < areas.min() < 0.1 and 0.9 < areas.max() <= 1 and 0.4 < areas.mean() < 0.55
    ratios = np.array([box.width / box.height for box in boxes])
    assert 0.74 < ratios.min() < 0.76 and 1.32 < ratios.max() < 1.35 and abs(np.log(ratios).mean()) < 0.03
    assert abs(np.mean([box.flip for box in boxes]) - 0.5) < 0.03
    assert all(0 <= box.top <= height - box.height and 0 <= box.left <= width - box.width for box in boxes)
    small = [box for box in boxes if box.height * box.width < 0.2 * height * width]
    assert abs(np.mean([box.top / (height - box.height) for box in small]) - 0.5) < 0.05


@pytest.mark.parametrize("height, width", [(1, 1), (1, 500), (500, 1), (3, 7), (10, 1000)])
def test_pictures_of_any_shape_give_boxes_within_them(height, width):
    for number in range(50):
        for box in (random_box(picture_generator(1, 2, number), height, width, 0.5), center_box(height, width, 0.875)):
            assert 0 <= box.top and box.height >= 1 and box.top + box.height <= height
            assert 0 <= box.left and box.width >= 1 and box.left + box.width <= width
            assert cut(np.zeros((height, width, 3), np.uint8), box, 8).shape == (8, 8, 3)


def test_tests_see_the_middle_as_after_resize_and_center_crop(folder):
    picture = cv2.resize(draw((30, 200, 90), 4), (640, 512), interpolation=cv2.INTER_CUBIC)
    config = config_for(folder, image_size=224)
    resized = cv2.resize(picture, (320, 256), interpolation=cv2.INTER_AREA)
    expected = resized[16:240, 48:272]
    assert np.abs(prepare(picture, config).astype(int) - expected).mean() < 1
    exact = config_for(folder, image_size=40, resize_shorter_side=40)
    np.testing.assert_array_equal(prepare(draw((9, 9, 9), 1), exact), draw((9, 9, 9), 1)[:, 5:45])
    with pytest.raises(UserError, match="resize_shorter_side=30 is below image_size=40"):
        build_dataset(config_for(folder, image_size=40, resize_shorter_side=30), "test")


# --- files that cannot be read


@pytest.fixture
def damaged(folder, tmp_path):
    """The folder with two damaged training pictures and one damaged test picture."""
    root = shutil.copytree(folder, tmp_path / "damaged")
    for name in ("train/blue/blue_1.jpg", "val/red/red_0.jpg"):
        (root / name).write_bytes((root / name).read_bytes()[:-50])
    (root / "train" / "red" / "wide.png").write_bytes(b"<html>")
    return root


def test_damaged_pictures_are_named_and_counted_before_the_work_begins(damaged):
    with pytest.raises(UserError) as caught:
        build_dataset(config_for(damaged), "train")
    message = str(caught.value)
    assert "2 of 10 train pictures cannot be used" in message and "--skip_corrupt=true" in message
    assert f"{damaged}/train/blue/blue_1.jpg is truncated; {damaged}/train/red/wide.png is damaged" in message


def test_damaged_pictures_are_left_out_only_if_asked_for(damaged, capsys):
    dataset = build_dataset(config_for(damaged, skip_corrupt=True, check_pictures=False), "train")
    said = capsys.readouterr().err
    assert "2 of 10 train pictures cannot be used and are left out" in said and "blue_1.jpg" in said
    np.testing.assert_array_equal(dataset.labels, [0, 0, 1, 1, 1, 2, 2, 2])
    assert len(rows(dataset)) == 2
    np.testing.assert_array_equal(build_dataset(config_for(damaged, skip_corrupt=True), "test").labels, [0, 0, 1, 1, 2])


def test_a_picture_that_turns_out_damaged_on_the_way_ends_the_epoch_in_one_line(damaged):
    for workers in (1, 2):
        dataset = build_dataset(config_for(damaged, check_pictures=False, num_workers=workers), "train")
        with pytest.raises(UserError, match="(blue_1.jpg is truncated|wide.png is damaged).*--skip_corrupt=true"):
            for epoch in range(3):
                rows(dataset, epoch)
    with pytest.raises(UserError, match="red_0.jpg is truncated"):
        list(EpochBatches(build_dataset(config_for(damaged, check_pictures=False), "test"), 0))


def test_a_training_on_damaged_pictures_ends_in_one_line(damaged, tmp_path):
    flags = ("--config_path", ROOT / "config" / "resnet20_pictures.yaml", "--network=resnet8", "--image_size=16")
    flags += ("--data_path", damaged, "--batch_size=4", "--epochs=3", "--output_path", tmp_path / "out")
    line = refusal_of(call("train.py", *flags, "--check_pictures=false", cwd=tmp_path))
    assert "damaged/" in line and "--skip_corrupt=true" in line
