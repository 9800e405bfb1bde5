# SPDX-License-Identifier: Apache-2.0
import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from adabin.detection.coco_ap import SUMMARY, coco_results
from adabin.detection.pictures import Pictures
from tests.detected import metric_of, objects_of, random_pictures, seen, truth_as_detections


def results(pictures, num_classes=1, crowds=False):
    return coco_results(Pictures([metric_of(pictures, num_classes).state()]), num_classes, crowds)


def test_the_summary_by_hand():
    # To be found: a large object (128 x 128), a medium one (64 x 64) and a small one (20 x 20). The first detection
    # overlaps the large one by 104 / 128 = 0.8125: right at the seven IoUs up to 0.8, wrong at 0.85, 0.9, 0.95. The
    # second is the medium one. The small one is not found.
    # Up to 0.8: precision 1 up to recall 2/3, of 101 levels the 67 from 0 to 0.66.
    # Above: wrong, right: precision 1/2 up to recall 1/3, 34 levels from 0 to 0.33: 17 / 101.
    # By size: the large one is right in 7 of 10; the medium one always, since the detection that fits no medium object
    # is itself large and does not count; the small one never.
    # Recall with one detection per picture: 1/3 in 7 of 10; with more 2/3 in 7 and 1/3 in 3 of 10: 17 / 30.
    objects = objects_of([[0, 0, 128, 128], [128, 128, 192, 192], [200, 10, 220, 30]], [0, 0, 0], size=(256, 256))
    found = results([seen(objects, [[0, 0, 128, 104], [128, 128, 192, 192]], [0.9, 0.8])])
    expected = {
        "ap": (7 * 67 + 3 * 17) / 1010,
        "ap_50": 67 / 101,
        "ap_75": 67 / 101,
        "ap_small": 0,
        "ap_medium": 1,
        "ap_large": 0.7,
        "ar_1": 0.7 / 3,
        "ar_10": 17 / 30,
        "ar_100": 17 / 30,
        "ar_small": 0,
        "ar_medium": 1,
        "ar_large": 0.7,
    }
    assert found.values == pytest.approx(expected, abs=1e-12) and list(found.values) == list(SUMMARY)
    assert found.classes == pytest.approx([expected["ap"]], abs=1e-12)


def test_a_difficult_object_excuses_one_detection_and_a_crowd_all_within_it():
    # Before the object that is found come two detections of the ignored one and one of a part of it. Difficult: one
    # does not count, two are wrong: precision 1/3. A crowd: none counts.
    objects = objects_of([[0, 0, 64, 64], [64, 64, 128, 128]], [0, 0], [False, True])
    ignored, part = [64, 64, 128, 128], [64, 64, 80, 80]
    picture = seen(objects, [ignored, ignored, part, [0, 0, 64, 64]], [0.9, 0.8, 0.7, 0.6])
    assert results([picture]).values["ap"] == pytest.approx(1 / 3)
    assert results([picture], crowds=True).values["ap"] == pytest.approx(1)


def test_sizes_are_those_of_the_annotation_in_original_pixels():
    # A box of 40 x 40 = 1600 pixels is medium; an outline within it has 900, which is small.
    picture = seen(objects_of([[10, 10, 50, 50]], [0], size=(300, 200)), [[10, 10, 50, 50]], [0.9])
    by_size = ("ap_small", "ap_medium", "ap_large")
    assert [results([picture]).values[name] for name in by_size] == pytest.approx([-1, 1, -1])
    picture.objects.areas[:] = 900
    assert [results([picture]).values[name] for name in by_size] == pytest.approx([1, -1, -1])


def test_a_class_without_objects_to_find_has_no_part_in_the_mean():
    objects = objects_of([[0, 0, 64, 64], [64, 64, 128, 128]], [0, 1], [False, True])
    found = results([seen(objects, [[0, 0, 64, 64]] * 3, [0.9] * 3, [0, 1, 2])], 3)
    assert found.values["ap"] == pytest.approx(1)
    assert found.classes[0] == pytest.approx(1) and np.isnan(found.classes[1:]).all()
    nothing = results([seen(objects_of([], []), [[0, 0, 64, 64]], [0.9])], 3)
    assert set(nothing.values.values()) == {-1} and np.isnan(nothing.classes).all()


def test_nothing_found_is_zero():
    found = results([seen(objects_of([[0, 0, 64, 64]], [0]), np.zeros((0, 4)), [])])
    assert found.values["ap"] == found.values["ap_medium"] == found.values["ar_100"] == 0


@pytest.mark.parametrize("crowds", [False, True])
def test_the_truth_as_detections_gives_one(crowds):
    found = results(truth_as_detections(random_pictures(4, 60, 4, crowds)), 4, crowds)
    values = {name: value for name, value in found.values.items() if name not in ("ar_1", "ar_10")}
    assert values == pytest.approx(dict.fromkeys(values, 1.0), abs=1e-12)
    assert found.classes == pytest.approx(np.ones(4), abs=1e-12)


def test_nothing_is_printed(capfd):
    results(random_pictures(0, 4, 2), 2)
    assert capfd.readouterr() == ("", "")


def corners_in_pixels(boxes, size):
    return boxes.astype(np.float64) * np.array(size, np.float64)[[1, 0, 1, 0]]


@pytest.mark.parametrize("seed", range(3))
def test_the_numbers_are_those_of_cocos_own_program(seed):
    """All classes and pictures at once, category ids with gaps, detections read as a result file is."""
    pictures, ids = random_pictures(seed, 50, 4, crowds=True), [3, 7, 8, 90]
    truth, guesses = [], []
    for place, one in enumerate(pictures):
        for box, label, ignored, area in zip(
            corners_in_pixels(one.objects.boxes, one.objects.size).tolist(),
            one.objects.classes,
            one.objects.ignored,
            one.objects.areas.tolist(),
            strict=True,
        ):
            bbox = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            truth.append({"id": len(truth) + 1, "image_id": place + 10, "category_id": ids[label], "bbox": bbox})
            truth[-1].update(area=area, iscrowd=int(ignored))
        for box, label, score in zip(
            corners_in_pixels(one.boxes, one.objects.size).tolist(), one.classes, one.scores.tolist(), strict=True
        ):
            bbox = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            guesses.append({"image_id": place + 10, "category_id": ids[label], "bbox": bbox, "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        images = [{"id": place + 10} for place in range(len(pictures))]
        coco.dataset = {"images": images, "annotations": truth, "categories": [{"id": number} for number in ids]}
        coco.createIndex()
        official = COCOeval(coco, coco.loadRes(guesses), "bbox")
        official.evaluate()
        official.accumulate()
        official.summarize()
    found = results(pictures, 4, crowds=True)
    np.testing.assert_allclose(list(found.values.values()), official.stats, atol=1e-12)
    precision = official.eval["precision"][:, :, :, 0, -1]
    np.testing.assert_allclose(found.classes, precision.mean(axis=(0, 1)), atol=1e-12)
    assert 0.02 < found.values["ap"] < 0.8


def slow_ap(pictures, number, threshold, smallest, largest, crowds):
    """AP of one class at one IoU, after the text of COCO's evaluation page, loop by loop; None without objects."""
    entries, to_find = [], 0
    for picture in pictures:
        objects = picture.objects
        truth = []
        for box, label, ignored, area in zip(
            corners_in_pixels(objects.boxes, objects.size), objects.classes, objects.ignored, objects.areas, strict=True
        ):
            if label == number:
                left_out = ignored or not smallest <= area <= largest
                truth.append({"box": box, "out": left_out, "crowd": crowds and ignored, "taken": False})
                to_find += not left_out
        found = [
            (score, box)
            for box, label, score in zip(
                corners_in_pixels(picture.boxes, objects.size), picture.classes, picture.scores, strict=True
            )
            if label == number
        ]
        found.sort(key=lambda entry: -entry[0])
        for score, box in found[:100]:
            area = (box[2] - box[0]) * (box[3] - box[1])
            match = None
            for wanted in (True, False):  # what is to be found comes before what does not count
                best = threshold
                for candidate in truth:
                    if candidate["out"] == wanted or (candidate["taken"] and not candidate["crowd"]):
                        continue
                    other = candidate["box"]
                    width = min(box[2], other[2]) - max(box[0], other[0])
                    height = min(box[3], other[3]) - max(box[1], other[1])
                    common = max(width, 0) * max(height, 0)
                    union = area + (other[2] - other[0]) * (other[3] - other[1]) - common
                    overlap = common / (area if candidate["crowd"] else union)
                    if overlap >= best:
                        best, match = overlap, candidate
                if match:
                    break
            if match:
                match["taken"] = True
                if not match["out"]:
                    entries.append((score, True))
            elif smallest <= area <= largest:
                entries.append((score, False))
    if not to_find:
        return None
    entries.sort(key=lambda entry: -entry[0])
    curve, right = [], 0
    for count, (_, good) in enumerate(entries, 1):
        right += good
        curve.append((right, right / count))
    levels = np.linspace(0, 1, 101)  # compared in float: 7 of 20 is below the 0.35 of this list
    return sum(max((p for r, p in curve if r / to_find >= level), default=0) for level in levels) / 101


@pytest.mark.parametrize("seed, crowds", [(5, False), (6, True)])
def test_random_detections_agree_with_a_computation_of_our_own(seed, crowds):
    pictures, ious = random_pictures(seed, 25, 3, crowds), [0.5 + 0.05 * step for step in range(10)]
    found = results(pictures, 3, crowds).values

    def mean(overlaps, smallest=0, largest=1e10):
        each = [slow_ap(pictures, c, t, smallest, largest, crowds) for c in range(3) for t in overlaps]
        return pytest.approx(np.mean([value for value in each if value is not None]), abs=1e-9)

    assert found["ap"] == mean(ious)
    assert found["ap_50"] == mean([0.5]) and found["ap_75"] == mean([0.75])
    assert found["ap_small"] == mean(ious, 0, 32**2)
    assert found["ap_medium"] == mean(ious, 32**2, 96**2)
    assert found["ap_large"] == mean(ious, 96**2)
