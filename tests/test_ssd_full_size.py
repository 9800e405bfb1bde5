# SPDX-License-Identifier: Apache-2.0
"""SSD300 in the paper's size: a training step, evaluation and export by the programs."""

import json

import pytest

from adabin.utils.checkpoint import read_checkpoint
from tests.programs import call, result_of

FLAGS = (
    "--config_path=config/ssd300_vgg16_scenes.yaml", "--width=1.0", "--train_size=4", "--test_size=2", "--batch_size=2",
    "--eval_batch_size=1", "--epochs=1", "--log_steps=1",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("network", ["ssd_vgg16", "ssd_vgg16_plain"])
def test_full_size_ssd300_trains_evaluates_and_exports(network, tmp_path):
    trained = result_of(call("train.py", *FLAGS, f"--network={network}", f"--output_path={tmp_path}", cwd="."))
    assert trained["epochs"] == 1 and json.dumps(trained["map"])
    checkpoint = f"{trained['run']}/last.ckpt"
    metadata, tensors = read_checkpoint(checkpoint)
    assert metadata["width"] == 1.0 and tensors["backbone.conv7.weight"].shape[:2] == (1024, 1024)
    for file_format in ("MINDIR", "ONNX"):
        flags = ("--ckpt_path", checkpoint, "--check_images=1", f"--file_format={file_format}")
        result = result_of(call("export.py", *flags, "--file_name", tmp_path / "net", cwd="."))
        assert result["binary_layers"] == (25 if network == "ssd_vgg16" else 21)
        assert result["largest_difference"] < 1e-4
