# SPDX-License-Identifier: Apache-2.0
"""The models in models/: their files, their numbers and the README's first minute are what they are said to be."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from adabin.data.decode import read_picture
from adabin.published import CHECKPOINT
from adabin.utils.checkpoint import read_checkpoint
from adabin.utils.config import read_config
from scripts.draw_pictures import PICTURES
from scripts.model_card import BEGIN, END, card_text, folder_of, readme_with
from tests import cpp
from tests.programs import ROOT, call, refusal_of, result_of

FOLDER = CHECKPOINT.parent
MODEL = CHECKPOINT.with_suffix(".adabin")
# Of the decisions on the test images; float rounding, another on every kind of processor, turns about one in 1,000.
ROUNDING = 0.002


@pytest.fixture(scope="module")
def card():
    return json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=sorted(ROOT.glob("models/*/card.json")), ids=lambda path: path.parent.name)
def published(request):
    """Every model: its folder and its card."""
    return SimpleNamespace(folder=request.param.parent, card=json.loads(request.param.read_text(encoding="utf-8")))


def block_of(card):
    """The lines of code that the README shows of a run."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.split(BEGIN.format(folder_of(card)))[1].split(END)[0]
    return [line.removeprefix("    ") for line in block.strip("\n").splitlines()]


def answers(result):
    """Picture to best class and its score."""
    best = {prediction["image"]: prediction["top5"][0] for prediction in result["predictions"]}
    return {image.rsplit("/", 1)[1]: (answer["name"], answer["score"]) for image, answer in best.items()}


def check_answers(found, card):
    """Classes are those of the card, scores too but for rounding."""
    expected = answers({"predictions": [{**p, "image": f"/{p['image']}"} for p in card["pictures"]]})
    assert {image: name for image, (name, _) in found.items()} == {i: name for i, (name, _) in expected.items()}
    for image, (_, score) in found.items():
        assert score == pytest.approx(expected[image][1], abs=0.01), image


def test_the_card_lists_every_file_with_its_checksum(published):
    written = {"README.md", "card.json"}
    files = {str(path.relative_to(published.folder)): path for path in published.folder.rglob("*") if path.is_file()}
    assert files.keys() - written == published.card["files"].keys()
    for name, facts in published.card["files"].items():
        content = files[name].read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (facts["bytes"], facts["sha256"]), name


def test_card_and_readme_hold_the_numbers_of_card_json(published):
    assert (published.folder / "README.md").read_text(encoding="utf-8") == card_text(published.card)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_with(published.card, readme, "README.md") == readme


def test_a_training_that_had_ended_was_published(card):
    training, found = card["training"], card["evaluation"]
    assert training["finished_epochs"] == training["epochs"] >= 60
    assert found["images"] == 10_000 and min(found["mindspore"]["top1"], found["cpp"]["top1"]) >= 0.8


def test_the_files_name_no_folder_of_the_machine_that_made_them(published):
    for path in published.folder.rglob("*"):
        if path.is_file():
            assert not re.search(rb"/(tmp|home|root|work|mnt|Users)/", path.read_bytes()), path
    config = read_config(published.folder / "config.yaml")
    assert (config.data_path, config.output_path, config.pretrained) == ("", "outputs", "")


def test_the_checkpoint_holds_the_network_alone_and_says_where_it_comes_from(published):
    card = published.card
    metadata, values = read_checkpoint(published.folder / f"{card['network']}.ckpt")
    assert metadata["commit"] == card["training"]["commit"] and metadata["epoch"] == card["training"]["best_epoch"]
    assert metadata["class_names"] == card["class_names"]
    assert not [name for name in values if name.startswith(("optimizer.", "ema."))]


def test_the_pictures_are_those_that_the_project_draws():
    for name, draw in PICTURES.items():
        difference = np.abs(read_picture(FOLDER / "pictures" / f"{name}.png").astype(int) - draw().astype(int))
        assert difference.max() <= 2, name  # another version of OpenCV may round otherwise


def test_the_first_minute_of_the_readme_prints_what_it_shows(card, tmp_path):
    for name in ("src", "config", "models"):  # a clone in which nothing has been trained
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "predict.py", tmp_path)
    shown = block_of(card)
    program, *command = shlex.split(shown[0].removeprefix("$ "))
    assert program == "python"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True)
    check_answers(answers(result_of(ended)), card)
    printed = ended.stderr.splitlines()
    assert printed[0] == shown[1] and len(printed) == len(shown) - 1
    for found, expected in zip(printed[1:], shown[2:], strict=True):
        assert found.split()[:2] == expected.split()[:2]


def test_prediction_without_a_run_takes_the_model_and_says_so_first(tmp_path, card):
    ended = call("predict.py", "--image", FOLDER / "pictures", "--output_path=", cwd=tmp_path)
    assert result_of(ended)["ckpt"] == str(CHECKPOINT)
    first = ended.stderr.splitlines()[0]
    assert first.startswith(f"taking {CHECKPOINT}, the model that comes with the project; ")
    assert "--ckpt_path" in first and "--model" in first


def test_prediction_takes_the_newest_run_and_says_how_to_come_back(tiny_run, tmp_path):
    pictures = ("--image", FOLDER / "pictures", "--output_path=")
    for name in ("20260101-000000", "20260102-000000"):
        shutil.copytree(tiny_run, tmp_path / "outputs" / "resnet8_shapes" / name)
    ended = call("predict.py", *pictures, cwd=tmp_path)
    newest = "outputs/resnet8_shapes/20260102-000000/best.ckpt"
    assert result_of(ended)["ckpt"] == newest
    first = ended.stderr.splitlines()[0]
    assert first.startswith(f"taking {newest}, the newest run (top1 ") and str(CHECKPOINT) in first
    ended = call(
        "predict.py", "--ckpt_path", CHECKPOINT, "--image", FOLDER / "pictures", "--output_path=", cwd=tmp_path
    )
    assert result_of(ended)["ckpt"] == str(CHECKPOINT) and "taking" not in ended.stderr


def test_evaluation_and_export_never_take_the_model_unasked(tmp_path):
    for program in ("eval.py", "export.py"):
        line = refusal_of(call(program, cwd=tmp_path))
        assert "--ckpt_path: is not given and outputs holds no run" in line and f"such as {CHECKPOINT}" in line


def test_the_packed_file_is_the_checkpoint_packed(card, tmp_path):
    cpp.program("adabin_infer")
    flags = ("--image", FOLDER / "pictures", "--output_path=")
    check_answers(answers(result_of(call("predict.py", "--model", MODEL, *flags, cwd=tmp_path))), card)
    result_of(call("export.py", "--ckpt_path", CHECKPOINT, "--file_name", "net", "--check_images=0", cwd=tmp_path))
    cpp.run("adabin_pack", "--model", tmp_path / "net.mindir", "--output", tmp_path / "net.adabin")
    images = np.random.default_rng(0).standard_normal((50, 3, 32, 32), np.float32)
    again, _ = cpp.infer(tmp_path / "net.adabin", images, tmp_path / "again")
    packed, _ = cpp.infer(MODEL, images, tmp_path / "packed")
    np.testing.assert_allclose(again, packed, atol=1e-4 * np.abs(packed).max())
    assert read_config(tmp_path / "net.yaml") == read_config(MODEL.with_suffix(".yaml"))  # in other words by now


def test_the_checkpoint_has_the_accuracy_of_the_card(card, cifar10_dir, tmp_path):
    found = result_of(call("eval.py", "--ckpt_path", CHECKPOINT, "--data_path", cifar10_dir, cwd=tmp_path))
    assert found["images"] == card["evaluation"]["images"]
    assert found["top1"] == pytest.approx(card["evaluation"]["mindspore"]["top1"], abs=ROUNDING)


def test_the_packed_file_has_the_accuracy_of_the_card(card, cifar10_dir, tmp_path):
    cpp.program("adabin_infer")
    flags = ("--config_path", MODEL.with_suffix(".yaml"), "--data_path", cifar10_dir, "--output_path", "prepared")
    result_of(call("preprocess.py", *flags, cwd=tmp_path))
    prepared = tmp_path / "prepared"
    cpp.run("adabin_infer", "--model", MODEL, "--input", prepared / "inputs", "--output", prepared / "outputs")
    results = ("--result_path", prepared / "outputs", "--label_path", prepared / "labels.npy")
    found = result_of(call("postprocess.py", *results, cwd=tmp_path))
    assert found["images"] == card["evaluation"]["images"]
    assert found["top1"] == pytest.approx(card["evaluation"]["cpp"]["top1"], abs=ROUNDING)
