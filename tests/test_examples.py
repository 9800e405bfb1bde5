# SPDX-License-Identifier: Apache-2.0
"""The examples do what they show, started as their users start them."""

import json
import re

import pytest

from tests import cpp
from tests.programs import call_apart, result_of


def test_an_own_network_trains_in_plain_mindspore_with_the_kernels_and_is_packed(tmp_path):
    cpp.program("adabin_pack")
    ended = call_apart("examples/own_network.py", tmp_path / "out", "2", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    accuracy = float(re.search(r"'accuracy': ([0-9.]+)", ended.stdout).group(1))
    packed = json.loads(ended.stdout.splitlines()[-1])
    assert accuracy > 0.2 and packed["binary_layers"] == 2  # of ten classes
    assert packed["packed_bytes"] * 10 < packed["model_bytes"]


def test_own_data_and_an_own_network_go_from_training_to_export(tmp_path):
    flags = (
        "--dataset=stripes",
        "--network=tiny",
        "--num_classes=4",
        "--image_size=16",
        "--epochs=6",
        "--batch_size=20",
    )
    trained = result_of(call_apart("examples/own_data.py", "train.py", *flags, "--lr=0.05", cwd=tmp_path))
    assert trained["best_top1"] > 0.6
    evaluated = result_of(call_apart("examples/own_data.py", "eval.py", cwd=tmp_path))
    assert evaluated["images"] == 100 and evaluated["top1"] == pytest.approx(trained["best_top1"])
    exported = result_of(call_apart("examples/own_data.py", "export.py", cwd=tmp_path))
    assert exported["binary_layers"] == 1 and exported["equal_decisions"] == 1.0


def test_an_own_estimator_trains_with_a_line_that_says_who_computes_it(tmp_path):
    flags = ("--epochs=1", "--weight_estimator=bell", "--network=resnet8", "--train_size=100", "--test_size=40")
    ended = call_apart("examples/own_estimator.py", *flags, "--batch_size=20", cwd=tmp_path)
    trained = result_of(ended)
    assert trained["epochs"] == 1 and "estimator 'bell'" in ended.stderr
    evaluated = result_of(
        call_apart("eval.py", "--ckpt_path", f"{trained['run']}/best.ckpt", cwd=tmp_path)
    )  # without it
    assert evaluated["top1"] == pytest.approx(trained["best_top1"])
