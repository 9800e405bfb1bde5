# SPDX-License-Identifier: Apache-2.0
"""Bad input to whole programs: one line that names the culprit, exit status 2, nothing overwritten."""

import shutil

import numpy as np
import pytest

from adabin.utils.errors import UserError
from adabin.utils.files import replacing
from tests.programs import ROOT, TINY, call, call_apart, refusal_of

LONG = "n" * 300
SHAPES = ROOT / "config" / "resnet20_shapes.yaml"
CIFAR10 = ROOT / "config" / "resnet20_cifar10.yaml"


@pytest.fixture(scope="module")
def truncated_cifar10(tmp_path_factory):
    """A folder like CIFAR-10's, whose third file ends early."""
    folder = tmp_path_factory.mktemp("data") / "cifar-10-batches-bin"
    folder.mkdir()
    for number in range(1, 6):
        size = 10_000 * 3073 - (1 if number == 3 else 0)
        (folder / f"data_batch_{number}.bin").write_bytes(bytes(size))
    return folder.parent


@pytest.fixture(scope="module")
def truncated_checkpoint(tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("truncated")
    shutil.copy(tiny_run / "config.yaml", folder)
    (folder / "best.ckpt").write_bytes((tiny_run / "best.ckpt").read_bytes()[:-100])
    return folder / "best.ckpt"


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "labels.npy"
    np.save(path, np.arange(10, dtype=np.int32))
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "labels.npz"
    np.savez(path, np.arange(10, dtype=np.int32))
    return path


# What is wrong -> (program, flags, what the line says); {name} stands for a fixture or the test's own folder.
CASES = {
    "no data set": (
        "train.py",
        ["--config_path", CIFAR10, "--data_path", "{tmp_path}/absent"],
        ["--data_path {tmp_path}/absent", "no such folder"],
    ),
    "no data path": ("train.py", ["--config_path", CIFAR10], ["--data_path", "cifar10"]),
    "truncated data set": (
        "train.py",
        ["--config_path", CIFAR10, "--data_path", "{truncated_cifar10}"],
        ["{truncated_cifar10}/cifar-10-batches-bin/data_batch_3.bin", "30729999 bytes instead of 30730000"],
    ),
    "wrong class count": (
        "train.py",
        ["--config_path", SHAPES, "--num_classes=7"],
        ["num_classes=7 contradicts shapes", "10"],
    ),
    "mistyped network": ("train.py", ["--config_path", SHAPES, "--network=resnet2"], ["'resnet2'", "resnet20"]),
    "mistyped data set": ("train.py", ["--config_path", SHAPES, "--dataset=shape"], ["did you mean shapes?"]),
    "mistyped flag": ("train.py", ["--epoch=3"], ["--epoch ", "did you mean --epochs?"]),
    "batch larger than the data": ("train.py", [*TINY, "--batch_size=500"], ["batch_size=500", "1 to 120"]),
    "no config": ("train.py", ["--config_path", "{tmp_path}/absent.yaml"], ["absent.yaml", "--config_path"]),
    "no such device": (
        "train.py",
        [*TINY, "--device_target=Ascend"],
        ["--device_target Ascend", "this machine has CPU;"],
    ),
    "output folder below a file": (
        "train.py",
        [*TINY, "--output_path", "{tmp_path}/occupied/outputs"],
        ["{tmp_path}/occupied/outputs", "--output_path"],
    ),
    "output folder that takes no files": (
        "train.py",
        [*TINY, "--output_path", "/proc/outputs"],
        ["/proc/outputs", "--output_path"],
    ),
    "no run to evaluate": ("eval.py", [], ["--ckpt_path", "outputs", f"such as {ROOT}/models/resnet20_cifar10/"]),
    "no checkpoint": (
        "eval.py",
        ["--ckpt_path", "{tmp_path}/absent.ckpt"],
        ["--ckpt_path {tmp_path}/absent.ckpt", "no such file"],
    ),
    "folder for a checkpoint": (
        "export.py",
        ["--ckpt_path", "{tiny_run}"],
        ["--ckpt_path {tiny_run}: is a folder; give a checkpoint in it, such as {tiny_run}/best.ckpt"],
    ),
    "folder for a checkpoint to start from": (
        "train.py",
        [*TINY, "--pretrained", "{tiny_run}"],
        ["{tiny_run}: is a folder; give a checkpoint in it, such as {tiny_run}/best.ckpt"],
    ),
    "config that never ends": ("train.py", ["--config_path", "/dev/zero"], ["/dev/zero: is no regular file"]),
    "archive for labels": (
        "postprocess.py",
        ["--result_path", "{tmp_path}", "--label_path", "{archive}"],
        ["{archive}: holds no annotated objects", "labels.npy"],
    ),
    "checkpoint of a long name": ("eval.py", ["--ckpt_path", LONG], [f"--ckpt_path {LONG}: File name too long; give"]),
    "model of a long name": (
        "predict.py",
        ["--model", f"{LONG}.mindir", "--image", ROOT / "models"],
        [f"--model {LONG}.mindir: File name too long; give"],
    ),
    "picture of a long name": ("predict.py", ["--image", LONG], [f"--image {LONG}: File name too long; give"]),
    "export of a long name": (
        "export.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--check_images=0", f"--file_name={LONG}"],
        [f"--file_name {LONG}.mindir: File name too long; give"],
    ),
    "data set of a long name": (
        "preprocess.py",
        ["--dataset=cifar10", "--output_path=out", f"--data_path={LONG}"],
        [f"--data_path {LONG}: File name too long; give"],
    ),
    "output folder that is no text": (
        "train.py",
        [*TINY, "--output_path", "{tmp_path}/caf\udce9"],
        ["--output_path {tmp_path}/caf\\udce9: is no text in UTF-8"],
    ),
    "no results": (
        "postprocess.py",
        ["--result_path", "{tmp_path}/absent", "--label_path", "{labels}"],
        ["--result_path {tmp_path}/absent: no such folder", "adabin_infer"],
    ),
    "mistyped form": ("train.py", [*TINY, "--binary_form=papr"], ["config: binary_form: 'papr'", "paper, released"]),
    "no config beside the checkpoint": (
        "eval.py",
        ["--ckpt_path", "{tmp_path}/occupied"],
        ["{tmp_path}/occupied: has no config.yaml beside it", "--config_path"],
    ),
    "text for a checkpoint": (
        "eval.py",
        ["--ckpt_path", "{tmp_path}/occupied", "--config_path", SHAPES, "--test_size=10"],
        ["{tmp_path}/occupied: is not a readable MindSpore checkpoint"],
    ),
    "truncated checkpoint": (
        "eval.py",
        ["--ckpt_path", "{truncated_checkpoint}"],
        ["{truncated_checkpoint}: is not a"],
    ),
    "checkpoint of another network": (
        "eval.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--network=resnet20"],
        ["{tiny_run}/best.ckpt", "another network", "layer1.1.conv1.weight"],
    ),
    "contradicting config": (
        "eval.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--binary_form=released"],
        ["binary_form=paper", "released"],
    ),
    "unwritable logits": (
        "eval.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--logits_path", "{tmp_path}/occupied/logits.npy"],
        ["{tmp_path}/occupied: cannot be created", "--logits_path"],
    ),
    "existing export": (
        "export.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--file_name", "{tmp_path}/occupied.mindir"],
        ["{tmp_path}/occupied.mindir: exists already", "--force"],
    ),
    "unwritable export": (
        "export.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--file_name", "{tmp_path}/occupied/net"],
        ["{tmp_path}/occupied", "--file_name"],
    ),
    "unknown format": (
        "export.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--file_format=TFLITE"],
        ["--file_format", "TFLITE", "MINDIR"],
    ),
    "format of another device": (
        "export.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--file_format=AIR", "--file_name", "{tmp_path}/net"],
        ["--file_format AIR", "--device_target=Ascend"],
    ),
    "batch of no images": ("export.py", ["--ckpt_path", "{tiny_run}/best.ckpt", "--batch_size=0"], ["--batch_size"]),
    "images of another size": (
        "export.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--image_size=64", "--file_name", "{tmp_path}/net"],
        ["image_size=64", "set image_size: 32"],
    ),
    "momentum for adam": (
        "train.py",
        [*TINY, "--optimizer=adam", "--momentum=0.5"],
        ["--momentum: has no effect with optimizer=adam (it takes sgd); leave it out"],
    ),
    "key of training for an evaluation": (
        "eval.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--lr=0.1"],
        ["eval.py: --lr: is a key of train.py and has no effect here"],
    ),
    "data for drawn shapes": (
        "eval.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--data_path", "{tmp_path}"],
        ["--data_path: has no effect with dataset=shapes"],
    ),
    "data for an export of drawn shapes": (
        "export.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--data_path", "{tmp_path}", "--file_name", "{tmp_path}/net"],
        ["--data_path: has no effect with dataset=shapes"],
    ),
    "pictures of no data set": (
        "predict.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--image", "{tmp_path}", "--data_path", "{tmp_path}"],
        ["predict.py: --data_path: is a key of train.py"],
    ),
    "label file for shapes": (
        "preprocess.py",
        ["--output_path", "{tmp_path}/out", "--label_file", "{tmp_path}/labels.txt"],
        ["--label_file: has no effect with dataset=shapes (it takes imagenet)"],
    ),
    "training key for drawings": (
        "scripts/health.py",
        ["--ckpt_path", "{tiny_run}/best.ckpt", "--crop_scale=0.5"],
        ["health.py: --crop_scale: is a key of train.py"],
    ),
    "key without effect for several workers": (
        "scripts/distributed_job.py",
        ["--workers", "2", *TINY, "--skip_corrupt=true"],
        ["--skip_corrupt: has no effect with dataset=shapes"],
    ),
    "no torch checkpoint": (
        "scripts/convert_torch_checkpoint.py",
        ["--torch_path", "{tmp_path}/occupied", "--config_path", CIFAR10, "--ckpt_path", "{tmp_path}/out.ckpt"],
        ["{tmp_path}/occupied: not a torch checkpoint"],
    ),
    "missing flag": (
        "scripts/convert_torch_checkpoint.py",
        ["--torch_path", "x"],
        ["--config_path", "--ckpt_path", "required"],
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_bad_input_ends_in_one_line(request, tmp_path, case):
    class Fixtures(dict):
        def __missing__(self, name):
            return str(request.getfixturevalue(name))

    names, fixtures = ("occupied", "occupied.mindir"), Fixtures(tmp_path=str(tmp_path))
    for name in names:
        (tmp_path / name).write_text("precious\n")
    program, flags, parts = CASES[case]
    line = refusal_of(call(program, *(str(flag).format_map(fixtures) for flag in flags), cwd=tmp_path))
    for part in parts:
        assert part.format_map(fixtures) in line, line
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == set(names), left
    assert all((tmp_path / name).read_text() == "precious\n" for name in names)


def test_a_name_that_leaves_no_room_for_the_temporary_one_is_said_to_be_too_long(tmp_path):
    with pytest.raises(UserError, match="File name too long.; give a name that is some ten letters shorter"):
        with replacing(tmp_path / ("n" * 250)) as temporary:
            temporary.write_text("")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_ends_a_training_in_one_line_and_keeps_what_was_there(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    config = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(config.replace("epochs: 3", "epochs: 4"), encoding="utf-8")
    before = {name: (run / name).read_bytes() for name in ("last.ckpt", "best.ckpt")}
    line = refusal_of(call_apart("tests/training_on_full_disk.py", "--resume", run, cwd=tmp_path))
    assert f"{run}/last.ckpt: cannot be written" in line or f"{run}/best.ckpt: cannot be written" in line, line
    assert "free some space" in line
    assert {name: (run / name).read_bytes() for name in before} == before
    assert not list(run.glob(".*"))


def test_logits_that_are_not_finite_are_reported_by_evaluation(tiny_run, tmp_path):
    from adabin.models import build_model
    from adabin.utils.checkpoint import describe, load_network, save_checkpoint
    from adabin.utils.config import read_config

    config = read_config(tiny_run / "config.yaml")
    network = build_model(config)
    load_network(tiny_run / "best.ckpt", network, config)
    network.linear.bias.set_data(network.linear.bias * np.float32("nan"))
    save_checkpoint(tmp_path / "bad.ckpt", network, describe(config))
    ended = call("eval.py", "--ckpt_path", "bad.ckpt", "--config_path", tiny_run / "config.yaml", cwd=tmp_path)
    assert "not finite for 40 of 40 images" in refusal_of(ended, status=1)
