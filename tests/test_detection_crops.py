# SPDX-License-Identifier: Apache-2.0
"""SSD's augmentation: boxes follow the pixels, the overlap is demanded, chances are those described."""

import cv2
import numpy as np
import pytest

from adabin.data import detection_crops, detection_dataset
from adabin.data.detection_crops import (
    ANY_PART,
    MODES,
    WHOLE,
    View,
    constrained_crop,
    look,
    random_crop,
    random_view,
    seen,
    whole,
)
from adabin.data.detection_dataset import augmented
from adabin.data.photometric import Distortion, distort, random_distortion
from adabin.data.transforms import picture_generator
from adabin.detection.boxes import iou
from adabin.detection.objects import Objects

FILL, GRAY = (124, 116, 104), (90, 90, 90)


def objects_of(boxes, height, width, **changes):
    """`Objects` of boxes in pixels; each has its own class."""
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    count = len(boxes)
    values = {
        "boxes": (boxes / [width, height, width, height]).astype(np.float32),
        "classes": np.arange(count, dtype=np.int32),
        "ignored": np.zeros(count, bool),
        "areas": np.ones(count, np.float32),
        "size": (height, width),
    }
    return Objects(**values | changes)


def random_boxes(rng, count, height, width, smallest=0.02, largest=0.6):
    low = rng.uniform(0, 1 - smallest, (count, 2))
    high = np.minimum(low + rng.uniform(smallest, largest, (count, 2)), 1)
    return np.concatenate([low, high], axis=1) * [width, height, width, height]


def box_of(pixels, color, *others):
    """Where a color is in a gray picture, (x1, y1, x2, y2); None where it is not."""
    nearest = np.argmin([np.abs(pixels.astype(int) - other).sum(2) for other in (color, GRAY, FILL, *others)], axis=0)
    rows, columns = np.nonzero(nearest == 0)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) if len(rows) else None


# --- boxes and pixels

RED, BLUE = (255, 0, 0), (0, 0, 255)
VIEWS = {
    "the whole picture": View(0, 0, 200, 120),
    "a crop": View(30, 10, 150, 90),
    "a small crop, enlarged": View(55, 25, 60, 50),
    "a larger canvas": View(-333, -150, 800, 480),
    "a crop across the edge of a larger canvas": View(-100, 20, 220, 300),
    "mirrored": View(0, 0, 200, 120, flip=True),
    "a mirrored crop beyond the right edge": View(70, -40, 300, 200, flip=True),
    "a view with odd sides": View(-17, -3, 301, 173, flip=True),
}


@pytest.mark.parametrize("size", [300, 96])
@pytest.mark.parametrize("name", VIEWS)
def test_boxes_follow_the_pixels(name, size):
    picture = np.full((120, 200, 3), 90, np.uint8)
    boxes = [(60, 30, 101, 71), (120, 50, 160, 90)]
    for (x1, y1, x2, y2), color in zip(boxes, (RED, BLUE), strict=True):
        picture[y1:y2, x1:x2] = color
    view = VIEWS[name]
    pixels, found = look(picture, view, size, FILL), seen(objects_of(boxes, 120, 200), view, 120, 200, size)
    assert pixels.shape == (size, size, 3) and len(found) >= 1
    for label, box in zip(found.classes, found.boxes * size, strict=True):
        np.testing.assert_allclose(box, box_of(pixels, *(RED, BLUE)[:: 1 - 2 * label]), atol=1.01)


def test_boxes_follow_the_pixels_through_a_thousand_augmentations(monkeypatch):
    """One colored rectangle: found again by its color wherever chance has put it, without the distortion of colors."""
    monkeypatch.setattr(detection_dataset, "random_distortion", lambda rng: Distortion())
    rng, kept = np.random.default_rng(3), 0
    for number in range(1000):
        height, width = rng.integers(60, 260, 2)
        x1, y1 = rng.integers(0, [width - 20, height - 20])
        x2, y2 = rng.integers([x1 + 10, y1 + 10], [width + 1, height + 1])
        picture = np.full((height, width, 3), 90, np.uint8)
        picture[y1:y2, x1:x2] = RED
        objects = objects_of([(x1, y1, x2, y2)], height, width)
        pixels, found = augmented(picture, objects, picture_generator(1, 2, number), 160, FILL)
        assert len(found) == 1, "the crop keeps an object"
        shown = box_of(pixels, RED)
        if (np.diff(found.boxes[0].reshape(2, 2), axis=0) * 160 > 3).all():
            np.testing.assert_allclose(found.boxes[0] * 160, shown, atol=1.6)
            kept += 1
    assert kept > 900


def test_what_lies_outside_the_picture_is_filled_and_its_colors_stay():
    picture = np.full((50, 100, 3), 200, np.uint8)
    darker = lambda part: part // 2  # noqa: E731
    pixels = look(picture, View(-100, -50, 300, 200), 60, FILL, darker)
    assert (pixels[20:25, 30:35] == 100).all() and (pixels[:12] == FILL).all() and (pixels[40:] == FILL).all()
    nothing = look(picture, View(-300, 0, 200, 50), 60, FILL, darker)
    assert (nothing == FILL).all()
    assert len(seen(objects_of([(0, 0, 9, 9)], 50, 100), View(-300, 0, 200, 50), 50, 100, 60)) == 0


@pytest.mark.parametrize("left", [99, -399])
def test_a_sliver_of_the_picture_fills_a_column(left):
    picture, view = np.full((100, 100, 3), 200, np.uint8), View(left, 0, 400, 100)
    pixels = look(picture, view, 64, FILL)
    column = 0 if left > 0 else 63
    assert (pixels[:, column] == 200).all() and (np.delete(pixels, column, axis=1) == FILL).all()
    objects = objects_of([(98.5, 0, 100, 100), (0, 0, 1, 100)], 100, 100)
    found = seen(objects, view, 100, 100, 64)
    np.testing.assert_allclose(found.boxes * 64, [(column, 0, column + 1, 64)], atol=1e-4)


def test_the_whole_picture_keeps_its_boxes_whatever_its_ratio():
    boxes = random_boxes(np.random.default_rng(1), 50, 333, 500)
    objects = objects_of(boxes, 333, 500)
    np.testing.assert_allclose(seen(objects, whole(333, 500), 333, 500, 300).boxes, objects.boxes, atol=1e-6)


def test_an_object_is_kept_where_its_center_is_inside_and_clipped_to_what_is_seen():
    objects = objects_of([(0, 0, 60, 60), (40, 40, 60, 60), (0, 0, 20, 20), (98, 98, 102, 102)], 200, 200)
    found = seen(objects, View(25, 25, 75, 75), 200, 200, 75)
    assert found.classes.tolist() == [0, 1]  # the last one's center lies on the edge
    np.testing.assert_allclose(found.boxes * 75, [(0, 0, 35, 35), (15, 15, 35, 35)], atol=1e-3)
    assert found.boxes.dtype == np.float32 and found.size == (200, 200)


def test_what_else_is_known_of_an_object_stays_with_it():
    changes = {"ignored": np.array([True, False, True]), "areas": np.array([5, 6, 7], np.float32)}
    objects = objects_of([(0, 0, 10, 10), (50, 50, 90, 90), (80, 80, 100, 100)], 100, 100, **changes)
    found = seen(objects, View(40, 40, 60, 60, flip=True), 100, 100, 300)
    assert (found.classes.tolist(), found.ignored.tolist(), found.areas.tolist()) == ([1, 2], [False, True], [6, 7])


def test_resizing_averages_where_it_shrinks_so_that_thin_things_do_not_vanish():
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[::8] = 240  # every eighth row: bilinear sampling at 1/8 would see all of it or nothing
    assert np.abs(look(picture, whole(400, 400), 50).astype(int) - 30).max() <= 1


@pytest.mark.parametrize("turned", [False, True])
def test_a_side_that_shrinks_is_averaged_also_where_the_other_grows(turned):
    picture = np.zeros((25, 300, 3), np.uint8)
    picture[:, ::10] = 250
    picture = picture.swapaxes(0, 1) if turned else picture
    assert np.abs(look(picture, whole(*picture.shape[:2]), 30).astype(int) - 25).max() <= 1


# --- the crop


@pytest.mark.parametrize("least", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_the_demanded_overlap_is_never_missed(least):
    """The reference compares with an upper bound of infinity, so that its demand rejects nothing."""
    rng, found, tight = np.random.default_rng(5), 0, 0
    for _ in range(2000):
        height, width = rng.integers(50, 400, 2)
        boxes = random_boxes(rng, rng.integers(1, 5), height, width, 0.7 if least == 0.9 else 0.3, 1)
        part = constrained_crop(rng, height, width, boxes, least)
        if part is None:
            continue
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        kept = ((centers > part[:2]) & (centers < part[2:])).all(1)
        overlaps = iou(np.array([part], float), boxes)[0]
        assert overlaps[kept].max() >= least
        found, tight = found + 1, tight + (overlaps.max() < least + 0.1)
    assert found > 100 and tight > 20, "the demand is close to what is found, so it is the one that decides"


def test_without_a_demand_most_crops_would_miss_it():
    """So the test above can fail."""
    rng, missed = np.random.default_rng(5), 0
    for _ in range(500):
        boxes = random_boxes(rng, 2, 200, 300, 0.3, 1)
        part = constrained_crop(rng, 200, 300, boxes, ANY_PART)
        missed += iou(np.array([part], float), boxes).max() < 0.5
    assert missed > 250


def test_all_modes_of_the_original_are_there_and_equally_likely(monkeypatch):
    """The reference has no 0.5, and its way to choose one fails on NumPy from 1.24 on."""
    assert MODES == (WHOLE, 0.1, 0.3, 0.5, 0.7, 0.9, ANY_PART)
    asked = []

    def crop(rng, height, width, boxes, least):
        asked.append(least)
        return (0, 0, 1, 1)

    monkeypatch.setattr(detection_crops, "constrained_crop", crop)
    rng, wholes = np.random.default_rng(1), 0
    for _ in range(7000):
        wholes += random_crop(rng, 50, 60, np.zeros((0, 4))) == (0, 0, 60, 50)
    counts = [wholes] + [asked.count(mode) for mode in MODES[1:]]
    np.testing.assert_allclose(counts, 1000, atol=120)


def test_another_mode_is_drawn_where_fifty_tries_find_nothing(monkeypatch):
    drawn = []
    monkeypatch.setattr(detection_crops, "MODES", (0.9, WHOLE))
    tiny = np.array([[10.0, 10, 12, 12]])  # no part of at least 0.3 of the sides overlaps it by 0.9
    for number in range(50):
        drawn.append(random_crop(np.random.default_rng(number), 200, 300, tiny))
    assert set(drawn) == {(0, 0, 300, 200)}
    assert constrained_crop(np.random.default_rng(0), 200, 300, tiny, 0.9) is None
    assert detection_crops.TRIES == 50


def test_parts_have_the_sides_ratios_and_places_described():
    rng, height, width = np.random.default_rng(2), 300, 400
    none = np.zeros((0, 4))
    parts = np.array([constrained_crop(rng, height, width, none, ANY_PART) for _ in range(5000)])
    assert (parts[:, :2] >= 0).all() and (parts[:, 2:] <= [width, height]).all()
    sides = parts[:, 2:] - parts[:, :2]
    shares = sides / [width, height]
    assert 0.29 < shares.min() < 0.32 and 0.98 < shares.max() <= 1
    ratios = sides[:, 1] / sides[:, 0]
    assert 0.49 < ratios.min() < 0.53 and 1.9 < ratios.max() < 2.03
    places = parts[:, :2] / np.maximum([width, height] - sides, 1)
    np.testing.assert_allclose(places[(shares < 0.9).all(1)].mean(0), 0.5, atol=0.03)


def test_an_object_is_always_kept_and_none_goes_where_no_crop_takes_it(monkeypatch):
    rng = np.random.default_rng(4)
    objects = objects_of(random_boxes(rng, 200, 300, 400), 300, 400)
    for number in range(200):
        view = random_view(picture_generator(1, 1, number), 300, 400, objects.boxes)
        assert len(seen(objects, view, 300, 400, 300)) >= 1
    monkeypatch.setattr(detection_crops, "MODES", (WHOLE,))
    for number in range(100):
        view = random_view(picture_generator(1, 1, number), 300, 400, objects.boxes)
        found = seen(objects, view, 300, 400, 300)
        np.testing.assert_array_equal(found.classes, np.arange(200))
        assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()


@pytest.mark.parametrize("height, width", [(1, 1), (1, 500), (500, 1), (3, 7), (10, 1000)])
def test_pictures_of_any_shape_and_without_objects_are_augmented(height, width):
    picture = np.full((height, width, 3), 7, np.uint8)
    for boxes in ([], [(0, 0, width, height)]):
        for number in range(60):
            objects = objects_of(boxes, height, width)
            pixels, found = augmented(picture, objects, picture_generator(1, 2, number), 64, FILL)
            assert pixels.shape == (64, 64, 3) and len(found) == len(boxes) and found.boxes.shape[1] == 4
            assert (found.boxes >= 0).all() and (found.boxes <= 1).all()
            assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()


def test_half_of_the_pictures_are_made_smaller_by_up_to_four_and_half_are_mirrored(monkeypatch):
    monkeypatch.setattr(detection_crops, "MODES", (WHOLE,))
    views = [random_view(picture_generator(3, 1, number), 300, 400, np.zeros((0, 4))) for number in range(4000)]
    assert abs(np.mean([view.flip for view in views]) - 0.5) < 0.03
    ratios = np.array([view.width / 400 for view in views])
    larger = ratios[ratios > 1]
    assert abs(np.mean(ratios > 1) - 0.5) < 0.03 and 3.95 < larger.max() <= 4 and abs(larger.mean() - 2.5) < 0.1
    assert all(abs(view.height / 300 - view.width / 400) < 0.01 for view in views)
    places = np.array([(-view.left / (view.width - 400), -view.top / (view.height - 300)) for view in views
                       if view.width > 500])  # fmt: skip
    assert places.min() >= 0 and places.max() <= 1
    np.testing.assert_allclose(places.mean(0), 0.5, atol=0.03)
    np.testing.assert_allclose(places.std(0), 12**-0.5, atol=0.03)
    assert abs(np.corrcoef(places.T)[0, 1]) < 0.1


def test_an_augmented_picture_follows_from_the_generator_alone():
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    before, objects = picture.copy(), objects_of([(10, 10, 60, 70)], 90, 120)
    a, b, c = (augmented(picture, objects, picture_generator(1, 2, number), 96, FILL) for number in (5, 5, 6))
    np.testing.assert_array_equal(picture, before)
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1].boxes, b[1].boxes)
    assert (a[0] != c[0]).any()


# --- colors


def test_distortions_have_the_chances_and_ranges_described():
    drawn = [random_distortion(picture_generator(1, 1, number)) for number in range(6000)]
    for name, neutral, low, high in (
        ("brightness", 0, -32, 32),
        ("contrast", 1, 0.5, 1.5),
        ("saturation", 1, 0.5, 1.5),
        ("hue", 0, -18, 18),
    ):
        values = np.array([getattr(how, name) for how in drawn])
        changed = values[values != neutral]
        assert abs(len(changed) / len(values) - 0.5) < 0.03, name
        span = high - low
        assert low <= changed.min() < low + 0.01 * span and high - 0.01 * span < changed.max() <= high, name
        assert abs(changed.mean() - neutral) < 0.02 * span, name
    assert abs(np.mean([how.contrast_first for how in drawn]) - 0.5) < 0.03
    orders = [how.order for how in drawn]
    assert len(set(orders)) == 6
    assert abs(orders.count((0, 1, 2)) / 6000 - 7 / 12) < 0.03  # not drawn, or drawn as it was
    assert abs(orders.count((2, 0, 1)) / 6000 - 1 / 12) < 0.02
    together = np.array([[how.brightness != 0, how.contrast != 1, how.saturation != 1, how.hue != 0] for how in drawn])
    assert np.abs(np.corrcoef(together.T) - np.eye(4)).max() < 0.05


def test_each_distortion_does_what_its_name_says():
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    x = picture.astype(float)
    np.testing.assert_array_equal(distort(picture, Distortion()), picture)
    expected = {
        Distortion(brightness=20.3): np.clip(np.round(x + 20.3), 0, 255),
        Distortion(contrast=1.4): np.clip(np.round(x * 1.4), 0, 255),
        Distortion(contrast=1.4, contrast_first=False): np.clip(np.round(x * 1.4), 0, 255),
        Distortion(order=(2, 0, 1)): x[..., [2, 0, 1]],
    }
    for how, wanted in expected.items():
        np.testing.assert_array_equal(distort(picture, how), wanted)


def test_saturation_and_hue_are_those_of_the_floating_point_formula():
    """The reference's: HSV in floating point, S times a factor, H (0 to 360) plus degrees."""
    picture = np.random.default_rng(0).integers(30, 226, (64, 64, 3), dtype=np.uint8)
    for saturation, hue in ((0.6, 0), (1, 17), (0.8, -18)):
        hsv = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + hue) % 360
        hsv[..., 1] *= saturation
        wanted = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255
        found = distort(picture, Distortion(saturation=saturation, hue=hue))
        assert np.abs(found - wanted).mean() < 2.5 and np.abs(found - wanted).max() < 12
        assert np.abs(found - picture.astype(float)).mean() > 5
