# SPDX-License-Identifier: Apache-2.0
"""Which test pictures are drawn, and that each gets its own outputs."""

import src  # isort: skip  # noqa: F401 - makes adabin importable

from types import SimpleNamespace

import numpy as np
import pytest

from adabin.shown_tests import ShownTests
from adabin.utils.errors import UserError


class Pictures(SimpleNamespace):
    num_images = 23

    def name_of(self, index):
        return f"{index:02}.jpg"

    def original(self, index):
        return np.full((4, 6, 3), index, np.uint8)

    def annotations(self, chosen):
        return [int(index) for index in chosen]


class Task:
    """Its network's outputs are the images' numbers."""

    def __init__(self):
        self.drawn = []

    def predict(self, outputs, sizes):
        assert sizes == [(4, 6)]
        return [int(value) for value in outputs[1]]

    def draw_beside(self, path, picture, prediction, annotation):
        self.drawn.append((path.name, int(picture[0, 0, 0]), prediction, annotation))


@pytest.mark.parametrize("count, numbers", [(4, [0, 5, 11, 17]), (1, [0]), (23, range(23)), (99, range(23)), (0, [])])
@pytest.mark.parametrize("batch", [4, 23])
def test_pictures_are_evenly_spread_and_get_their_own_outputs(tmp_path, count, numbers, batch):
    task = Task()
    shown = ShownTests(Pictures(), task, count, tmp_path)
    model = shown.watch(lambda images: (images * 0, images[:, 0]))
    for first in range(0, 23, batch):
        images = np.arange(first, min(first + batch, 23))[:, None]
        np.testing.assert_array_equal(model(images)[1], images[:, 0])
    shown.draw()
    assert task.drawn == [(f"{number:02}.png", number, number, number) for number in numbers]


def test_a_task_without_such_drawings_and_a_drawing_that_exists_are_refused(tmp_path):
    with pytest.raises(UserError, match="--draw: this task draws no test pictures"):
        ShownTests(Pictures(), object(), 3, tmp_path)
    (tmp_path / "05.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"05\.png: exists already; give a new folder with --draw_path"):
        ShownTests(Pictures(), Task(), 4, tmp_path)
