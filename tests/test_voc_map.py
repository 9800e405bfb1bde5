# SPDX-License-Identifier: Apache-2.0
from fractions import Fraction

import numpy as np
import pytest

from adabin.detection.pictures import Pictures
from adabin.detection.voc_map import RIGHT, UNCOUNTED, WRONG, judge, mean_over_classes, voc_results
from tests.detected import metric_of, objects_of, random_pictures, seen, truth_as_detections


def results(pictures, num_classes=1, threshold=0.5):
    return voc_results(Pictures([metric_of(pictures, num_classes).state()]), num_classes, threshold)


def verdicts(picture, threshold=0.5):
    objects = picture.objects
    return judge(
        picture.boxes, picture.classes, objects.boxes, objects.classes, objects.ignored, threshold
    ).tolist()  # fmt: skip


# Pictures of 128 x 128 pixels, one class. To be found: A and B in the first picture, C in the second, D in the third;
# in the second there is also a difficult one. From the highest score down:
#   0.9 is A                       right    precision 1/1  recall 1/4
#   0.8 is nowhere                 wrong              1/2         1/4
#   0.7 is A again                 wrong              1/3         1/4
#   0.6 is the difficult one       does not count
#   0.5 is C                       right              2/4         2/4
#   0.4 is B shifted by half       wrong (IoU 1/3)    2/5         2/4
# Raised to the highest further right: 1 up to recall 1/4, 1/2 up to recall 2/4, then nothing.
# 2010: 1/4 * 1 + 1/4 * 1/2 = 0.375. 2007: 1 at 0, 0.1, 0.2; 1/2 at 0.3, 0.4, 0.5: (3 + 1.5) / 11 = 0.40909.
A, B, HALFWAY = [0, 0, 32, 32], [64, 64, 96, 96], [64, 80, 96, 112]
C, D, DIFFICULT = [0, 0, 64, 64], [8, 8, 16, 16], [80, 80, 112, 128]
BY_HAND = [
    seen(
        objects_of([A, B], [0, 0]),
        [[1, 1, 32, 32], HALFWAY, A, [100, 0, 128, 32]],
        [0.7, 0.4, 0.9, 0.8],
    ),
    seen(objects_of([C, DIFFICULT], [0, 0], [False, True]), [DIFFICULT, C], [0.6, 0.5]),
    seen(objects_of([D], [0]), np.zeros((0, 4)), []),
]


def test_average_precisions_by_hand():
    (one,) = results(BY_HAND)
    assert (one.objects, one.ignored, one.detections) == (4, 1, 5)
    np.testing.assert_allclose(one.precision, [1, 1 / 2, 1 / 3, 2 / 4, 2 / 5])
    np.testing.assert_allclose(one.recall, [1 / 4, 1 / 4, 1 / 4, 2 / 4, 2 / 4])
    assert one.ap == pytest.approx(0.375, abs=1e-15)
    assert one.ap_11point == pytest.approx(4.5 / 11, abs=1e-15)


def test_a_recall_that_is_a_level_reaches_it():
    # 3 of 10 found, all right: 1 at 0, 0.1, 0.2 and 0.3, which in float is less than 3 * 0.1.
    boxes = [[12 * i, 0, 12 * i + 10, 10] for i in range(10)]
    (one,) = results([seen(objects_of(boxes, [0] * 10), boxes[:3], [0.9, 0.8, 0.7])])
    assert one.ap_11point == pytest.approx(4 / 11, abs=1e-15) and one.ap == pytest.approx(0.3, abs=1e-15)


def test_an_overlap_of_exactly_the_threshold_is_enough():
    picture = seen(objects_of([[0, 0, 64, 64]], [0]), [[0, 0, 64, 32]], [0.9])
    assert verdicts(picture) == [RIGHT] and verdicts(picture, 0.51) == [WRONG]


def test_a_second_detection_of_an_object_is_wrong_also_where_another_object_overlaps_enough():
    # IoU with the second object is 48 / 80 = 0.6, but both detections overlap the first most.
    objects = objects_of([[0, 0, 64, 64], [16, 0, 80, 64]], [0, 0])
    assert verdicts(seen(objects, [[0, 0, 64, 64], [0, 0, 64, 64]], [0.9, 0.8])) == [RIGHT, WRONG]


def test_what_overlaps_a_difficult_object_most_does_not_count_however_often():
    objects = objects_of([[0, 0, 64, 64], [16, 0, 80, 64]], [0, 0], [False, True])
    difficult, partly = [16, 0, 80, 64], [100, 0, 128, 64]
    found = seen(objects, [difficult, difficult, partly], [0.9, 0.8, 0.7])
    assert verdicts(found) == [UNCOUNTED, UNCOUNTED, WRONG]
    assert results([found])[0].detections == 1


def test_the_first_of_equally_overlapped_objects_is_meant():
    twice = [[0, 0, 64, 64]] * 2
    for ignored, expected in (([True, False], UNCOUNTED), ([False, True], RIGHT)):
        assert verdicts(seen(objects_of(twice, [0, 0], ignored), twice[:1], [0.9])) == [expected]


def test_only_objects_of_the_own_class_are_found():
    objects = objects_of([[0, 0, 64, 64], [0, 0, 64, 60]], [1, 0])
    assert verdicts(seen(objects, [[0, 0, 64, 64]], [0.9], [0])) == [RIGHT]
    assert verdicts(seen(objects, [[0, 0, 64, 64]], [0.9], [2])) == [WRONG]


def test_equal_scores_keep_the_order_of_pictures_and_detections():
    right = seen(objects_of([[0, 0, 64, 64]], [0]), [[0, 0, 64, 64]], [0.5])
    wrong = seen(objects_of([], []), [[0, 0, 64, 64]], [0.5])
    assert [results(order)[0].ap for order in ([right, wrong], [wrong, right])] == [1.0, 0.5]
    better, worse = [0, 0, 64, 64], [0, 0, 64, 56]
    both = [seen(right.objects, order, [0.5, 0.5]) for order in ([better, worse], [worse, better])]
    assert [verdicts(one) for one in both] == [[RIGHT, WRONG]] * 2


def test_a_class_without_objects_to_find_has_no_precision_and_no_part_in_the_mean():
    # Class 0 is found, class 1 has a difficult object alone, class 2 nothing; both are detected somewhere.
    objects = objects_of([[0, 0, 64, 64], [64, 64, 128, 128]], [0, 1], [False, True])
    boxes = [[0, 0, 64, 64], [64, 64, 128, 128], [0, 0, 10, 10], [0, 0, 10, 10]]
    found = results([seen(objects, boxes, [0.9] * 4, [0, 1, 1, 2])], 3)
    assert [one.objects for one in found] == [1, 0, 0] and [one.detections for one in found] == [1, 1, 1]
    assert np.isnan([one.ap for one in found[1:]] + [one.ap_11point for one in found[1:]]).all()
    assert mean_over_classes([one.ap for one in found]) == 1.0
    assert mean_over_classes([float("nan")]) == -1


def test_nothing_found_is_zero():
    (one,) = results([seen(objects_of([[0, 0, 9, 9]], [0]), np.zeros((0, 4)), [])])
    assert one.ap == one.ap_11point == 0 and one.detections == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_truth_as_detections_gives_one(seed):
    pictures = truth_as_detections(random_pictures(seed, 40, 5))
    assert min(len(one.objects) for one in pictures) == 0 and any(one.objects.ignored.any() for one in pictures)
    for one in results(pictures, 5, threshold=0.95):
        assert one.ap == one.ap_11point == 1.0


def devkit(pictures, number, threshold):
    """(AP of 2010, AP of 2007) of a class, after the text of VOCevaldet.m and VOCap.m, in pixels and loop by loop."""
    truth, to_find = [], 0
    for picture in pictures:
        height, width = picture.objects.size
        own = []
        for box, label, ignored in zip(
            picture.objects.boxes.tolist(), picture.objects.classes, picture.objects.ignored, strict=True
        ):
            if label == number:
                x1, y1, x2, y2 = box
                own.append({"box": (x1 * width, y1 * height, x2 * width, y2 * height), "diff": ignored, "det": False})
                to_find += not ignored
        truth.append(own)
    found = []
    for place, picture in enumerate(pictures):
        height, width = picture.objects.size
        for (x1, y1, x2, y2), label, score in zip(picture.boxes.tolist(), picture.classes, picture.scores, strict=True):
            if label == number:
                found.append((score, place, (x1 * width, y1 * height, x2 * width, y2 * height)))
    found.sort(key=lambda entry: -entry[0])  # stable, as Matlab's sort
    right = wrong = 0
    curve = []
    for _, place, (x1, y1, x2, y2) in found:
        highest, best = -1.0, None
        for candidate in truth[place]:
            a1, b1, a2, b2 = candidate["box"]
            common_width, common_height = min(x2, a2) - max(x1, a1), min(y2, b2) - max(y1, b1)
            if common_width > 0 and common_height > 0:
                union = (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - common_width * common_height
                overlap = common_width * common_height / union
                if overlap > highest:
                    highest, best = overlap, candidate
        if highest >= threshold:
            if not best["diff"]:
                if not best["det"]:
                    right += 1
                    best["det"] = True
                else:
                    wrong += 1
        else:
            wrong += 1
        if right + wrong:
            curve.append((Fraction(right, to_find), Fraction(right, right + wrong)))
    eleven = Fraction(0)
    for level in range(11):
        eleven += max((p for r, p in curve if r >= Fraction(level, 10)), default=0) / Fraction(11)
    recalls = [Fraction(0), *(r for r, _ in curve), Fraction(1)]
    precisions = [Fraction(0), *(p for _, p in curve), Fraction(0)]
    for i in range(len(precisions) - 2, -1, -1):
        precisions[i] = max(precisions[i], precisions[i + 1])
    area = Fraction(0)
    for i in range(1, len(recalls)):
        area += (recalls[i] - recalls[i - 1]) * precisions[i]
    return float(area), float(eleven)


@pytest.mark.parametrize("seed, threshold", [(0, 0.5), (1, 0.5), (2, 0.3), (3, 0.75)])
def test_random_detections_agree_with_the_devkits_text(seed, threshold):
    pictures = random_pictures(seed, 60, 4)
    for number, one in enumerate(results(pictures, 4, threshold)):
        expected = devkit(pictures, number, threshold)
        assert (one.ap, one.ap_11point) == pytest.approx(expected, abs=1e-12)
        assert 0.02 < one.ap < 0.9
