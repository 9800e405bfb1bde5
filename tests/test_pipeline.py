# SPDX-License-Identifier: Apache-2.0
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.data.cifar10 import load_cifar10
from adabin.data.image_dataset import ImageDataset
from adabin.data.registry import DATASETS
from adabin.data.transforms import draw_augmentation, draw_order, flip_and_crop, normalize
from adabin.utils.errors import UserError

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def make_config(**changes):
    config = {
        "dataset": "shapes",
        "data_path": "",
        "download": False,
        "batch_size": 32,
        "eval_batch_size": 48,
        "num_workers": 1,
        "seed": 7,
        "num_classes": 10,
        "mean": MEAN,
        "std": STD,
        "train_size": 200,
        "test_size": 100,
        "augment": True,
    }
    return SimpleNamespace(**{**config, **changes})


def rows(dataset, epoch=0):
    batches = dataset.batches(epoch)
    return list(batches.create_tuple_iterator(num_epochs=1, output_numpy=True))


def digest(batches):
    return [hashlib.md5(images.tobytes() + labels.tobytes()).hexdigest() for images, labels in batches]


def formula(images):
    """(x/255 - mean)/std in float32, as torch's ToTensor and Normalize compute it."""
    scaled = images.astype(np.float32) / np.float32(255)
    normal = (scaled - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return normal.transpose(0, 3, 1, 2)


def test_a_test_split_is_complete_in_order_and_only_normalized():
    dataset = build_dataset(make_config(), "test")
    batches = rows(dataset)
    assert [len(images) for images, _ in batches] == [48, 48, 4] and dataset.steps_per_epoch == 3
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert images.dtype == np.float32 and labels.dtype == np.int32 and images.shape == (100, 3, 32, 32)
    np.testing.assert_array_equal(labels, dataset.labels)
    np.testing.assert_allclose(images, formula(dataset.images), rtol=0, atol=1e-6)


def test_a_train_split_is_shuffled_and_without_its_incomplete_batch():
    dataset = build_dataset(make_config(augment=False), "train")
    batches = rows(dataset)
    assert dataset.steps_per_epoch == len(batches) == 6 and {len(images) for images, _ in batches} == {32}
    known = {image.tobytes(): place for place, image in enumerate(formula(dataset.images))}
    places = [known[image.tobytes()] for images, _ in batches for image in images]
    assert len(set(places)) == 192 and places != sorted(places)
    labels = np.concatenate([labels for _, labels in batches])
    np.testing.assert_array_equal(labels, dataset.labels[places])


def test_description_of_a_dataset():
    dataset = build_dataset(make_config(), "train")
    assert (dataset.num_images, dataset.num_classes, len(dataset.class_names)) == (200, 10, 10)
    assert dataset.normalization == (tuple(MEAN), tuple(STD))
    assert dataset.batches(0).get_dataset_size() == 6
    assert list(dataset.batches(0).get_col_names()) == ["image", "label"]


def test_an_epoch_does_not_depend_on_what_was_asked_before():
    config = make_config()
    fresh = digest(rows(build_dataset(config, "train"), 3))
    used = build_dataset(config, "train")
    other = build_dataset(make_config(seed=9), "train")
    for epoch in (0, 1, 2):
        rows(used, epoch)
    half = used.batches(3).create_tuple_iterator(num_epochs=1, output_numpy=True)
    next(half)
    np.random.random(17)
    alive = other.batches(3).create_tuple_iterator(num_epochs=1, output_numpy=True)
    next(alive)
    assert digest(rows(used, 3)) == fresh
    assert digest(rows(used, 3)) == fresh
    assert digest(rows(used, 2)) != fresh and digest(rows(other, 3)) != fresh


def test_an_epoch_does_not_depend_on_mindspores_seed():
    import mindspore.dataset as ds

    before = ds.config.get_seed()
    try:
        dataset, results = build_dataset(make_config(), "train"), []
        for seed in (1, 2):
            ds.config.set_seed(seed)
            results.append(digest(rows(dataset, 1)))
            assert ds.config.get_seed() == seed
    finally:
        ds.config.set_seed(before)
    assert results[0] == results[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_epoch_is_the_same_in_another_process_and_for_any_worker_count(workers):
    script = (
        "import sys; sys.path[:0] = ['.', 'src', 'tests']\n"
        "from test_pipeline import *\n"
        f"print(*digest(rows(build_dataset(make_config(num_workers={workers}), 'train'), 3)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert result.stdout.split() == digest(rows(build_dataset(make_config(num_workers=workers), "train"), 3))
    assert result.stdout.split() == digest(rows(build_dataset(make_config(num_workers=1), "train"), 3))


def test_more_workers_than_processors_are_allowed():
    dataset = build_dataset(make_config(num_workers=1000), "test")
    assert dataset.num_workers <= os.cpu_count() and len(rows(dataset)) == 3


def test_epochs_left_halfway_leave_no_threads():
    dataset = build_dataset(make_config(num_workers=2), "train")
    rows(dataset)
    before = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0
    for epoch in range(10):
        next(dataset.batches(epoch).create_tuple_iterator(num_epochs=1, output_numpy=True))
    deadline = time.monotonic() + 10
    while before and len(os.listdir("/proc/self/task")) > before + 8 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not before or len(os.listdir("/proc/self/task")) <= before + 8


def test_augmentation_flips_then_crops_with_zero_pixels_around():
    images = np.random.default_rng(0).integers(1, 256, (9, 32, 32, 3), dtype=np.uint8)
    flip = np.arange(9) % 2 == 1
    top, left = np.arange(9), np.arange(9)[::-1]
    result = flip_and_crop(images, flip, top, left)
    for k in range(9):
        mirrored = images[k, :, ::-1] if flip[k] else images[k]
        padded = np.pad(mirrored, ((4, 4), (4, 4), (0, 0)))
        np.testing.assert_array_equal(result[k], padded[top[k] : top[k] + 32, left[k] : left[k] + 32])
    zero = normalize(np.zeros((1, 2, 2, 3), np.uint8), MEAN, STD)
    np.testing.assert_allclose(zero[0, :, 0, 0], -np.array(MEAN) / STD, rtol=1e-6)


def test_augmented_batches_are_made_of_the_drawn_choices():
    dataset = build_dataset(make_config(), "train")
    choices, order = draw_augmentation(7, 5, 200), draw_order(7, 5, 200)
    images = flip_and_crop(dataset.images[order], choices.flip, choices.top, choices.left)
    got = np.concatenate([images for images, _ in rows(dataset, 5)])
    np.testing.assert_allclose(got, formula(images[:192]), rtol=0, atol=1e-6)


def test_chances_are_fair():
    draws = draw_augmentation(1, 1, 90_000)
    assert abs(draws.flip.mean() - 0.5) < 0.01
    for offsets in (draws.top, draws.left):
        assert offsets.min() == 0 and offsets.max() == 8
        np.testing.assert_allclose(np.bincount(offsets), 10_000, atol=500)
    assert abs(np.corrcoef(draws.top, draws.left)[0, 1]) < 0.02
    assert sorted(draw_order(1, 1, 100)) == list(range(100))
    assert (draw_order(1, 1, 100) != draw_order(1, 2, 100)).any()
    assert (draw_order(1, 1, 100) != draw_order(2, 1, 100)).any()


def test_normalization_equals_the_formula_for_every_byte():
    images = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 16, 16, 3)
    np.testing.assert_allclose(normalize(images, MEAN, STD), formula(images), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"dataset": "shaeps"}, "shapes"),
        ({"dataset": "mnist"}, "cifar10"),
        ({"num_classes": 100}, "num_classes=100.*10"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 500}, "batch_size=500"),
        ({"seed": -1}, "seed=-1"),
        ({"std": [1, 1, 0]}, "std"),
        ({"mean": [0.5]}, "mean"),
        ({"dataset": "cifar10"}, "--data_path"),
    ],
)
def test_contradictions_are_refused_in_one_line(changes, reason):
    with pytest.raises(UserError, match=reason) as refusal:
        build_dataset(make_config(**changes), "train")
    assert "\n" not in str(refusal.value)


def test_images_of_ones_own_must_have_the_size_that_the_config_says(monkeypatch):
    def small(config, split):
        return ImageDataset(
            np.zeros((8, 16, 16, 3), np.uint8),
            np.zeros(8, np.int32),
            ["a", "b"],
            train=False,
            batch_size=4,
            mean=MEAN,
            std=STD,
        )

    monkeypatch.setitem(DATASETS, "small", small)
    assert build_dataset(make_config(dataset="small", image_size=16), "test").num_images == 8
    with pytest.raises(
        UserError, match="image_size=32 contradicts small, whose images have 16 x 16 pixels; set image_size: 16"
    ):
        build_dataset(make_config(dataset="small", image_size=32), "test")


def test_an_unknown_split_is_refused():
    with pytest.raises(UserError, match="train, test"):
        build_dataset(make_config(), "val")


def test_cifar10_is_delivered_completely_for_evaluation(cifar10_dir):
    config = make_config(dataset="cifar10", data_path=str(cifar10_dir), eval_batch_size=300, test_size=0)
    dataset = build_dataset(config, "test")
    assert dataset.steps_per_epoch == 34
    images, labels = load_cifar10(cifar10_dir, "test")
    start = 0
    for got, got_labels in rows(dataset):
        part = slice(start, start + len(got))
        np.testing.assert_allclose(got, formula(images[part]), rtol=0, atol=1e-6)
        np.testing.assert_array_equal(got_labels, labels[part])
        start += len(got)
    assert start == 10_000


def test_the_authors_steps_per_epoch():
    blank = np.zeros((50_000, 1, 1, 3), np.uint8)
    dataset = ImageDataset(blank, np.zeros(50_000, np.int32), ["a"], train=True, batch_size=128, mean=MEAN, std=STD)
    assert dataset.steps_per_epoch == 390
