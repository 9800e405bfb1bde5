# SPDX-License-Identifier: Apache-2.0
"""The golden cases of decoding are what NumPy gives; ascend310_infer/tests reads the same files."""

import json

import numpy as np
import pytest

from tests.golden.make_detections import CASES, FOLDER, case, found_in, prior_cases, rows_of


def read(name):
    """(rules, locations, logits, detections) of the committed case."""
    rules = json.loads((FOLDER / name / "rules.json").read_text(encoding="utf-8"))
    rows = rows_of(rules["maps"])
    locations, logits = np.split(np.fromfile(FOLDER / name / "outputs.bin", np.float32), [4 * rows])
    found = np.fromfile(FOLDER / name / "detections.bin", np.float32).reshape(-1, 6)
    return rules, locations.reshape(rows, 4), logits.reshape(rows, 1 + rules["num_classes"]), found


def test_every_case_lies_there_and_they_are_small():
    assert {path.parent.name for path in FOLDER.glob("*/rules.json")} == set(CASES)
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.*")) < 300_000


@pytest.mark.parametrize("name", CASES)
def test_the_recorded_detections_are_those_of_numpy(name):
    rules, locations, logits, expected = read(name)
    made, *outputs, priors = case(name)
    assert rules == made
    np.testing.assert_array_equal(locations, outputs[0])
    np.testing.assert_array_equal(logits, outputs[1])
    found = found_in(rules, locations, logits, priors)
    np.testing.assert_array_equal(found[:, 4], expected[:, 4])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_the_cases_hold_what_they_are_for():
    counts = {name: len(read(name)[3]) for name in CASES}
    assert counts["background"] == 0 and min(counts[name] for name in CASES if name != "background") > 2
    scores = read("ties")[3][:, 5]
    assert len(np.unique(scores)) < len(scores) / 4


def test_the_recorded_priors_are_those_of_numpy():
    recorded = json.loads((FOLDER / "priors.json").read_text(encoding="utf-8"))
    assert recorded == prior_cases()
