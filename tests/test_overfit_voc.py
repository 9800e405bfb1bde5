# SPDX-License-Identifier: Apache-2.0
"""benchmarks/overfit_voc.py: the pictures that it trains and tests on are the same."""

import src  # isort: skip  # noqa: F401 - makes adabin importable

import pytest

from adabin.utils.errors import UserError
from benchmarks.overfit_voc import link_pictures
from tests.annotated import fill_voc, listed


def test_each_picture_is_trained_on_several_times_and_tested_on_once(tmp_path):
    objects = {name: [("dog", 1, 1, 9, 9)] for name in "abc"}
    voc = fill_voc(tmp_path / "voc", objects, {"trainval": "abc"})
    for _ in range(2):  # a run that goes on finds the links there
        folder = link_pictures(voc, "trainval", 2, 3, tmp_path / "pictures")
    sets = {"train_sets": ["train"], "test_sets": ["test"]}
    train, test = (listed(folder, split, **sets) for split in ("train", "test"))
    assert len(train.paths) == 6 and [path[-7:] for path in test.paths] == ["a_0.jpg", "b_0.jpg"]
    assert train.labels[0].classes.tolist() == [0]
    with pytest.raises(UserError, match="has no ImageSets/Main/test.txt; give the folder of a year"):
        link_pictures(voc, "test", 2, 3, tmp_path / "other")
