# SPDX-License-Identifier: Apache-2.0
"""A folder of pictures goes train -> evaluate -> export -> predict, in MindSpore and in C++."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from adabin.predict import drawing_paths, find_pictures
from adabin.tasks.classification.prediction import softmax
from adabin.utils.config import read_config
from adabin.utils.errors import RunError
from tests import cpp
from tests.pictures import COLORS, draw, fill, save
from tests.programs import ROOT, call, refusal_of, result_of

CLASSES = ("blue", "green", "red")
RECIPE = ("--config_path", ROOT / "config" / "resnet20_pictures.yaml", "--network=resnet8")
SMALL = ("--image_size=16", "--batch_size=10", "--epochs=4", "--lr=0.02", "--log_steps=4")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def trained(work):
    """The result of a training on a folder of pictures, split by split_seed."""
    fill(work / "pictures", 40, CLASSES)
    return result_of(call("train.py", *RECIPE, *SMALL, "--split_seed=5", "--data_path", "pictures", cwd=work))


@pytest.fixture(scope="module")
def ckpt(work, trained):
    return work / trained["run"] / "best.ckpt"


@pytest.fixture(scope="module")
def exported(work, ckpt):
    """The network as MindIR and packed."""
    result = result_of(call("export.py", "--ckpt_path", ckpt, "--file_name", "net", cwd=work))
    cpp.run("adabin_pack", "--model", work / "net.mindir", "--output", work / "net.adabin")
    return result


@pytest.fixture(scope="module")
def photos(work):
    """Pictures that were not trained on, of several kinds and sizes."""
    for number, (name, color) in enumerate((name, COLORS[name]) for name in CLASSES):
        save(work / "photos" / f"{name}.png", draw(color, 900 + number, 200, 150))
    save(work / "photos" / "more" / "blue.jpg", draw(COLORS["blue"], 910, 18, 300))
    return work / "photos"


def top1(result):
    return {prediction["image"]: prediction["top5"][0]["name"] for prediction in result["predictions"]}


def test_a_run_keeps_number_and_names_of_the_classes(work, trained, ckpt):
    config = read_config(ckpt.with_name("config.yaml"))
    assert (config.num_classes, config.class_names) == (3, list(CLASSES))
    assert trained["dataset"] == "image_folder"
    result = result_of(call("eval.py", "--ckpt_path", ckpt, cwd=work))
    assert result["top1"] == pytest.approx(trained["best_top1"]) and result["images"] < 60


def test_a_checkpoint_alone_names_the_classes_for_a_recipe_that_leaves_them_open(work, ckpt, photos):
    flags = ("--ckpt_path", ckpt, *RECIPE, "--image_size=16", "--image", photos / "red.png", "--output_path=")
    result = result_of(call("predict.py", *flags, cwd=work))
    assert {answer["name"] for answer in result["predictions"][0]["top5"]} == set(CLASSES)
    assert set(result) == {"network", "ckpt", "images", "left_out", "images_per_second", "predictions"}
    assert set(result["predictions"][0]) == {"image", "top5"}


def test_the_checkpoint_and_both_exported_files_give_equal_answers(work, ckpt, exported, photos):
    found = {}
    for flag, path in (("--ckpt_path", ckpt), ("--model", work / "net.mindir"), ("--model", work / "net.adabin")):
        ended = call("predict.py", flag, path, "--image", photos, "--output_path", f"drawn{path.suffix}", cwd=work)
        found[path.suffix] = result_of(ended)
        for prediction in found[path.suffix]["predictions"]:
            (line,) = (line for line in ended.stderr.splitlines() if line.startswith(prediction["image"] + " "))
            assert f"{prediction['top5'][0]['name']} {100 * prediction['top5'][0]['score']:.1f} %" in line
    assert len(top1(found[".ckpt"])) == 4
    assert top1(found[".ckpt"]) == top1(found[".mindir"]) == top1(found[".adabin"])
    assert found[".mindir"]["predictions"][0]["top5"] == found[".adabin"]["predictions"][0]["top5"]
    for ours, theirs in zip(found[".ckpt"]["predictions"], found[".adabin"]["predictions"], strict=True):
        scores, expected = ({a["name"]: a["score"] for a in p["top5"]} for p in (ours, theirs))
        assert scores == pytest.approx(expected, abs=1e-3) and sum(scores.values()) == pytest.approx(1, abs=1e-4)
        assert len(scores) == 3


def test_evaluation_of_both_exported_files_is_that_of_the_checkpoint(work, exported, ckpt):
    expected = result_of(call("eval.py", "--ckpt_path", ckpt, cwd=work))
    (work / "elsewhere").mkdir()
    alone = shutil.copy(work / "net.adabin", work / "elsewhere" / "alone.adabin")  # it holds its description
    for path in (work / "net.mindir", work / "net.adabin", alone):
        flags = ("--model", path, "--data_path", "pictures")
        found = result_of(call("eval.py", *flags, cwd=work))
        assert set(found) == set(expected) - {"ckpt"} | {"model"} and found["model"] == str(path)
        assert (found["images"], found["top1"]) == (expected["images"], expected["top1"])
        assert found["loss"] == pytest.approx(expected["loss"], rel=1e-3)
    for more, said in (
        (("--ckpt_path", ckpt), "--ckpt_path and --model are two ways to the same"),
        (("--w_bits=32",), "--w_bits: has no effect on --model, which runs in the C++ engine"),
        (("--image_size=12",), "alone.adabin: takes images of 16 x 16, the config has image_size=12"),
    ):
        assert said in refusal_of(call("eval.py", *flags, *more, cwd=work))


def test_every_picture_is_drawn_with_its_classes_and_nothing_is_overwritten(work, ckpt, photos, tmp_path):
    flags = ("--ckpt_path", ckpt, "--image", photos, "--output_path", tmp_path / "drawn")
    result = result_of(call("predict.py", *flags, cwd=work))
    drawings = [prediction["drawing"] for prediction in result["predictions"]]
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "blue-2.png",
        "blue.png",
        "green.png",
        "red.png",
    ]
    for path in drawings:
        picture = cv2.imread(path)
        assert picture.shape == (384, 921, 3)
        assert (picture[:, 400:] < 100).any(), "no text"
    before = {path.name: path.read_bytes() for path in (tmp_path / "drawn").iterdir()}
    line = refusal_of(call("predict.py", *flags, cwd=work))
    assert "drawn/blue.png: exists already" in line and "--force" in line
    assert {path.name: path.read_bytes() for path in (tmp_path / "drawn").iterdir()} == before
    files = [Path("a/blue.jpg"), Path("b/blue.png")]
    assert [path.name for path in drawing_paths(files, tmp_path / "drawn", force=True)] == ["blue.png", "blue-2.png"]


def test_export_describes_the_network_beside_the_file(work, exported, ckpt):
    assert exported["description"] == "net.yaml"
    content = yaml.safe_load((work / "net.yaml").read_text(encoding="utf-8"))
    assert content["class_names"] == list(CLASSES) and content["network"] == "resnet8" and content["num_classes"] == 3
    split = [content[key] for key in ("split_seed", "test_share", "test_size")]
    assert split == [5, 0.2, 0]  # which pictures were kept for testing
    assert content["image_size"] == 16 and content["resize_shorter_side"] == 18
    assert len(content["mean"]) == len(content["std"]) == 3
    # ONNX of the same network and name has the same description; a description of another network is kept.
    flags = ("--ckpt_path", ckpt, "--file_name", "net", "--check_images=0")
    result_of(call("export.py", *flags, "--file_format=ONNX", cwd=work))
    (work / "net.onnx").unlink()
    text = (work / "net.yaml").read_text(encoding="utf-8")
    (work / "net.yaml").write_text(text.replace("green", "grue"), encoding="utf-8")
    line = refusal_of(call("export.py", *flags, "--file_format=ONNX", cwd=work))
    assert "net.yaml: exists already, of another network" in line and not (work / "net.onnx").exists()
    # A file of somebody else is never overwritten, whatever is forced.
    (work / "mine.yaml").write_text("precious: true\n")
    line = refusal_of(call("export.py", "--ckpt_path", ckpt, "--file_name", "mine", "--force", cwd=work))
    assert "mine.yaml: exists already" in line
    assert (work / "mine.yaml").read_text() == "precious: true\n" and not (work / "mine.mindir").exists()
    result_of(call("export.py", "--ckpt_path", ckpt, "--file_name", "net", "--force", "--check_images=0", cwd=work))
    assert yaml.safe_load((work / "net.yaml").read_text(encoding="utf-8")) == content


def test_pictures_of_a_folder_are_prepared_for_the_c_plus_plus_program(work, exported, ckpt):
    flags = ("--config_path", ckpt.with_name("config.yaml"), "--output_path", "prepared")
    result = result_of(call("preprocess.py", *flags, cwd=work))
    cpp.run("adabin_infer", "--model", work / "net.adabin", "--input", work / "prepared" / "inputs",
            "--output", work / "prepared" / "outputs")  # fmt: skip
    labels = np.load(work / "prepared" / "labels.npy")
    assert result["images"] == len(labels)


def test_a_damaged_picture_is_refused_or_left_out(work, ckpt, photos, tmp_path):
    shutil.copy(photos / "red.png", tmp_path)
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    flags = ("--ckpt_path", ckpt, "--image", tmp_path, "--output_path=")
    ended = call("predict.py", *flags, cwd=work)
    result = result_of(ended)
    assert result["images"] == 1 and result["left_out"] == 1
    assert f"left out: {tmp_path}/bad.jpg is truncated" in ended.stderr
    named = (*flags[:3], tmp_path / "red.png", tmp_path / "bad.jpg", flags[-1])
    line = refusal_of(call("predict.py", *named[:2], "--image", *named[3:], cwd=work))
    assert f"1 of the pictures that are named cannot be used: {tmp_path}/bad.jpg is truncated" in line
    line = refusal_of(call("predict.py", *flags[:2], "--image", tmp_path / "bad.jpg", flags[-1], cwd=work))
    assert "none of 1 pictures can be used" in line
    ended = call("predict.py", *named[:2], "--image", *named[3:], "--skip_corrupt=true", cwd=work)
    assert result_of(ended)["left_out"] == 1


def test_bad_requests_end_in_one_line(work, ckpt, exported, photos, tmp_path):
    def refused(*flags):
        return refusal_of(call("predict.py", *flags, cwd=tmp_path))

    picture = ("--image", photos / "red.png")
    assert "--image" in refused("--ckpt_path", ckpt)
    assert "--image nowhere.jpg: no such file" in refused("--ckpt_path", ckpt, "--image", "nowhere.jpg")
    (tmp_path / "empty").mkdir()
    assert "--image empty: the folder holds no picture" in refused("--ckpt_path", ckpt, "--image", "empty")
    assert "give one of them" in refused("--ckpt_path", ckpt, "--model", work / "net.adabin", *picture)
    assert "absent.adabin: no such file" in refused("--model", "absent.adabin", *picture)
    assert "is neither .mindir nor .adabin" in refused("--model", ckpt, *picture)
    lonely = shutil.copy(work / "net.mindir", tmp_path / "lonely.mindir")
    assert "has no lonely.yaml beside it" in refused("--model", lonely, *picture)
    truncated = tmp_path / "short.adabin"
    truncated.write_bytes((work / "net.adabin").read_bytes()[:-9])
    line = refused("--model", truncated, "--config_path", work / "net.yaml", *picture)
    assert "short.adabin" in line
    line = refused("--model", work / "net.adabin", "--class_names=[a, b]", "--num_classes=2", *picture)
    assert "the config has 2 classes, the network 3 outputs" in line
    for flag in ("--cpu_kernels=on", "--binary_form=released", "--evaluate_ema=false"):
        line = refused("--model", work / "net.adabin", flag, *picture)
        assert f"{flag.split('=')[0]}: has no effect" in line or "is a key of train.py" in line, line
    for flag in ("--shown_score=0.9", "--nms_iou=0.2", "--device_id=3"):
        assert f"{flag.split('=')[0]}: has no effect with " in refused("--ckpt_path", ckpt, flag, *picture)
    line = refused("--model", work / "net.adabin", "--image_size=32", *picture)
    assert "image_size=32" in line
    assert not (tmp_path / "outputs" / "predict").exists() or not list(
        (tmp_path / "outputs" / "predict").rglob("*.png")
    )


def test_folders_and_files_are_found_in_order(tmp_path):
    for name in ("b.jpg", "a.png", "deep/c.jpeg"):
        save(tmp_path / name, draw((1, 2, 3), 0))
    (tmp_path / "notes.txt").touch()
    shutil.copy(tmp_path / "b.jpg", tmp_path / "without_suffix")
    found, given = find_pictures([str(tmp_path / "without_suffix"), str(tmp_path)])
    assert given == {tmp_path / "without_suffix"}
    assert [str(path.relative_to(tmp_path)) for path in found] == ["without_suffix", "a.png", "b.jpg", "deep/c.jpeg"]


def test_scores_sum_to_one_and_values_that_are_not_finite_are_reported():
    scores = softmax(np.array([[1000, 1000, -1000], [0, 1, 2]], np.float32))
    np.testing.assert_allclose(scores.sum(1), 1)
    np.testing.assert_allclose(scores[0], [0.5, 0.5, 0])
    with pytest.raises(RunError, match="not finite"):
        softmax(np.array([[np.nan, 1]]))
