# SPDX-License-Identifier: Apache-2.0
"""Two workers train a detector: one result, evaluated on every picture once, and one process goes on."""

import signal

import pytest

from adabin.utils.checkpoint import read_checkpoint
from tests.jobs import ended, run_job, start_job, wait_for, workers_of
from tests.programs import call, result_of
from tests.runs import metrics_of, only_run_in

JOB = (
    2, "config/ssd300_vgg16_scenes.yaml", "--width=0.01", "--image_size=64", "--train_size=16", "--test_size=9",
    "--batch_size=4", "--eval_batch_size=3", "--epochs=2", "--log_steps=1", "--num_workers=1",
)  # fmt: skip


@pytest.mark.slow
def test_two_workers_train_a_detector_and_evaluate_every_picture_once(tmp_path):
    result = result_of(run_job(*JOB, "--ema_decay=0.9", "--accumulation=2", folder=tmp_path))
    run = only_run_in(tmp_path)
    assert result["run"] == str(run) and [row["epoch"] for row in metrics_of(run)] == ["1", "2"]
    evaluated = result_of(call("eval.py", "--ckpt_path", run / "best.ckpt", cwd=tmp_path))
    assert evaluated["images"] == 9 and evaluated["map"] == pytest.approx(result["best_map"], abs=1e-6)


@pytest.mark.slow
def test_one_process_goes_on_where_a_worker_was_killed(tmp_path):
    process = start_job(*JOB[:4], "--train_size=160", *JOB[5:], folder=tmp_path)
    wait_for(process, "epoch 1/2:")
    workers_of(process)[1].send_signal(signal.SIGKILL)
    found, run = ended(process, timeout=60), only_run_in(tmp_path)
    assert found.returncode == 1 and found.stderr.splitlines()[-1].endswith(f"--resume {run}")
    assert read_checkpoint(run / "last.ckpt")[0]["epoch"] == 1
    assert result_of(call("train.py", "--resume", run, cwd=tmp_path))["epochs"] == 2
