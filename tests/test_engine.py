# SPDX-License-Identifier: Apache-2.0
"""What predict.py asks of the C++ engine: images of the network's size, of a library as new as its sources."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from adabin import engine
from adabin.engine import library
from adabin.tasks.names import class_names
from adabin.utils.errors import UserError
from tests import cpp
from tests.programs import ROOT

MODEL = ROOT / "tests" / "golden" / "network" / "model.mindir"
SIZE = 11


@pytest.fixture
def model():
    cpp.program("libadabin.so")
    return engine.EngineModel(MODEL)


# Four times as many pixels are as many bytes as four images.
@pytest.mark.parametrize("size", [22, 16, 5])
def test_images_of_another_size_are_refused_before_their_number_confuses(model, size):
    assert len(model(np.zeros((3, 3, SIZE, SIZE), np.float32))[0]) == 3
    with pytest.raises(UserError, match=f"takes images of {SIZE} x {SIZE}, the config has image_size={size}; give"):
        model(np.zeros((3, 3, size, size), np.float32))


CLASS_COUNTS = [("ab", 3, "class_names: the config has 2"), ("abc", 100, "num_classes: the config has 100")]


@pytest.mark.parametrize("names, number, said", CLASS_COUNTS)
def test_a_number_of_classes_that_is_not_the_models_is_refused_wherever_it_stands(names, number, said):
    with pytest.raises(UserError, match=f"{said} classes, the network 3 outputs"):
        class_names(SimpleNamespace(class_names=list(names), num_classes=number), 3)
    assert class_names(SimpleNamespace(class_names=["a", "b", "c"], num_classes=3), 3) == ["a", "b", "c"]
    assert class_names(SimpleNamespace(class_names=[], num_classes=0), 2) == ["class 0", "class 1"]


@pytest.mark.parametrize("name", ["CMakeLists.txt", "src/graph/plan.cc", "inc/base/file.h", "tools/api.cc"])
def test_a_library_older_than_a_source_is_named_in_one_line(tmp_path, monkeypatch, capsys, name):
    built = tmp_path / "ascend310_infer" / "build" / "libadabin.so"
    for path in (built, built.parents[1] / name):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1000, 1000))
    monkeypatch.delenv(library.VARIABLE, raising=False)
    monkeypatch.setattr(library, "LIBRARY", built)
    monkeypatch.setattr(library, "SOURCES", built.parents[1])
    assert library.find() == str(built)
    assert capsys.readouterr().err == ""
    os.utime(built.parents[1] / name, (2000, 2000))
    assert library.find() == str(built)
    said = capsys.readouterr().err
    assert said.startswith("warning: ") and said.count("\n") == 1
    assert f"is older than ascend310_infer/{name}; build it again with: bash ascend310_infer/build.sh" in said
