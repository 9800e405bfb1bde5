# SPDX-License-Identifier: Apache-2.0
"""scripts/publish_model.py: what a card says of a training, and what is not published."""

import csv
import shutil

import pytest

from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from scripts.model_card import BEGIN, END, card_text, readme_with, result_row
from scripts.model_facts import command_of, commit_facts, file_facts, run_facts
from tests.programs import ROOT, call, refusal_of

RECIPE = ROOT / "config" / "resnet20_cifar10.yaml"
LOG = """\
2026-11-21 12:58:01 resnet20 on cifar10: 50000 training images, 3 epochs, CPU (Some CPU x2), MindSpore 2.10.0
2026-11-21 14:01:59 epoch 3/3: test loss 1.2 top-1 50.00 %
"""
CARD = {
    "name": "net",
    "network": "resnet20",
    "pictures": [],
    "training": {"epochs": 60, "finished_epochs": 60},
    "evaluation": {"images": 10_000, "mindspore": {"top1": 0.8612}, "cpp": {"top1": 0.8611}},
}


@pytest.fixture
def run(tmp_path):
    """A run folder of three epochs, the second of them the best, without checkpoints that could be read."""
    folder = tmp_path / "run"
    folder.mkdir()
    config = read_config(RECIPE, {"epochs": 3, "data_path": "/somewhere", "output_path": "/elsewhere", "lr": 0.2})
    config = config.changed(class_names=["airplane"])
    config.save(folder / "config.yaml")
    (folder / "train.log").write_text(LOG, encoding="utf-8")
    for name in ("best.ckpt", "curves.png"):
        (folder / name).touch()
    with open(folder / "metrics.csv", "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, ("epoch", "train_top1", "test_top1", "seconds"))
        writer.writeheader()
        for epoch, (top1, seconds) in enumerate(((0.4, 50), (0.55, 70), (0.5, 52)), 1):
            writer.writerow({"epoch": epoch, "train_top1": 0.3, "test_top1": top1, "seconds": seconds})
    return folder


def test_the_command_is_the_recipe_with_a_flag_for_every_other_key(run):
    command = "python train.py --config_path config/resnet20_cifar10.yaml --epochs=3 --lr=0.2 --data_path DIR"
    assert command_of(read_config(run / "config.yaml")) == command
    with pytest.raises(UserError, match="no recipe config/resnet8_cifar10.yaml"):
        command_of(read_config(run / "config.yaml", {"network": "resnet8"}))


def test_the_command_of_a_detector_names_its_recipe_its_start_and_no_folder():
    changes = {"pretrained": "/somewhere/best.ckpt", "train_size": 6000, "epochs": 2}
    config = read_config(ROOT / "config" / "ssd300_vgg16_scenes.yaml", changes)
    command = "python train.py --config_path config/ssd300_vgg16_scenes.yaml"
    assert command_of(config) == f"{command} --train_size=6000 --pretrained=F.ckpt --epochs=2"


def test_course_and_cost_come_from_the_files_of_the_run(run):
    facts = run_facts(run, read_config(run / "config.yaml"), unfinished=False)
    assert (facts["best_epoch"], facts["best_top1"], facts["last_top1"]) == (2, 0.55, 0.5)
    assert (facts["minutes"], facts["median_epoch_seconds"], facts["date"]) == (64, 52, "2026-11-21")
    assert facts["device"] == "CPU (Some CPU x2), MindSpore 2.10.0"


def test_a_run_that_has_not_ended_is_published_only_when_asked_for(run):
    config = read_config(run / "config.yaml", {"epochs": 4})
    with pytest.raises(UserError, match="has 3 of 4 epochs; wait for its end"):
        run_facts(run, config, unfinished=False)
    assert run_facts(run, config, unfinished=True)["finished_epochs"] == 3


def test_checksums_are_those_of_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    found = file_facts([tmp_path / "abc"], [tmp_path / "abc"])
    assert list(found) == ["abc", f"{tmp_path.name}/abc"]
    assert found["abc"] == {"bytes": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}


def test_an_unknown_commit_is_refused():
    with pytest.raises(UserError, match="--commit 0123abc: is no commit"):
        commit_facts("0123abc")


def test_what_the_readme_says_is_replaced_between_its_marks_alone():
    begin, row = BEGIN.format("models/net"), "| ResNet-20 | old | old | [models/net](models/net/) |"
    text = f"before\n\n{begin}\n\n    old\n\n{END}\n\n{row}\n| other | row |\n"
    new = readme_with(CARD, text, "README.md")
    assert "old" not in new and new.startswith(f"before\n\n{begin}\n") and new.endswith("|\n| other | row |\n")
    assert "| 86.12 % in MindSpore, 86.11 % in C++ | trained here, 60 epochs: [models/net](models/net/) |" in new
    assert readme_with(CARD, new, "README.md") == new
    with pytest.raises(UserError, match="README.md: has 0 places from"):
        readme_with(CARD, row, "README.md")
    with pytest.raises(UserError, match="README.md: has 2 places in a table"):
        readme_with(CARD, f"{text}{row}\n", "README.md")


DETECTOR = {
    "name": "det",
    "task": "detection",
    "network": "ssd_vgg16",
    "dataset": "scenes",
    "class_names": ["disk", "ring"],
    "image_size": 300,
    "width": 0.25,
    "binary_form": "paper",
    "binary_layers": 25,
    "parameters": 1000,
    "binary_parameters": 900,
    "training": {
        **{"command": "python train.py --second", "seed": 2, "epochs": 2, "finished_epochs": 2, "train_size": 6000},
        **{"best_epoch": 2, "best_map": 0.8, "last_map": 0.8, "median_epoch_seconds": 900, "minutes": 61, "note": ""},
        **{"date": "2026-11-22", "device": "CPU", "commit": "bbbb", "commit_date": "2026-11-22"},
        "before": {
            **{"command": "python train.py --first", "epochs": 5, "finished_epochs": 5, "train_size": 2000},
            **{"minutes": 19, "commit": "aaaa"},
        },
    },
    "evaluation": {
        "images": 300,
        "mindspore": {"objects": 1422, "map": 0.8, "map_11point": 0.7, "ap": 0.5}
        | {f"ap_{size}": 0.25 for size in ("small", "medium", "large")},
        "cpp": {"map": 0.79, "map_11point": 0.69, "ap": 0.49},
        "ap_by_class": {"disk": 0.75, "ring": 0.85},
        "device": "CPU",
        "date": "2026-11-22",
    },
    "pictures": [
        {"image": "a.jpg", "objects": [{"class": 0, "name": "disk", "score": 0.9}], "right": 1, "wrong": 0, "there": 3},
        {"image": "b.jpg", "objects": [], "right": 0, "wrong": 2, "there": 4},
    ],
    "files": {"ssd_vgg16.adabin": {"bytes": 2_654_784, "sha256": "00"}, "found/a.jpg": {"bytes": 5, "sha256": "11"}},
}


def test_the_card_of_a_detector_tells_of_both_its_trainings_and_of_its_boxes():
    text = card_text(DETECTOR)
    assert "80.00 % mAP" in text and "2,654,784 bytes" in text and "1 h 01 min after 19 minutes" in text
    assert "    git checkout aaaa\n    python train.py --first        # its best.ckpt is F.ckpt\n" in text
    assert "    git checkout bbbb\n    python train.py --second\n" in text
    assert "5 epochs of 2,000 scenes, then 2 epochs of 6,000 scenes, on CPU" in text
    assert "They hold 7\nobjects. 1 are told with the right class and IoU 0.5 or more; 2 told ones" in text
    assert "ring 85.0 %, disk 75.0 %" in text and "| `found/a.jpg` | 5 | what is found in it |" in text
    assert "models/det/pictures/a.jpg  disk 90 %" in text and "models/det/pictures/b.jpg  no object" in text
    row = "| 300 drawn scenes with 1,422 objects | 80.00 % in MindSpore, 79.00 % in C++ (mAP) | trained here, 5 epochs"
    assert row in result_row(DETECTOR)


def test_what_cannot_be_published_ends_in_one_line_and_writes_nothing(run, tmp_path, tiny_run):
    def refused(folder, *more):
        flags = ("--run", folder, "--commit", "HEAD", "--data_path", "absent", "--target", tmp_path / "model")
        return refusal_of(call("scripts/publish_model.py", *flags, *more, cwd=tmp_path))

    assert "a card speaks of a training on CIFAR-10" in refused(tiny_run)
    (run / "curves.png").rename(run / "curves.jpg")
    assert "has no curves.png; give a run folder" in refused(run)
    assert not (tmp_path / "model").exists()


def test_a_model_that_is_there_is_kept(run, tmp_path):
    if not (ROOT / "ascend310_infer" / "build" / "adabin_pack").is_file():
        pytest.skip("needs the C++ program: bash ascend310_infer/build.sh")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "card.json").write_text("{}")
    flags = ("--run", run, "--commit", "HEAD", "--data_path", "absent", "--target", tmp_path / "model")
    assert "holds a model; give another folder" in refusal_of(call("scripts/publish_model.py", *flags, cwd=tmp_path))
    shutil.rmtree(tmp_path / "model")
