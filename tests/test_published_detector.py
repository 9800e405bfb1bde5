# SPDX-License-Identifier: Apache-2.0
"""The detector in models/ finds in C++ what its card says."""

import json

import pytest

from scripts.draw_scenes import scenes
from scripts.model_trials import _judged
from tests import cpp
from tests.programs import ROOT, call, result_of

FOLDER = ROOT / "models" / "ssd300_scenes"
MODEL = FOLDER / "ssd_vgg16.adabin"
# Float rounding, another on every kind of processor, flips bits, and one that flips early changes all that follow.
ROUNDING = 0.01


@pytest.fixture(scope="module")
def card():
    cpp.program("adabin_infer")
    return json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))


def test_the_packed_detector_finds_the_objects_of_the_pictures_to_try(card, tmp_path):
    flags = ("--model", MODEL, "--image", FOLDER / "pictures", "--output_path=")
    found = result_of(call("predict.py", *flags, cwd=tmp_path))["predictions"]
    truth = {f"{name}.jpg": objects for name, (_, objects) in scenes().items()}
    right = [_judged(one["objects"], truth[one["image"].rsplit("/", 1)[1]])["right"] for one in found]
    assert len(found) == len(truth) == len(card["pictures"])
    assert sum(right) == pytest.approx(sum(one["right"] for one in card["pictures"]), abs=2)


@pytest.mark.slow
def test_the_packed_detector_has_the_average_precision_of_the_card(card, tmp_path):
    found = result_of(call("eval.py", "--model", MODEL, cwd=tmp_path))
    assert found["images"] == card["evaluation"]["images"]
    assert found["map"] == pytest.approx(card["evaluation"]["cpp"]["map"], abs=ROUNDING)
