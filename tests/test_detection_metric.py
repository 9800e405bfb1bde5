# SPDX-License-Identifier: Apache-2.0
import json
import tracemalloc

import cv2
import numpy as np
import pytest

from adabin.detection import report
from adabin.detection.coco_ap import SUMMARY
from adabin.detection.metric import DetectionMetric
from adabin.detection.objects import Objects
from adabin.detection.pictures import Pictures
from adabin.detection.report import class_rows, coco_lines, steps, table
from adabin.utils.errors import RunError
from tests.detected import evaluated, metric_of, objects_of, random_pictures, seen, truth_as_detections
from tests.ranks import gathered

A_BOX = [5, 15, 300, 80]
NAMES = ("cat", "dog", "a thing with a long name", "$x")
BY_HAND = [  # classes 0: found; 1: one of two, and one ignored; 2: ignored alone; 3: none
    seen(
        objects_of(
            [[0, 0, 64, 64], [0, 64, 40, 128], [90, 0, 128, 40], [64, 64, 128, 128]], [0, 1, 1, 2], [0, 0, 1, 1]
        ),
        [[0, 0, 64, 64], [0, 64, 40, 128], [64, 64, 128, 128]],
        [0.9, 0.8, 0.7],
        [0, 1, 2],
    ),
    seen(objects_of([[0, 64, 40, 128]], [1]), np.zeros((0, 4)), []),
]


def test_the_result_has_all_metrics_and_is_plain_numbers():
    metric = metric_of(BY_HAND, 4)
    values = metric.result([metric.state()])
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    # Class 0: 1. Class 1: precision 1 up to recall 1/2; 11-point 6 of 11, COCO 51 of 101. The others do not count.
    expected = {"map": 3 / 4, "map_11point": 17 / 22, "ap": (1 + 51 / 101) / 2, "ap_75": (1 + 51 / 101) / 2}
    assert {name: values[name] for name in expected} == pytest.approx(expected)
    assert (values["images"], values["objects"], values["detections"]) == (2, 3, 3)
    assert {"ap_50", "ap_small", "ap_medium", "ap_large", "ar_100"} < values.keys()


@pytest.mark.parametrize("crowds", [False, True])
def test_the_truth_as_detections_gives_one_everywhere(crowds):
    pictures = truth_as_detections(random_pictures(7, 50, 4, crowds))
    values = evaluated(pictures, 4, crowds=crowds).values
    kept = {name: value for name, value in values.items() if name.startswith(("map", "ap", "ar_1"))}
    del kept["ar_1"], kept["ar_10"]  # some pictures have more of a class
    assert len(kept) == 9 and kept == pytest.approx(dict.fromkeys(kept, 1.0), abs=1e-12)


@pytest.mark.parametrize("first", [0, 1, 13, 30])
def test_pictures_shared_by_two_ranks_give_the_result_of_one(first):
    # Equal scores and boxes in different pictures: which object a detection finds depends on its picture.
    pictures = [picture for picture in random_pictures(1, 15, 3) for _ in (0, 1)]
    whole = metric_of(pictures, 3)
    expected = whole.result([whole.state()])
    states, _ = gathered([metric_of(part, 3).state() for part in (pictures[:first], pictures[first:])])
    parts = DetectionMetric(3)
    assert parts.result(states) == expected and expected["images"] == 30
    for one, other in zip(parts.evaluation.classes, whole.evaluation.classes, strict=True):
        np.testing.assert_array_equal(one.precision, other.precision)


def test_no_picture_at_all_has_a_state_and_no_precision():
    metric = DetectionMetric(2)
    state = metric.state()
    assert {name: len(array) for name, array in state.items()} == dict.fromkeys(state, 0)
    assert state["found_boxes"].shape == (0, 4) and state["found_boxes"].dtype == np.float32
    values = metric.result([state])
    assert values["map"] == values["map_11point"] == values["ap"] == -1 and values["images"] == 0


def test_the_best_200_detections_of_a_picture_are_kept_and_nothing_else():
    rng = np.random.default_rng(0)
    metric, batch, padded = DetectionMetric(3), np.zeros((32, 8732, 4), np.float32), np.ones((32, 5000, 4), np.float32)
    own = objects_of([[0, 0, 64, 64]], [0])
    objects = Objects(padded[7, :1], own.classes, own.ignored, own.areas, own.size)  # a part of a batch's targets
    scores = rng.permutation(8732).astype(np.float32) / 8732

    def add(count):
        for _ in range(count):
            metric.add(objects, batch[7], np.zeros(8732, np.int64), scores)

    add(5)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    add(50)
    growth = (tracemalloc.get_traced_memory()[0] - before) / 50
    tracemalloc.stop()
    assert growth < 8000  # 200 detections of 24 bytes, one object, ten array headers
    state = metric.state()
    assert len(state["found_scores"]) == 55 * 200
    np.testing.assert_array_equal(state["found_scores"][:200], np.sort(scores)[::-1][:200])
    held = [array if array.base is None else array.base for part in metric.parts for array in part.values()]
    assert max(array.nbytes for array in held) == 200 * 16, "no view of a batch"


def test_boxes_are_evaluated_in_pixels_of_the_original_picture():
    one = seen(objects_of([[10, 20, 30, 90]], [0], size=(100, 400)), [A_BOX], [1])
    pictures = Pictures([metric_of([one], 1).state()])
    np.testing.assert_allclose(pictures.object_boxes, [[10, 20, 30, 90]], rtol=1e-6)
    np.testing.assert_allclose(pictures.found_boxes, [A_BOX], rtol=1e-6)
    assert pictures.found_boxes.dtype == np.float64


@pytest.mark.parametrize("fault", ["boxes", "scores"])
def test_values_that_are_not_finite_end_the_evaluation(fault):
    picture = BY_HAND[0]._asdict()
    picture[fault] = picture[fault] * np.float32("nan")
    with pytest.raises(RunError, match="diverged"):
        DetectionMetric(4).add(**picture)


def test_a_class_that_the_metric_does_not_have_is_refused():
    with pytest.raises(ValueError, match="found_classes"):
        metric_of(BY_HAND, 4).add(*BY_HAND[0]._replace(classes=np.array([0, 1, 4])))
    with pytest.raises(ValueError, match="object_classes"):
        metric_of(BY_HAND, 2)


def test_the_table_has_a_line_per_class_and_cocos_summary():
    evaluation = evaluated(BY_HAND, 4)
    lines = table(evaluation, NAMES)
    assert [line.split() for line in lines[2:7]] == [
        ["cat", "1", "0", "1", "100.00", "100.00", "100.00", "100.00"],
        ["dog", "2", "1", "1", "50.00", "50.00", "54.55", "50.50"],
        [*"a thing with a long name".split(), "0", "1", "0", "-", "-", "-", "-"],
        ["$x", "0", "0", "0", "-", "-", "-", "-"],
        ["all", "3", "2", "2", "75.00", "75.00", "77.27", "75.25"],
    ]
    assert len({len(line) for line in lines[1:7]}) == 1, "columns"
    assert lines[7] == " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.752"
    assert [row["ap"] for row in class_rows(evaluation, NAMES)] == [1, 0.5, None, None]


def test_cocos_summary_looks_as_its_own_program_prints_it(capsys):
    from pycocotools.cocoeval import COCOeval

    official = COCOeval(iouType="bbox")
    numbers = (10, 3, 12, 4, 3)  # IoUs, recalls, classes, sizes, most detections
    rng = np.random.default_rng(0)
    official.eval = {"precision": rng.random(numbers), "recall": rng.random((10, *numbers[2:]))}
    official.summarize()
    stats = dict(zip(SUMMARY, official.stats, strict=True))
    assert coco_lines(stats) == capsys.readouterr().out.splitlines()


def test_the_area_below_a_drawn_curve_is_the_average_precision():
    for one in evaluated(random_pictures(3, 40, 3), 3).classes:
        recalls, heights = steps(one)
        assert np.sum(np.diff(recalls) * heights[:-1]) == pytest.approx(one.ap, abs=1e-12)
        assert (np.diff(heights) <= 0).all() and recalls[-1] == one.recall[-1]


@pytest.mark.parametrize("pictures, number", [(BY_HAND, 4), ([], 1), (random_pictures(3, 30, 8), 8)])
def test_curves_are_drawn_whatever_there_is(tmp_path, monkeypatch, pictures, number):
    monkeypatch.setattr(report, "MOST_PANELS", 6)
    names = NAMES[:number] if number < 5 else [f"class {index}" for index in range(number)]
    report.draw_curves(tmp_path / "curves.png", evaluated(pictures, number), names)
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert min(picture.shape[:2]) > 300 and picture.std() > 5
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]
