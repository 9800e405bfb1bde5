# SPDX-License-Identifier: Apache-2.0
"""A training in several processes: every image where it belongs, one result, and an end whatever happens."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from adabin.data.image_dataset import EpochBatches, ImageDataset
from adabin.tasks.classification import ClassificationMetric
from adabin.utils.checkpoint import read_checkpoint
from adabin.utils.errors import UserError
from scripts.distributed_job import free_port
from scripts.job_workers import is_alive
from tests.jobs import PATH, command, ended, run_job, start_job, wait_for, workers_of
from tests.programs import ROOT, TINY, call, call_apart, environment, refusal_of, result_of
from tests.runs import assert_same_run, metrics_of, only_run_in
from tests.stopped import NOTHING_KEPT, advice_of, read_terminal, start_on_terminal, stop

# As the scripts find it: that of a MindSpore which .venv shares with another environment is not in .venv.
MSRUN = ("bash", "-c", f'source "{ROOT}/scripts/common.sh"; activate_venv; exec msrun "$@"', f"{ROOT}/scripts/msrun")
JOB = ("config/resnet20_shapes.yaml", *TINY[2:])
FLOAT_TEACHER = ("--network=standard_resnet8", "--w_bits=32", "--a_bits=32", "--nonlinearity=relu", "--epochs=1")


def images_and_labels(count):
    """Images that carry their number."""
    images = np.zeros((count, 4, 4, 3), np.uint8)
    images[:, :, :, 0] = np.arange(count)[:, None, None]
    return images, np.arange(count, dtype=np.int32)


def make(count, batch_size, train):
    options = {"mean": (0, 0, 0), "std": (1, 1, 1), "seed": 5, "train": train, "batch_size": batch_size}
    return ImageDataset(*images_and_labels(count), ("a", "b"), **options)


@pytest.mark.parametrize("workers", [2, 3, 6])
def test_shares_of_the_ranks_make_up_the_batches_of_one_process(workers):
    whole = EpochBatches(make(50, 12, True), 3)
    parts = [EpochBatches(make(50, 12, True).part_of(rank, workers), 3) for rank in range(workers)]
    assert all(len(part) == len(whole) == 4 for part in parts)
    for number in range(4):
        images, labels = zip(*(part[number] for part in parts), strict=True)
        assert all(len(share) == 12 // workers for share in labels)
        assert np.array_equal(np.concatenate(labels), whole[number][1])
        assert np.array_equal(np.concatenate(images), whole[number][0])  # augmented alike


@pytest.mark.parametrize("workers, count, batch_size", [(2, 41, 8), (3, 41, 40), (4, 40, 10), (5, 7, 250), (7, 7, 3)])
def test_every_test_image_is_evaluated_by_one_rank(workers, count, batch_size):
    seen = []
    for rank in range(workers):
        batches = EpochBatches(make(count, batch_size, False).part_of(rank, workers), 0)
        own = [label for number in range(len(batches)) for label in batches[number][1]]
        assert count // workers <= len(own) <= -(-count // workers)
        seen += own
    assert seen == list(range(count))


def test_what_cannot_be_shared_is_refused():
    with pytest.raises(UserError, match=r"batch_size=12 .* 5 workers; give a multiple of 5"):
        make(50, 12, True).part_of(0, 5)
    with pytest.raises(UserError, match="3 images are too few for 4 workers"):
        make(3, 2, False).part_of(0, 4)


def test_sums_over_uneven_parts_give_the_metrics_of_all_images():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(41, 10)).astype(np.float32), rng.integers(0, 10, 41)

    def state_of(part):
        metric = ClassificationMetric()
        metric.update((logits[part],), labels[part])
        return metric.state()

    found = ClassificationMetric.result([state_of(slice(*ends)) for ends in ((0, 13), (13, 27), (27, 41))])
    whole = ClassificationMetric.result([state_of(slice(None))])
    assert found["images"] == whole["images"] == 41
    assert found["top1"] == whole["top1"] and found["top5"] == whole["top5"]
    assert found["loss"] == pytest.approx(whole["loss"], rel=1e-12)


@pytest.mark.parametrize("workers", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_averaged_gradients_are_those_of_one_process_on_the_joint_batch(tmp_path, workers):
    numbers = ("--worker_num", str(workers), "--local_worker_num", str(workers), "--master_port", str(free_port()))
    ended = subprocess.run(
        [*MSRUN, *numbers, "--log_dir", tmp_path, "--join", "True", ROOT / "tests" / "joint_batch.py", tmp_path],
        env={**environment(), "PATH": PATH, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    logs = "\n".join(path.read_text() for path in tmp_path.glob("worker_*.log"))
    assert ended.returncode == 0, logs
    states = [np.load(tmp_path / f"{rank}.npz") for rank in range(workers)]
    for state in states[1:]:
        assert state.files == states[0].files
        assert all(state[name].tobytes() == states[0][name].tobytes() for name in state.files)


def test_two_workers_train_on_the_batches_of_one_process(tmp_path):
    first = result_of(run_job(2, *JOB, "--test_size=41", folder=tmp_path))
    run = only_run_in(tmp_path)
    assert first["run"] == str(run) and first["epochs"] == 3
    rows = metrics_of(run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    # Every accuracy is a number of right answers among 41, or among 120 training images.
    for row in rows:
        assert float(row["test_top1"]) * 41 == pytest.approx(round(float(row["test_top1"]) * 41), abs=1e-9)
        assert float(row["train_top1"]) * 120 == pytest.approx(round(float(row["train_top1"]) * 120), abs=1e-9)
    evaluated = result_of(call("eval.py", "--ckpt_path", run / "last.ckpt", cwd=tmp_path))
    assert evaluated["images"] == 41 and evaluated["top1"] == pytest.approx(first["top1"])
    # Accumulated in two parts, one process sees the parts that the ranks see: the same updates, up to rounding.
    losses = []
    for parts in (2, 1):
        alone = tmp_path / f"alone{parts}"
        flags = (*TINY, "--epochs=1", f"--accumulation={parts}", "--output_path", alone)
        losses.append(
            float(metrics_of(Path(result_of(call("train.py", *flags, cwd=tmp_path))["run"]))[0]["train_loss"])
        )
    difference = abs(float(rows[0]["train_loss"]) - losses[0])
    assert difference < 1e-3 < abs(losses[0] - losses[1]), (rows[0], losses)
    assert sorted(path.name for path in (tmp_path / "logs0").iterdir()) == [
        "msrun.log", "scheduler.log", "worker_0.log", "worker_1.log",
    ]  # fmt: skip


def test_what_is_wrong_is_said_once_before_anything_starts(tmp_path):
    for flags, message in (
        ((2, "--nodes", 2), "--nodes 2: give the address of machine 0 with --master_addr"),
        ((2, "--nodes=2", "--node_rank=2"), "--node_rank 2: is not one of 2 machines"),
        ((3, "--nodes=2", "--master_addr=10.0.0.1"), "3 workers cannot be shared equally by 2 machines"),
        ((0, "--nodes=x"), "run_distribute_train.sh: "),
        ((0,), "0 workers"),
        ((2, "config/resnet20_shapes.yaml", "--lr=abc"), "lr: 'abc' is not of type float"),
    ):
        assert message in refusal_of(run_job(*flags, folder=tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_killed_worker_ends_the_job_and_one_process_goes_on(tmp_path, rank):
    process = start_job(2, *JOB, "--epochs=2", "--train_size=400", folder=tmp_path)
    wait_for(process, "epoch 1/2:")
    workers = workers_of(process)
    workers[rank].send_signal(signal.SIGKILL)
    found, run = ended(process, timeout=60), only_run_in(tmp_path)
    assert found.returncode == 1 and found.stdout == ""
    line = found.stderr.splitlines()[-1]
    assert line.startswith(f"error: rank {rank} was ended by SIGKILL") and line.endswith(f"--resume {run}")
    assert not any(map(is_alive, workers.values()))
    assert read_checkpoint(run / "last.ckpt")[0]["epoch"] == 1
    # One worker, by the line that the error gives, or by train.py.
    again = run_job(1, "--resume", run, folder=tmp_path) if rank else call("train.py", "--resume", run, cwd=tmp_path)
    assert result_of(again)["epochs"] == 2


@pytest.mark.slow
def test_without_arguments_two_workers_train_resnet20_on_drawn_pictures(tmp_path):
    result = result_of(ended(start_job(folder=tmp_path)))
    assert (result["network"], result["dataset"], len(metrics_of(Path(result["run"])))) == (
        "resnet20",
        "shapes",
        result["epochs"],
    )
    assert result["top1"] > 0.8 and (tmp_path / "logs0" / "worker_1.log").is_file()


@pytest.mark.slow
def test_bad_input_of_the_workers_ends_the_job_with_its_line_and_status(tmp_path):
    said = "batch_size=10 cannot be shared equally by 3 workers"
    ended = run_job(3, *JOB, folder=tmp_path)
    assert said in refusal_of(ended) and ended.stderr.count(said) == 1
    ended = run_job(2, *JOB, "--lr=1e30", folder=tmp_path)
    assert "the training has diverged" in refusal_of(ended, status=1)
    assert ended.stderr.count("the training has diverged") == 1


@pytest.mark.slow
def test_a_killed_worker_ends_the_job_and_any_number_of_workers_goes_on(tmp_path):
    (tmp_path / "whole").mkdir()
    result_of(run_job(2, *JOB, folder=tmp_path / "whole"))
    process = start_job(2, *JOB, folder=tmp_path)
    wait_for(process, "epoch 1/3:")
    workers = workers_of(process)
    workers[1].send_signal(signal.SIGKILL)
    found = ended(process, timeout=60)
    assert found.returncode == 1 and found.stdout == ""
    line = found.stderr.splitlines()[-1]
    assert line.startswith("error: rank 1 was ended by SIGKILL") and f"--resume {only_run_in(tmp_path)}" in line
    assert not any(map(is_alive, workers.values()))
    run = only_run_in(tmp_path)
    assert read_checkpoint(run / "last.ckpt")[0]["epoch"] in (1, 2)
    alone = tmp_path / "alone"
    subprocess.run(["cp", "-r", run, alone], check=True)
    assert result_of(call("train.py", "--resume", alone, cwd=tmp_path))["epochs"] == 3
    # With as many workers as before the run ends as one that nobody disturbed.
    result_of(run_job(2, "--resume", run, folder=tmp_path))
    assert_same_run(run, only_run_in(tmp_path / "whole"))


@pytest.mark.slow
def test_a_run_of_one_process_goes_on_with_several_workers(tiny_run, tmp_path):
    process = call_apart(
        "tests/killed_training.py", "step", 15, *TINY, "--output_path", tmp_path / "outputs", cwd=tmp_path
    )
    assert process.returncode == -signal.SIGKILL
    run = only_run_in(tmp_path)
    result_of(run_job(5, "--resume", run, folder=tmp_path))
    assert [row["epoch"] for row in metrics_of(run)] == ["1", "2", "3"]
    assert metrics_of(run)[0] == metrics_of(tiny_run)[0]


def stop_job(process, number, folder):
    """Send a job the signal; it leaves no process. Returns what it says of going on."""
    everything = psutil.Process(process.pid).children(recursive=True)
    advice = advice_of(stop(process, number), number, folder)
    time.sleep(0.3)
    assert not any(map(is_alive, everything))
    assert not [p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or ())]
    return advice


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("seconds", [0, 0.3, 1.5])
def test_a_job_stopped_in_its_first_seconds_leaves_no_process_and_says_that_nothing_is_kept(tmp_path, number, seconds):
    """As soon as msrun is started, while its processes are, and while the workers import."""
    process = start_job(2, *JOB, folder=tmp_path)
    wait_for(process, "2 worker(s)")
    time.sleep(seconds)
    assert stop_job(process, number, tmp_path) == NOTHING_KEPT
    assert not list(tmp_path.glob("outputs"))


@pytest.mark.parametrize("number", [
    signal.SIGTERM,
    pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
], ids=lambda number: number.name)  # fmt: skip
def test_a_stopped_job_leaves_no_process_and_goes_on_as_it_says(tmp_path, number):
    process = start_job(2, *JOB, "--epochs=20", "--num_workers=2", folder=tmp_path)
    wait_for(process, "epoch 1/20:")
    advice, run = stop_job(process, number, tmp_path), only_run_in(tmp_path)
    assert advice == f"; go on with: bash scripts/run_distribute_train.sh 2 --resume {run}"
    assert (run / "train.log").read_text().splitlines()[-1].endswith(f"stopped by {number.name}{advice}")
    # As early as that the run is known from the flag.
    process = start_job(2, "--resume", run, folder=tmp_path)
    wait_for(process, "2 worker(s)")
    assert stop_job(process, number, tmp_path) == advice
    if number == signal.SIGINT:
        (tmp_path / "whole").mkdir()
        result_of(run_job(2, *JOB, "--epochs=20", folder=tmp_path / "whole"))
        result_of(run_job(*advice.split("run_distribute_train.sh ")[1].split(), folder=tmp_path))
        assert_same_run(run, only_run_in(tmp_path / "whole"))


@pytest.mark.slow
def test_a_job_is_stopped_from_its_terminal(tmp_path):
    script = command(2, *JOB, "--epochs=50", folder=tmp_path)
    process, terminal = start_on_terminal(script, cwd=ROOT, env={**os.environ, "PATH": PATH})
    shown = read_terminal(terminal, until="epoch 1/50:")
    os.write(terminal, b"\x03")
    shown += read_terminal(terminal)
    os.close(terminal)
    assert process.wait(timeout=20) == 130, shown
    line = shown.replace("\r\n", "\n").removesuffix("\n").split("\n")[-1]
    assert line.startswith("stopped by SIGINT; go on with: bash scripts/run_distribute_train.sh 2 --resume "), shown
    assert "^C" in shown and shown.count("stopped by") == 1 and "Traceback" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("amp_level", ["O0", "O2"])
def test_two_workers_train_in_two_steps_with_every_option_and_go_on_alone(tmp_path, amp_level):
    float_run = call("train.py", *TINY, *FLOAT_TEACHER, "--output_path", tmp_path / "teacher", cwd=tmp_path)
    options = (
        f"--amp_level={amp_level}", "--batch_size=12", "--accumulation=2", "--clip_norm=1", "--ema_decay=0.9",
        "--evaluate_ema=true", "--decay_exclude=[batch_norm, alpha, beta]",
    )  # fmt: skip
    teacher = result_of(float_run)["run"] + "/best.ckpt"
    recipe = ("config/resnet20_shapes_two_step.yaml", *TINY[2:], "--epochs=2", "--lr=0.005", "--teacher", teacher)
    result = result_of(run_job(2, *recipe, *options, folder=tmp_path))
    run = only_run_in(tmp_path)
    assert [step["epochs"] for step in result["steps"]] == [2, 2] and result["final"] == str(run / "step2")
    # As if it had been stopped within the second step: one process ends it.
    for path in (run / "step2").iterdir():
        if path.name != "config.yaml":
            path.unlink()
    again = result_of(call("train.py", "--resume", run, cwd=tmp_path))
    assert again["steps"][0] == result["steps"][0] and len(metrics_of(run / "step2")) == 2


def can_make_namespaces():
    made = subprocess.run(["ip", "netns", "add", "adabin-probe"], capture_output=True, check=False).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", "adabin-probe"], check=True)
    return made


@pytest.fixture
def machines():
    """Two network namespaces with an address each, joined by a cable: commands that enter them."""
    try:
        if not can_make_namespaces():
            pytest.skip("this user may not make network namespaces (ip netns add)")
    except FileNotFoundError:
        pytest.skip("needs ip of iproute2")
    names = [f"adabin-{os.getpid()}-{number}" for number in range(2)]
    cable = [f"v{os.getpid()}-{number}" for number in range(2)]

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", cable[0], "netns", names[0], "type", "veth", "peer", "name", cable[1], "netns", names[1])
        for number, name in enumerate(names):
            ip("-n", name, "addr", "add", f"10.213.7.{number + 1}/24", "dev", cable[number])
            ip("-n", name, "link", "set", cable[number], "up")
        yield [("ip", "netns", "exec", name) for name in names]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def start_on(machines, *arguments, folder):
    """Start a job of one worker per machine."""
    jobs = []
    for number, inside in enumerate(machines):
        own = ("--nodes", 2, "--node_rank", number, "--master_addr", "10.213.7.1")
        (folder / f"machine{number}").mkdir()
        logs = ("--log_path", folder / f"machine{number}" / "logs")
        jobs.append(start_job(*arguments, *own, *logs, folder=folder, inside=inside))
    return jobs


@pytest.mark.slow
def test_two_machines_train_together(machines, tmp_path):
    (tmp_path / "one").mkdir()
    result_of(run_job(2, *JOB, folder=tmp_path / "one"))
    (tmp_path / "two").mkdir()
    main, other = (ended(job) for job in start_on(machines, 2, *JOB, folder=tmp_path / "two"))
    assert result_of(main)["epochs"] == 3
    assert other.returncode == 0 and other.stdout == ""
    # Where the workers run makes no difference to what they compute.
    assert_same_run(Path(result_of(main)["run"]), only_run_in(tmp_path / "one"))


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_machine_ends_the_job_on_the_other(machines, tmp_path, lost):
    jobs = start_on(machines, 2, *JOB, "--epochs=200", folder=tmp_path)
    wait_for(jobs[0], "epoch 1/200:")
    for process in psutil.Process(jobs[lost].pid).children(recursive=True):
        process.kill()
    jobs[lost].kill()
    jobs[lost].communicate()
    found = ended(jobs[1 - lost], timeout=90)
    assert found.returncode == 1 and re.search(r"^error: .*machine", found.stderr.splitlines()[-1]), found.stderr
