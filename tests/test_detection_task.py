# SPDX-License-Identifier: Apache-2.0
"""The detection task: targets, metric from outputs, predictions, drawings."""

import src  # isort: skip  # noqa: F401 - makes adabin importable

import cv2
import numpy as np
import pytest

from adabin.detection.objects import Objects
from adabin.models import check_task
from adabin.tasks import build_task
from adabin.tasks.detection.drawing import class_colors, save_drawing
from adabin.utils.config import read_config
from adabin.utils.errors import RunError, UserError

NAMES = ["cat", "dog", "Möwe $x$"]
CONFIG = {"task": "detection", "network": "ssd_vgg16", "image_size": 300, "class_names": NAMES, "num_classes": 3}
TASK = build_task(read_config(None, CONFIG))


def objects(rng, count, size=(200, 300)):
    """Boxes that do not overlap: each in a cell of its own of a grid of 15 x 15."""
    cells = rng.permutation(225)[:count]
    low = np.stack([cells % 15, cells // 15], 1) / 15
    sides = (0.3 + 0.6 * rng.random((count, 2))) / 15
    boxes = np.concatenate([low, low + sides], 1).astype(np.float32)
    ignored, areas = rng.random(count) < 0.2, sides.prod(1) * size[0] * size[1]
    return Objects(boxes, rng.integers(0, 3, count).astype(np.int32), ignored, areas.astype(np.float32), size)


@pytest.fixture(scope="module")
def annotated():
    rng = np.random.default_rng(7)
    return [objects(rng, count, (100 + count, 300)) for count in (0, 3, 200, 1, 40)]


def perfect(annotated):
    """Outputs of a network that has learned its targets by heart."""
    labels, locations = TASK.targets(annotated, train=True)
    return locations, 30 * np.eye(4, dtype=np.float32)[labels]


def fed(annotated, *parts):
    metric = TASK.metric()
    for part in parts:
        chosen = annotated[part]
        metric.update(perfect(chosen), *TASK.targets(chosen, train=False))
    return metric


def test_what_is_learned_by_heart_is_right_everywhere_also_with_200_objects_in_a_picture(annotated):
    metric = fed(annotated, slice(None))
    values = metric.result([metric.state()])
    assert values["images"] == 5 and values["objects"] == sum((~one.ignored).sum() for one in annotated)
    for name in ("map", "map_11point", "ap_50", "ap_75"):
        assert values[name] == pytest.approx(1, abs=0.02), name
    assert values["map"] == pytest.approx(1, abs=1e-6)


def test_batches_and_ranks_make_no_difference(annotated):
    whole, parts = fed(annotated, slice(None)), fed(annotated, slice(0, 2), slice(2, 5))
    ranks = [fed(annotated, part) for part in (slice(0, 3), slice(3, 5))]
    expected = whole.result([whole.state()])
    assert parts.result([parts.state()]) == expected
    assert ranks[0].result([rank.state() for rank in ranks]) == expected


def test_padding_holds_all_objects_and_is_none(annotated):
    boxes, classes, ignored, areas, sizes = TASK.targets(annotated, train=False)
    assert boxes.shape == (5, 200, 4) and sizes.tolist() == [list(one.size) for one in annotated]
    for row, one in enumerate(annotated):
        there = classes[row] >= 0
        assert there.sum() == len(one)
        np.testing.assert_array_equal(boxes[row][there], one.boxes)
        np.testing.assert_array_equal(ignored[row][there], one.ignored)
        np.testing.assert_array_equal(areas[row][there], one.areas)
    nothing = TASK.targets(annotated[:1], train=False)
    assert [array.shape for array in nothing] == [(1, 1, 4), (1, 1), (1, 1), (1, 1), (1, 2)]


def test_targets_of_training_have_one_shape_for_every_batch(annotated):
    for part in (annotated[:2], annotated[2:4]):
        labels, locations = TASK.targets(part, train=True)
        assert labels.shape == (2, 8732) and locations.shape == (2, 8732, 4)


def test_predictions_are_in_pixels_best_first_and_only_those_that_are_to_be_shown(annotated):
    outputs = tuple(output[1:2].copy() for output in perfect(annotated))
    flat = tuple(output.reshape(1, -1) for output in outputs)  # as the C++ program gives them
    for given in (outputs, flat):
        (prediction,) = TASK.predict(given, [(50, 400)])
        found = sorted((one["class"], *one["box"]) for one in prediction["objects"])
        one = annotated[1]
        expected = sorted((c, *box) for c, box in zip(one.classes, one.boxes * [400, 50, 400, 50], strict=True))
        np.testing.assert_allclose(found, expected, atol=0.11)
        assert all(one["name"] == NAMES[one["class"]] and one["score"] > 0.99 for one in prediction["objects"])
    assert TASK.predict((outputs[0], outputs[1] * 0), [(50, 400)]) == [{"objects": []}]  # 0.25 each
    assert TASK.line({"objects": []}) == "no object"
    seen = [{"name": "cat", "score": 0.987}] * 7
    assert TASK.line({"objects": seen}) == ", ".join(["cat 99 %"] * 5) + ", and 2 more"


def test_outputs_of_another_network_are_refused_and_those_of_a_diverged_one_end_the_run(annotated):
    locations, scores = perfect(annotated[:1])
    for outputs in ((scores,), (locations[:, :-1], scores[:, :-1])):
        with pytest.raises(UserError, match="other outputs than a detector's for image_size=300"):
            TASK.predict(outputs, [(10, 10)])
    with pytest.raises(UserError, match="class_names: the config has 3 classes, the network 4 outputs"):
        TASK.predict((locations, np.concatenate([scores, scores[..., :1]], 2)), [(10, 10)])
    scores[0, 9, 1] = np.nan
    with pytest.raises(RunError, match="diverged"):
        TASK.metric().update((locations, scores), *TASK.targets(annotated[:1], train=False))


@pytest.mark.parametrize(
    "shape, drawn", [((300, 500), (300, 500)), ((30, 20), (480, 320)), ((3000, 2000), (1600, 1067))]
)
def test_a_drawing_shows_the_picture_at_its_ratio_with_boxes_where_they_are(tmp_path, shape, drawn):
    picture = np.full((*shape, 3), 128, np.uint8)
    box = [0.25 * shape[1], 0.5 * shape[0], 0.75 * shape[1], 0.9 * shape[0]]
    TASK.draw(tmp_path / "one.png", picture, {"objects": [{"class": 1, "name": "dog", "score": 0.5, "box": box}]})
    found = cv2.imread(str(tmp_path / "one.png"))[..., ::-1].astype(int)
    np.testing.assert_allclose(found.shape[:2], drawn, atol=1)
    color = np.round(255 * np.array(class_colors(1)[0]))
    rows, columns = np.nonzero((abs(found - color) < 40).all(2))
    assert columns.min() == pytest.approx(0.25 * found.shape[1], abs=4)
    assert columns.max() == pytest.approx(0.75 * found.shape[1], abs=4)
    assert rows.max() == pytest.approx(0.9 * found.shape[0], abs=4)


@pytest.mark.parametrize("shape, drawn", [((1, 3000), (24, 1600)), ((5000, 2), (1600, 24)), ((1, 1), (480, 480))])
def test_a_picture_of_a_single_row_can_be_drawn(tmp_path, shape, drawn):
    box = [0, 0, shape[1], shape[0]]
    picture = np.full((*shape, 3), 128, np.uint8)
    TASK.draw(tmp_path / "one.png", picture, {"objects": [{"class": 1, "name": "dog", "score": 0.5, "box": box}]})
    assert cv2.imread(str(tmp_path / "one.png")).shape[:2] == drawn


def test_what_is_annotated_stands_beside_what_was_found_in_any_letters(tmp_path, annotated):
    picture = np.full((103, 300, 3), 128, np.uint8)
    (prediction,) = TASK.predict(tuple(output[1:2] for output in perfect(annotated)), [picture.shape[:2]])
    TASK.draw_beside(tmp_path / "two.png", picture, prediction, annotated[1])
    TASK.draw_beside(tmp_path / "none.png", picture, {"objects": []}, annotated[0])
    two, none = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("two", "none"))
    assert two.shape == none.shape and two.shape[1] > 2 * 480 and not np.array_equal(two, none)
    save_drawing(tmp_path / "long.png", picture, ("", [{"class": 77, "name": "x" * 300, "box": [0, 0, 300, 103]}]))


def test_neighboring_classes_have_colors_that_differ_and_letters_that_can_be_read():
    colors = [np.array(class_colors(number)[0]) for number in range(80)]
    assert min(np.abs(a - b).sum() for a, b in zip(colors, colors[1:], strict=False)) > 0.5
    for number in range(80):
        color, ink = class_colors(number)
        brightness = np.dot(color, (0.299, 0.587, 0.114))
        assert abs(brightness - (ink == "white")) > 0.45


def test_a_network_for_another_task_is_refused():
    for keys in ({"task": "detection", "network": "resnet20"}, {"task": "classification", "network": "ssd_vgg16"}):
        with pytest.raises(UserError, match=f"network: {keys['network']} is none for task={keys['task']}; "):
            check_task(read_config(None, keys))


def test_a_teacher_is_refused():
    with pytest.raises(UserError, match="--teacher"):
        TASK.loss(teacher=object())
