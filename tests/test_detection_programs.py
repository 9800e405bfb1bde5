# SPDX-License-Identifier: Apache-2.0
"""Detection goes the whole way, from training to prediction, with a detector as small as they get."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from adabin.data.crops import prepare
from adabin.data.decode import read_picture
from adabin.data.transforms import normalize
from adabin.detection.priors import ssd_priors
from adabin.models import MODELS
from adabin.utils.checkpoint import read_checkpoint
from adabin.utils.config import read_config
from tests import cpp, tiny_detector
from tests.programs import ROOT, call, refusal_of, result_of
from tests.runs import assert_same_run, killed_five_times
from tests.tiny_detector import CLASSES, COUNTS, FLAGS, SIDE, fill


@pytest.fixture(scope="module", autouse=True)
def known():
    tiny_detector.register()
    yield
    del MODELS["tiny_detector"]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detection")
    fill(folder / "pictures")
    return folder


@pytest.fixture(scope="module")
def trained(work):
    return result_of(call("train.py", *FLAGS, cwd=work))


@pytest.fixture(scope="module")
def ckpt(work, trained):
    return work / trained["run"] / "best.ckpt"


def test_a_training_records_both_parts_of_the_loss_and_the_average_precisions(work, trained, ckpt):
    with open(ckpt.with_name("metrics.csv"), newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    columns = ["train_loss", "train_location_loss", "train_class_loss", "test_map", "test_ap"]
    assert [column for column in rows[0] if column.startswith(("train_", "test_"))] == columns
    for row in rows:
        parts = float(row["train_location_loss"]) + float(row["train_class_loss"])
        assert parts == pytest.approx(float(row["train_loss"]), rel=1e-5)
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert float(rows[0]["lr"]) > float(rows[1]["lr"]) > float(rows[2]["lr"])
    assert trained["best_map"] == max(float(row["test_map"]) for row in rows)
    config = read_config(ckpt.with_name("config.yaml"))
    assert (config.num_classes, config.class_names) == (3, list(CLASSES))


ALL_OPTIONS = ("--ema_decay=0.9", "--accumulation=2", "--amp_level=O2", "--clip_norm=5")


@pytest.mark.parametrize("flags", [(), pytest.param(ALL_OPTIONS, marks=pytest.mark.slow)], ids=["plain", "all options"])
def test_a_training_killed_five_times_ends_as_one_that_was_never_killed(work, tmp_path, flags):
    flags = (*FLAGS[:-1], f"--data_path={work / 'pictures'}", "--num_workers=2", *flags)
    whole = result_of(call("train.py", *flags, "--output_path", tmp_path / "whole", cwd=tmp_path))
    assert 0 <= whole["map"] <= 1 and "top1" not in json.dumps(whole)
    run = killed_five_times(tmp_path, COUNTS["train"] // 8, *flags, program=("tests/tiny_detector.py",))
    resumed = result_of(call("train.py", "--resume", run, cwd=tmp_path))
    assert resumed["best_map"] == whole["best_map"]
    assert_same_run(run, Path(whole["run"]))


def test_evaluation_gives_the_score_again_with_a_table_of_the_classes(work, trained, ckpt):
    ended = call("eval.py", "--ckpt_path", ckpt, cwd=work)
    result = result_of(ended)
    assert result["images"] == COUNTS["test"] and result["map"] == pytest.approx(trained["best_map"], abs=1e-6)
    assert [row["name"] for row in result["classes"]] == list(CLASSES)
    assert sum(row["objects"] for row in result["classes"]) == result["objects"]
    assert all(any(line.startswith(name) for line in ended.stderr.splitlines()) for name in CLASSES)
    assert "drawings" not in result
    every = result_of(call("eval.py", "--ckpt_path", ckpt, "--eval_batch_size=10", cwd=work))
    assert every["map"] == pytest.approx(result["map"], abs=1e-6)


def test_test_pictures_are_drawn_beside_their_annotations_and_nothing_is_overwritten(work, ckpt, tmp_path):
    flags = ("--ckpt_path", ckpt, "--draw", "4", "--draw_path", tmp_path / "drawn")
    result = result_of(call("eval.py", *flags, cwd=work))
    assert result["drawings"] == str(tmp_path / "drawn")
    drawn = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert drawn == ["precision_recall.png", "test00.png", "test02.png", "test05.png", "test07.png"]
    shape = cv2.imread(str(work / "pictures" / "JPEGImages" / "test02.png")).shape
    high, wide = cv2.imread(str(tmp_path / "drawn" / "test02.png")).shape[:2]
    assert wide > 2 * high * shape[1] / shape[0] * 0.9, "two panels"
    before = {path.name: path.read_bytes() for path in (tmp_path / "drawn").iterdir()}
    line = refusal_of(call("eval.py", *flags, cwd=work))
    assert "test00.png: exists already" in line and "--draw_path" in line
    assert {path.name: path.read_bytes() for path in (tmp_path / "drawn").iterdir()} == before
    assert "--draw -1" in refusal_of(call("eval.py", "--ckpt_path", ckpt, "--draw", "-1", cwd=work))


def test_the_outputs_of_a_detector_are_no_logits(work, ckpt, tmp_path):
    line = refusal_of(call("eval.py", "--ckpt_path", ckpt, "--logits_path", tmp_path / "logits.npy", cwd=work))
    assert "--logits_path: is for networks with one output, this one has 2" in line and not any(tmp_path.iterdir())


def test_curves_alone_can_be_drawn(work, ckpt, tmp_path):
    result_of(call("eval.py", "--ckpt_path", ckpt, "--draw_path", tmp_path / "drawn", cwd=work))
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["precision_recall.png"]


def test_a_task_that_draws_no_test_pictures_says_so(tiny_run, tmp_path):
    line = refusal_of(call("eval.py", "--ckpt_path", tiny_run / "best.ckpt", "--draw", "2", cwd=tmp_path))
    assert line.startswith("error: --draw: ") and not any(tmp_path.iterdir())


@pytest.mark.parametrize("file_format", ["MINDIR", "ONNX"])
def test_an_export_has_two_outputs_and_says_how_to_decode_them(work, ckpt, tmp_path, file_format):
    flags = ("--ckpt_path", ckpt, "--file_name", tmp_path / "net", "--file_format", file_format)
    exported = result_of(call("export.py", *flags, cwd=work))
    assert exported["compared_images"] == COUNTS["test"] and exported["equal_decisions"] == 1.0
    described = yaml.safe_load((tmp_path / "net.yaml").read_text(encoding="utf-8"))
    assert (described["min_score"], described["nms_iou"], described["max_detections"]) == (0.01, 0.45, 200)
    assert described["class_names"] == list(CLASSES) and described["outputs"]["variances"] == [0.1, 0.2]
    assert "match_iou" not in described and "neg_pos_ratio" not in described
    assert read_config(tmp_path / "net.yaml").task == "detection"


@pytest.mark.parametrize("side", [64, 96, 300, 512])
def test_priors_can_be_made_from_what_an_export_says(side):
    from adabin.tasks.detection import Detection

    rule = Detection(read_config(None, {"task": "detection", "image_size": side})).description()
    rule = yaml.safe_load(yaml.safe_dump(rule))
    priors = [
        [min(1, value) for value in ((column + 0.5) * one["step"], (row + 0.5) * one["step"], *shape)]
        for one in rule["maps"]
        for row in range(one["side"])
        for column in range(one["side"])
        for shape in one["shapes"]
    ]
    np.testing.assert_array_equal(np.float32(priors), ssd_priors(side))


def test_what_classification_exports_says_nothing_of_detection(tiny_run, tmp_path):
    flags = ("--ckpt_path", tiny_run / "best.ckpt", "--file_name", tmp_path / "net", "--check_images=0")
    result_of(call("export.py", *flags, cwd=tmp_path))
    described = yaml.safe_load((tmp_path / "net.yaml").read_text(encoding="utf-8"))
    assert not {"nms_iou", "min_score", "max_detections", "shown_score", "outputs"} & described.keys()


def test_predictions_are_boxes_in_pixels_of_the_picture(work, ckpt, tmp_path):
    picture = np.full((90, 300, 3), 120, np.uint8)
    picture[20:70, 200:260] = (30, 40, 230)
    cv2.imwrite(str(tmp_path / "wide.png"), picture)
    flags = ("--ckpt_path", ckpt, "--image", tmp_path, "--output_path", tmp_path / "drawn", "--shown_score=0.02")
    ended = call("predict.py", *flags, cwd=work)
    (found,) = result_of(ended)["predictions"]
    assert set(found) == {"image", "objects", "drawing"} and found["objects"]
    boxes = np.array([one["box"] for one in found["objects"]])
    assert (boxes >= 0).all() and (boxes[:, [0, 2]] <= 300).all() and (boxes[:, [1, 3]] <= 90).all()
    assert boxes[:, 2].max() > 150, "of the whole width, not of a middle part"
    scores = [one["score"] for one in found["objects"]]
    assert scores == sorted(scores, reverse=True) and min(scores) >= 0.02
    assert {one["name"] for one in found["objects"]} <= set(CLASSES)
    assert cv2.imread(found["drawing"]).shape[:2] == (144, 480)
    assert f"{found['objects'][0]['name']} {100 * scores[0]:.0f} %" in ended.stderr
    none = result_of(call("predict.py", *flags[:-1], "--force", "--shown_score=0.999", cwd=work))
    assert none["predictions"][0]["objects"] == []


def test_a_config_of_another_size_is_refused_where_the_boxes_do_not_fit(work, ckpt, tmp_path):
    line = refusal_of(call("eval.py", "--ckpt_path", ckpt, "--image_size=300", cwd=work))
    assert "is of another network: it has no tensor locations.4" in line
    line = refusal_of(call("train.py", *FLAGS, "--image_size=32", cwd=work))
    assert "image_size: 32 is too small for a detector" in line


def test_a_checkpoint_is_evaluated_on_other_data_whatever_sizes_its_training_had(work, ckpt, tmp_path):
    """What its config says of the data of the training has no effect on others; other classes are named."""
    run = shutil.copytree(ckpt.parent, tmp_path / "run")
    text = (run / "config.yaml").read_text(encoding="utf-8")
    text = text.replace("dataset: voc\n", "dataset: scenes\n").replace("test_size: 0\n", "test_size: 3\n")
    (run / "config.yaml").write_text(text, encoding="utf-8")
    flags = ("--ckpt_path", run / ckpt.name, "--dataset=voc", f"--data_path={work / 'pictures'}")
    assert result_of(call("eval.py", *flags, cwd=work))["images"] == COUNTS["test"]


def test_the_cpp_program_finds_the_same_objects(work, ckpt, tmp_path):
    cpp.program("adabin_infer")
    result_of(call("export.py", "--ckpt_path", ckpt, "--file_name", tmp_path / "net", "--check_images=0", cwd=work))
    cpp.run("adabin_pack", "--model", tmp_path / "net.mindir", "--output", tmp_path / "net.adabin")
    picture = min(path for path in (work / "pictures").rglob("*") if path.suffix in (".jpg", ".png"))
    found = {}
    for number, model in enumerate((("--ckpt_path", ckpt), ("--model", tmp_path / "net.adabin"))):
        flags = (*model, "--image", picture, "--output_path", tmp_path / str(number), "--shown_score=0.02")
        (found[number],) = result_of(call("predict.py", *flags, cwd=work))["predictions"]
    assert found[0]["objects"]
    for own, theirs in zip(found[0]["objects"], found[1]["objects"], strict=True):
        assert own["name"] == theirs["name"]
        assert own["score"] == pytest.approx(theirs["score"], abs=1e-3)
        assert own["box"] == pytest.approx(theirs["box"], abs=0.1)
    # Evaluated, the file's scores are the checkpoint's; what its description says of other data has no effect.
    described = tmp_path / "net.yaml"
    kept = [
        line for line in described.read_text("utf-8").splitlines() if not line.startswith(("dataset:", "test_size:"))
    ]
    described.write_text("\n".join(["dataset: scenes", "test_size: 3", *kept]) + "\n", encoding="utf-8")
    flags = ("--model", tmp_path / "net.mindir", "--dataset=voc", f"--data_path={work / 'pictures'}")
    evaluated = result_of(call("eval.py", *flags, cwd=work))
    own = result_of(call("eval.py", "--ckpt_path", ckpt, cwd=work))
    assert evaluated["images"] == COUNTS["test"] and evaluated["map"] == pytest.approx(own["map"], abs=0.01)
    # And adabin_infer by itself, of the tensor that predict.py gives the network.
    config = read_config(tmp_path / "net.yaml")
    (size, pixels) = read_picture(picture).shape[:2], prepare(read_picture(picture, SIDE), config, whole=True)
    normalize(pixels[None], config.mean, config.std).tofile(tmp_path / "x.bin")
    files = ("--model", tmp_path / "net.adabin", "--input", tmp_path / "x.bin", "--output", tmp_path / "out")
    cpp.run("adabin_infer", *files, "--boxes", "--boxes_size", *size)
    (sample,) = json.loads((tmp_path / "out" / "x.json").read_text(encoding="utf-8"))["samples"]
    told = [one for one in sample["objects"] if one["score"] >= 0.02]
    for own, theirs in zip(told, found[1]["objects"], strict=True):
        assert (own["class"], own["name"]) == (theirs["class"], theirs["name"])
        assert own["score"] == pytest.approx(theirs["score"], abs=2e-6)
        assert own["box"] == pytest.approx(theirs["box"], abs=0.051)


def test_a_training_tells_its_classes_and_which_have_no_object(tmp_path):
    fill(tmp_path / "pictures", ("blue", "red"))
    (tmp_path / "pictures" / "classes.txt").write_text("blue\nred\nviolet\n", encoding="utf-8")
    ended = call("train.py", *FLAGS, "--epochs=1", cwd=tmp_path)
    result_of(ended)
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("3 classes: ")]
    assert line.startswith("3 classes: blue, red, violet; ") and line.endswith(" objects to learn from; none of violet")


def test_another_folder_with_other_classes_is_learned_from_there_on(work, ckpt, tmp_path):
    """Fine-tuning: all is loaded but the heads of the classes."""
    fill(tmp_path / "pictures", ("blue", "red"))
    ended = call("train.py", *FLAGS, "--pretrained", ckpt, "--epochs=1", cwd=tmp_path)
    result = result_of(ended)
    config = read_config(tmp_path / result["run"] / "config.yaml")
    assert (config.num_classes, config.class_names) == (2, ["blue", "red"])
    loaded = result["pretrained"]
    heads = len([name for name in read_checkpoint(ckpt)[1] if name.startswith("scores.")])
    assert (
        loaded["other_shape"] == heads and not loaded["missing"] and not loaded["unused"] and loaded["loaded"] > heads
    )
    assert "left out, of another shape: " in ended.stderr and "scores.0.weight" in ended.stderr


def test_a_teacher_is_refused(work, ckpt):
    line = refusal_of(call("train.py", *FLAGS, "--teacher", ckpt, cwd=work))
    assert "--teacher" in line
    line = refusal_of(call("train.py", *FLAGS, "--label_smoothing=0.1", cwd=work))
    assert "--label_smoothing: has no effect with task=detection" in line


def test_preprocess_is_for_labels(work, tmp_path):
    flags = ("--config_path", ROOT / "config" / "ssd300_vgg16_voc_folder.yaml", "--data_path=pictures")
    line = refusal_of(call("preprocess.py", *flags, "--output_path", tmp_path / "out", cwd=work))
    assert "preprocess.py writes labels" in line and not (tmp_path / "out").exists()
