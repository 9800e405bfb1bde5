# SPDX-License-Identifier: Apache-2.0
"""Training and kernels compute on as many threads as they say, whatever importing MindSpore does to the environment."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from adabin.utils.threads import default_threads
from tests.cpu_library import needs_kernels
from tests.programs import ROOT, environment

PROCESSORS = len(os.sched_getaffinity(0))
# A network that is soon compiled and whose steps have work for every thread.
RECIPE = (
    "--config_path", str(ROOT / "config" / "resnet20_shapes.yaml"), "--network=resnet8", "--epochs=30",
    "--train_size=2000", "--test_size=100", "--batch_size=100", "--cpu_kernels=on",
)  # fmt: skip


def user_seconds(pid):
    """Number of each thread of a process to the processor time it has had in user mode, in ticks."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found[task.name] = int((task / "stat").read_text().rpartition(")")[2].split()[11])
        except OSError:  # it has ended
            continue
    return found


def busy_threads(pid, seconds=3.0):
    """How many threads of a training compute: the busiest, and those of the kernels with an eighth of its time.

    The busiest has MindSpore's operators and the kernels' share; a kernels' thread without work has nothing.
    MindSpore's own threads, and those that talk to other workers, spin while they wait: they do not count.
    """
    before = user_seconds(pid)
    time.sleep(seconds)
    gained = {name: ticks - before.get(name, 0) for name, ticks in user_seconds(pid).items()}
    most = max(gained.values())
    assert most > 0.1 * seconds * os.sysconf("SC_CLK_TCK"), "the training does not compute"
    names = {name: Path(f"/proc/{pid}/task/{name}/comm").read_text().strip() for name in gained}
    return 1 + sum(ticks > most / 8 for name, ticks in gained.items() if names[name] == "adabin_kernels")


def variables(**more):
    """The environment of the tests without what says a number of threads."""
    return {k: v for k, v in environment().items() if k not in ("ADABIN_CPU_THREADS", "OMP_NUM_THREADS")} | more


@needs_kernels
@pytest.mark.parametrize(
    ("before", "settings", "expected"),
    [
        ((), {}, default_threads({})),
        (("taskset", "-c", str(min(os.sched_getaffinity(0)))), {}, 1),
        pytest.param((), {"OMP_NUM_THREADS": "1"}, 1, marks=pytest.mark.slow),
        ((), {"OMP_NUM_THREADS": "1", "ADABIN_CPU_THREADS": "2"}, 2),
    ],
    ids=["neither", "one processor", "OMP_NUM_THREADS=1", "ADABIN_CPU_THREADS=2"],
)
def test_a_training_computes_on_the_threads_that_it_names(before, settings, expected, tmp_path):
    if before and not shutil.which(before[0]):
        pytest.skip("needs taskset")
    command = [*before, sys.executable, ROOT / "train.py", *RECIPE, "--output_path", tmp_path]
    process = subprocess.Popen(
        list(map(str, command)), env=variables(**settings), stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        for line in process.stderr:
            if line.startswith("epoch 1/"):
                break
        found = busy_threads(process.pid)
    finally:
        process.kill()
        process.communicate()
    (log,) = tmp_path.glob("*/*/train.log")
    first = log.read_text().splitlines()[0]
    assert f" {expected} thread(s)," in first
    # Two threads on one processor would share its time.
    assert found == min(expected, 1 if before else PROCESSORS), first


@needs_kernels
@pytest.mark.skipif(PROCESSORS < 2, reason="needs two processors")
def test_the_launcher_gives_each_worker_its_share(tmp_path):
    command = ["bash", ROOT / "scripts" / "run_distribute_train.sh", "2", *RECIPE[1:]]
    process = subprocess.Popen(
        [*map(str, command), "--output_path", str(tmp_path / "out"), "--log_path", str(tmp_path / "logs")],
        env=variables(), stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    try:
        for line in process.stderr:
            if line.startswith("epoch 1/"):
                break
        workers = [
            p for p in psutil.Process(process.pid).children(recursive=True) if p.environ().get("MS_ROLE") == "MS_WORKER"
        ]
        found = [busy_threads(worker.pid) for worker in workers]
    finally:
        process.terminate()
        process.communicate()
    (log,) = (tmp_path / "out").glob("*/*/train.log")
    expected = max(1, default_threads({}) // 2)
    assert f" {expected} thread(s)," in log.read_text().splitlines()[0]
    assert found == [expected] * 2


FORK = """
import os, sys
import src
import numpy as np
from tests.cpu_library import call, library

x = np.random.default_rng(1).standard_normal((8, 16, 16, 16)).astype(np.float32)
geometry = np.array([2, 0], np.int32)
compute = lambda: call("SubsampleForward", [x, geometry], [(8, 16, 8, 8)])[0].tobytes()
expected = compute()
child = os.fork()
if child == 0:
    os._exit(0 if compute() == expected else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), library().AdabinThreads())
"""


@needs_kernels
def test_the_kernels_work_in_a_forked_child():
    ended = subprocess.run(
        [sys.executable, "-c", FORK], env=variables(ADABIN_CPU_THREADS="3"), text=True, capture_output=True, timeout=120
    )
    assert ended.stdout.split() == ["0", "3"], ended.stderr


AFTER_MINDSPORE = """
import json, mindspore
import src
from adabin.utils.threads import default_threads
from tests.cpu_library import library
print(json.dumps([default_threads(), library().AdabinThreads()]))
"""


@needs_kernels
@pytest.mark.parametrize(("settings", "expected"), [({}, default_threads({})), ({"OMP_NUM_THREADS": "3"}, 3)])
def test_importing_mindspore_first_changes_no_number_of_threads(settings, expected):
    ended = subprocess.run(
        [sys.executable, "-c", AFTER_MINDSPORE], env=variables(**settings), text=True, capture_output=True, timeout=300
    )
    assert json.loads(ended.stdout.splitlines()[-1]) == [expected, expected], ended.stderr
