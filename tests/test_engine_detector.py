# SPDX-License-Identifier: Apache-2.0
"""Boxes from the C++ engine, through its Python binding and out of adabin_infer: NumPy's and predict.py's."""

import src  # isort: skip  # noqa: F401 - makes adabin importable

import json
import subprocess
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest

from adabin.deploy import to_deploy
from adabin.detection.decoding import detections
from adabin.engine import Detector, Model
from adabin.export.description import write_description
from adabin.export.file import write
from adabin.models import MODELS
from adabin.tasks.detection import Detection
from adabin.tasks.names import class_names
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from tests import cpp, tiny_detector
from tests.golden.make_detections import peaked_outputs, random_outputs
from tests.programs import ROOT
from tests.test_cpp_networks import build
from tests.tiny_detector import CLASSES, SIDE

NAMES = [*CLASSES[:2], "réd: it's"]
LIMITS = {"min_score": 0.05, "nms_iou": 0.4, "max_detections": 50, "shown_score": 0.3}
KEYS = {"task": "detection", "image_size": SIDE, "num_classes": len(NAMES), "class_names": NAMES, **LIMITS}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A detector that has learned nothing, as export.py leaves it: network, packed file, description."""
    cpp.program("adabin_infer")
    folder = tmp_path_factory.mktemp("detector")
    tiny_detector.register()
    ms.set_context(mode=ms.GRAPH_MODE)
    write(
        to_deploy(build("tiny_detector", SIDE, num_classes=len(NAMES))),
        folder / "net.mindir",
        "MINDIR",
        (1, 3, SIDE, SIDE),
    )
    del MODELS["tiny_detector"]
    config = read_config(None, KEYS)
    task = Detection(config)
    write_description(folder / "net.yaml", config, task)
    cpp.run("adabin_pack", "--model", folder / "net.mindir", "--output", folder / "net.adabin")
    return SimpleNamespace(folder=folder, file=folder / "net.adabin", task=task)


def found_by_numpy(exported, locations, scores, size):
    limits = (LIMITS[key] for key in ("min_score", "nms_iou", "max_detections"))
    boxes, *rest = detections(locations, scores, exported.task.priors, *limits)
    return boxes.astype(float) * (size[1], size[0], size[1], size[0]), *rest


def assert_same(found, expected, size):
    assert list(found[1]) == list(expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-6 * max(size))
    np.testing.assert_allclose(found[2], expected[2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("made", [random_outputs, peaked_outputs])
def test_boxes_are_numpys(exported, made):
    with Model(exported.file) as model:
        detector = Detector(model)
    assert detector.names == tuple(NAMES) and detector.most == LIMITS["max_detections"]
    for seed in range(10):
        outputs = made(np.random.default_rng(seed), len(NAMES))
        size = (37 + 100 * seed, 1000 - 90 * seed)
        found = detector.find(*outputs, size)
        assert_same(found, found_by_numpy(exported, *outputs, size), size)
        assert len(found[0]) and [array.dtype for array in found] == [np.float64, np.int32, np.float32]
        # In another order in memory they are the same values.
        assert_same(detector.find(*map(np.asfortranarray, outputs), size), found, size)
    outputs[1][:] = (20, 0, 0, 0)
    assert [array.shape for array in detector.find(*outputs, size)] == [(0, 4), (0,), (0,)]


def test_what_is_no_output_of_a_detector_is_refused(exported):
    locations, scores = random_outputs(np.random.default_rng(0), len(NAMES))
    with Model(exported.file) as model:
        detector = Detector(model)
    for size in (375, (3, 4, 5), (375.7, 500), (10**30, 1), (np.nan, 1)):
        with pytest.raises(UserError, match="size: .* is (not .height, width.|more than)"):
            detector.find(locations, scores, size)
    for arrays, size, said in (
        ((locations.astype(float), scores), (1, 1), "locations: is float64"),
        ((locations[1:], scores), (1, 1), "output_0: has"),
        ((locations, scores[:, 1:]), (1, 1), "output_1: has"),
        ((locations, scores * np.nan), (1, 1), "not finite"),
        ((locations, scores), (0, 1), "0 x 1 pixels is no size"),
    ):
        with pytest.raises(UserError, match=said):
            detector.find(*arrays, size)
    detector.close()
    with pytest.raises(ValueError, match="is closed"):
        detector.find(locations, scores, (1, 1))
    with (
        Model(exported.file.with_suffix(".mindir").read_bytes()) as bare,
        pytest.raises(UserError, match="the model has no description"),
    ):
        Detector(bare)


SIZES = [((), (SIDE, SIDE)), (("--boxes_size", "375", "500"), (375, 500))]


@pytest.mark.parametrize("flags, size", SIZES, ids=["network's", "given"])
def test_the_program_writes_the_objects_that_numpy_finds_and_predict_tells(exported, tmp_path, flags, size):
    images = np.random.default_rng(3).normal(size=(4, 3, SIDE, SIDE)).astype(np.float32)
    (tmp_path / "in").mkdir()
    images[:3].tofile(tmp_path / "in" / "three.bin")
    images[3:].tofile(tmp_path / "in" / "one.bin")
    files = ("--model", exported.file, "--input", tmp_path / "in", "--output", tmp_path / "out")
    cpp.run("adabin_infer", *files, "--boxes", *flags)
    names = {"one.json", "one_0.bin", "one_1.bin", "three.json", "three_0.bin", "three_1.bin"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    for stem, count in (("one", 1), ("three", 3)):
        written = json.loads((tmp_path / "out" / f"{stem}.json").read_text(encoding="utf-8"))
        assert (written["height"], written["width"]) == size and len(written["samples"]) == count
        raw = [np.fromfile(tmp_path / "out" / f"{stem}_{i}.bin", np.float32).reshape(count, -1) for i in (0, 1)]
        outputs = [array.reshape(count, len(exported.task.priors), 4) for array in raw]  # three classes: 4 scores
        told = exported.task.predict(outputs, [size] * count)
        for sample, *row, shown in zip(written["samples"], *outputs, told, strict=True):
            objects = sample["objects"]
            assert objects
            found = ([one["box"] for one in objects], *([one[key] for one in objects] for key in ("class", "score")))
            assert_same(found, found_by_numpy(exported, *row, size), size)
            assert [one["name"] for one in objects] == [NAMES[one["class"]] for one in objects]
            # Rounded, and from shown_score on, they are what predict.py gives.
            best = [one for one in objects if one["score"] >= LIMITS["shown_score"]]
            assert [set(one) for one in best] == [set(one) for one in shown["objects"]] and best
            for own, theirs in zip(best, shown["objects"], strict=True):
                assert (own["class"], own["name"]) == (theirs["class"], theirs["name"])
                assert own["score"] == pytest.approx(theirs["score"], abs=2e-6)
                assert own["box"] == pytest.approx(theirs["box"], abs=0.051)


def refusal(*arguments):
    """The one line with which the program ends."""
    command = [str(cpp.program("adabin_infer")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "", done
    (line,) = done.stderr.splitlines()
    return line


def test_bad_input_is_one_line_and_writes_nothing(exported, tmp_path):
    np.zeros((1, 3, SIDE, SIDE), np.float32).tofile(tmp_path / "x.bin")
    rest = ("--input", tmp_path / "x.bin", "--output", tmp_path / "out")
    files = ("--model", exported.file, *rest)
    classifier = ROOT / "models" / "resnet20_cifar10" / "resnet20.adabin"
    assert "--boxes: the network has 1 output, output_0 (N, 10);" in refusal("--model", classifier, *rest, "--boxes")
    assert "--boxes_size: has no effect without --boxes" in refusal(*files, "--boxes_size", 3, 4)
    for size in ((3,), (0, 5), (5, -1), ("x", 5)):
        assert "--boxes_size" in refusal(*files, "--boxes", "--boxes_size", *size)
    alone = tmp_path / "net.mindir"
    alone.write_bytes(exported.file.with_suffix(".mindir").read_bytes())
    line = refusal("--model", alone, *rest, "--boxes")
    assert "--boxes: the model has no description; put the .yaml that export.py writes beside it" in line
    text = exported.file.with_suffix(".yaml").read_text(encoding="utf-8")
    alone.with_suffix(".yaml").write_text(text.replace("side: 8", "side: 9"), encoding="utf-8")
    assert "--boxes: maps: they make " in refusal("--model", alone, *rest, "--boxes")
    assert not (tmp_path / "out").exists()


def test_names_are_those_that_python_gives_where_the_description_has_none(exported, tmp_path):
    text = exported.file.with_suffix(".yaml").read_text(encoding="utf-8")
    config = read_config(exported.file.with_suffix(".yaml"), {"class_names": []})
    write_description(tmp_path / "net.yaml", config, exported.task)
    assert (tmp_path / "net.yaml").read_text(encoding="utf-8") != text
    (tmp_path / "net.mindir").write_bytes(exported.file.with_suffix(".mindir").read_bytes())
    with Model(tmp_path / "net.mindir") as model:
        assert list(Detector(model).names) == class_names(config, len(NAMES))
