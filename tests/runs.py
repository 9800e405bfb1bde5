# SPDX-License-Identifier: Apache-2.0
"""Run folders compared, and a training that is killed again and again."""

import csv
import random
import signal
import time

from adabin.utils.checkpoint import read_checkpoint
from tests.programs import ROOT, call_apart, start

TIMES = ("seconds", "images_per_second")


def metrics_of(run):
    """metrics.csv without its times."""
    with open(run / "metrics.csv", newline="", encoding="utf-8") as handle:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(handle)]


def assert_same_run(run, reference):
    for name in ("last.ckpt", "best.ckpt"):
        (metadata, tensors), (expected_metadata, expected) = (read_checkpoint(r / name) for r in (run, reference))
        assert metadata == expected_metadata and tensors.keys() == expected.keys()
        for key, value in expected.items():
            assert tensors[key].dtype == value.dtype and tensors[key].tobytes() == value.tobytes(), f"{name}: {key}"
    assert metrics_of(run) == metrics_of(reference)
    assert not list(run.glob(".*")), "a temporary file is left"


def only_run_in(folder):
    (run,) = folder.glob("outputs/*/*")
    return run


def killed_five_times(folder, steps_per_epoch, *flags, program=()):
    """Train in `folder` by `flags`, to be resumed after every one of five kills; returns the run.

    Args:
        folder (Path): of the test; the run lies in outputs/ below it.
        steps_per_epoch (int): of the training, which must have three epochs or more.
        flags: of train.py.
        program: a program that starts another one, before it.
    """
    rng = random.Random(11)

    def killed(moment, count, *flags):
        ended = call_apart(*program, ROOT / "tests" / "killed_training.py", moment, count, *flags, cwd=folder)
        assert ended.returncode == -signal.SIGKILL and ended.stdout == "", ended.stderr

    # 1: within the first epoch, when there is no checkpoint yet.
    killed("step", rng.randint(2, steps_per_epoch), *flags, "--output_path", folder / "outputs")
    run = only_run_in(folder)
    assert not (run / "last.ckpt").exists()
    resume = ("--resume", run)
    # 2: while the first last.ckpt is written; metrics.csv and best.ckpt are ahead of it then.
    killed("last.ckpt", 1, *resume)
    assert (run / ".writing-last.ckpt").exists() and not (run / "last.ckpt").exists()
    assert (run / "best.ckpt").exists() and len(metrics_of(run)) == 1
    # 3: within the second epoch, after a checkpoint.
    killed("step", steps_per_epoch + rng.randint(2, steps_per_epoch), *resume)
    assert read_checkpoint(run / "last.ckpt")[0]["epoch"] == 1
    # 4: while an existing last.ckpt is replaced.
    before = (run / "last.ckpt").read_bytes()
    killed("last.ckpt", 1, *resume)
    assert (run / "last.ckpt").read_bytes() == before and len(metrics_of(run)) == 2
    # 5: at any moment, from outside.
    process = start(*program, ROOT / "train.py", *resume, cwd=folder)
    for line in process.stderr:
        if line.startswith("resuming"):
            time.sleep(rng.uniform(0, 1))
            break
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return run
