# SPDX-License-Identifier: Apache-2.0
"""The golden cases hold what MindSpore computes; ascend310_infer/tests reads the same files."""

from pathlib import Path

import mindspore as ms
import numpy as np
import pytest

from adabin.inference import load_mindir
from tests.golden.make_golden import CASES

FOLDER = Path(__file__).parent / "golden"


def test_every_case_lies_there():
    assert sorted(path.parent.name for path in FOLDER.glob("*/model.mindir")) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_model_computes_the_recorded_output(name):
    shape = CASES[name][1]
    x = np.fromfile(FOLDER / name / "input.bin", np.float32).reshape(shape)
    ms.set_context(mode=ms.GRAPH_MODE)
    y = load_mindir(FOLDER / name / "model.mindir")(x)[0]
    expected = np.fromfile(FOLDER / name / "output.bin", np.float32).reshape(y.shape)
    np.testing.assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max())
