# SPDX-License-Identifier: Apache-2.0
"""Real annotations, read as in an evaluation and fed to the metrics as detections: right everywhere."""

import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.detection.metric import DetectionMetric
from tests.annotated import config_for

SUMMARY = ("ap", "ap_50", "ap_75", "ap_small", "ap_medium", "ap_large", "ar_100")


@pytest.fixture(params=[("voc", "VOCdevkit", 300, 20), ("coco", "coco", 60, 80)], ids=["VOC", "COCO"])
def annotated(request, test_data):
    """(whether ignored objects are crowds, annotations, number of classes) of the real test pictures."""
    name, folder, pictures, classes = request.param
    dataset = build_dataset(config_for(test_data / folder, name, check_pictures=False), "test")
    found = dataset.annotations(range(pictures))
    assert len(dataset.labels) == pictures and len(dataset.class_names) == classes
    return name == "coco", found, classes


def evaluated(annotated, spoil=lambda boxes: boxes):
    crowds, objects, classes = annotated
    metric = DetectionMetric(classes, crowds=crowds)
    for one in objects:
        wanted = ~one.ignored
        metric.add(one, spoil(one.boxes[wanted]), one.classes[wanted], np.ones(wanted.sum(), np.float32))
    return metric.result([metric.state()])


def test_the_annotations_as_detections_give_one_everywhere(annotated):
    values = evaluated(annotated)
    assert values["objects"] == sum((~one.ignored).sum() for one in annotated[1]) > 0
    for name in ("map", "map_11point", *SUMMARY):
        assert values[name] in (pytest.approx(1, abs=1e-6), -1), name
    assert values["map"] > 0.999 and values["ap"] > 0.999


def test_boxes_off_by_a_tenth_of_their_size_are_right_at_a_half_and_not_everywhere(annotated):
    """IoU 0.9 / 1.1 = 0.82: right at 0.5 and 0.75, not at 0.85 and above."""

    def moved(boxes):
        return boxes + 0.1 * (boxes[:, 2:] - boxes[:, :2])[:, [0, 1, 0, 1]] * [1, 0, 1, 0]

    values = evaluated(annotated, moved)
    assert values["map"] > 0.97 and values["ap_75"] > 0.97 and 0.6 < values["ap"] < 0.75
