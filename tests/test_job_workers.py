# SPDX-License-Identifier: Apache-2.0
"""What scripts/job_workers.py makes of the ends that a job can take; an msrun of our own plays them."""

import json
import os
import signal
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from adabin.utils.errors import UserError
from scripts import job_workers
from scripts.distributed_job import advice, parse
from scripts.job_workers import Job, JobFailed, JobStopped, is_alive
from tests.programs import ROOT
from tests.stopped import NOTHING_KEPT

# What every play begins with: rank r is a sleeping process, as is the scheduler.
PRELUDE = """#!{python}
import os, pathlib, subprocess, sys, time
logs = pathlib.Path(sys.argv[sys.argv.index("--log_dir") + 1])

def start(role, number=0, seconds=60):
    variables = dict(os.environ, MS_ROLE=role, MS_NODE_ID=str(number))
    return subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({{seconds}})"], env=variables)

def write(rank, text):
    with open(logs / f"worker_{{rank}}.log", "a") as handle:
        handle.write(text)

def report(worker, status):
    print(f"Worker process {{worker.pid}} exit with exception. Error code: {{status}}", flush=True)

"""


@pytest.fixture
def play(tmp_path, monkeypatch):
    """A function that starts a job of two ranks whose msrun is the given Python code."""
    monkeypatch.setattr(job_workers, "GRACE", 1.5)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    jobs = []

    def start(code, nodes=1):
        (tmp_path / "bin").mkdir()
        script = tmp_path / "bin" / "msrun"
        script.write_text(PRELUDE.format(python=sys.executable) + code, encoding="utf-8")
        script.chmod(0o755)
        flags = SimpleNamespace(
            workers=2 * nodes, nodes=nodes, node_rank=0, master_addr="127.0.0.1", master_port=1,
            log_path=str(tmp_path / "logs"),
        )  # fmt: skip
        jobs.append(Job(flags, []))
        return jobs[-1]

    yield start
    for job in jobs:
        job.kill()


def failure_of(job):
    with pytest.raises(JobFailed) as caught:
        job.watch()
    assert not any(map(is_alive, job.processes))
    return str(caught.value), caught.value.status


def test_the_result_of_rank_0_is_the_jobs(play):
    job = play('write(0, "results in /somewhere\\n" + \'{"top1": 0.5}\' + "\\n")\n')
    assert job.watch() == {"top1": 0.5} and job.run_folder == "/somewhere"


def test_an_error_of_a_rank_that_is_not_shown_is_named_with_its_status(play):
    message, status = failure_of(
        play("""
workers = [start("MS_WORKER", 0), start("MS_WORKER", 1)]
write(0, "all is well here\\n")
write(1, "error: --data_path /nowhere: no such folder\\n")
time.sleep(0.5)
report(workers[1], 2)
sys.exit(1)
""")
    )
    assert message.startswith("rank 1: --data_path /nowhere: no such folder (log: ") and status == 2


@pytest.mark.parametrize("own, shown", [("lr: 'abc' is no number", []), ("lost rank 1", ["rank 0: lost rank 1"])])
def test_an_error_of_the_shown_rank_is_said_once(play, capsys, own, shown):
    """In the job's last line where that is about it, else by itself."""
    message, status = failure_of(
        play(f"""
workers = [start("MS_WORKER", 0), start("MS_WORKER", 1)]
write(0, "all is well here\\n")
write(1, "error: lr: 'abc' is no number\\n")
time.sleep(0.5)
write(0, {f"error: {own}"!r} + "\\n")
time.sleep(0.5)
report(workers[1], 2)
sys.exit(1)
""")
    )
    assert message.startswith("rank 1: lr: 'abc' is no number") and status == 2
    assert capsys.readouterr().err.splitlines() == ["all is well here", *shown]


def test_a_rank_that_aborts_because_of_anothers_error_does_not_hide_it(play):
    message, status = failure_of(
        play("""
workers = [start("MS_WORKER", 0), start("MS_WORKER", 1)]
write(1, "Traceback (most recent call last):\\n  File x\\nValueError: out of range\\n")
time.sleep(1)
report(workers[0], -6)
sys.exit(1)
""")
    )
    assert message.startswith("rank 1: ValueError: out of range") and status == 1


@pytest.mark.parametrize("number, name", [(-9, "SIGKILL"), (-11, "SIGSEGV"), (143, "SIGTERM"), (130, "SIGINT")])
def test_a_rank_that_was_killed_is_named_with_the_signal(play, number, name):
    message, status = failure_of(
        play(f"""
workers = [start("MS_WORKER", 0), start("MS_WORKER", 1)]
time.sleep(1)
report(workers[1], {number})
time.sleep(60)
""")
    )
    assert message.startswith(f"rank 1 was ended by {name}; its log: ") and status == 1


def test_a_traceback_that_python_ignores_ends_no_job(play):
    job = play("""
write(0, "Exception ignored in: <function f>\\nTraceback (most recent call last):\\nValueError: late\\n")
time.sleep(3)
write(0, '{"epochs": 3}\\n')
""")
    assert job.watch() == {"epochs": 3}


@pytest.mark.parametrize("nodes, expected", [
    (1, "msrun or MindSpore's scheduler ended before the workers"),
    (2, "lost a worker on another machine"),
])  # fmt: skip
def test_a_scheduler_that_ends_before_the_workers_ends_the_job(play, nodes, expected):
    job = play("""
start("MS_SCHED", seconds=1), start("MS_WORKER", 0), start("MS_WORKER", 1)
time.sleep(60)
""", nodes)  # fmt: skip
    message, status = failure_of(job)
    assert message.startswith(expected) and status == 1


def test_a_stopped_job_is_named_with_what_starts_it_again(tmp_path):
    alone = SimpleNamespace(workers=4, nodes=1, node_rank=0, master_addr="127.0.0.1", master_port=7777)
    job = SimpleNamespace(run_folder=None)
    assert advice(alone, job, "") == NOTHING_KEPT
    job.run_folder = str(tmp_path)
    assert advice(alone, job, "") == NOTHING_KEPT
    (tmp_path / "last.ckpt").touch()
    script = "; go on with: bash scripts/run_distribute_train.sh 4"
    assert advice(alone, job, "") == f"{script} --resume {tmp_path}"
    job.run_folder = None  # rank 0 has not named it yet
    assert advice(alone, job, str(tmp_path)) == f"{script} --resume {tmp_path}"
    other = SimpleNamespace(workers=4, nodes=2, node_rank=1, master_addr="10.0.0.1", master_port=0)
    place = "--nodes 2 --node_rank 1 --master_addr 10.0.0.1"
    assert advice(other, job, str(tmp_path)) == f"{script} {place} --resume {tmp_path}"
    assert advice(other, job, "") == "; machine 0 says how to go on"


def test_a_stopped_job_leaves_nothing_not_even_what_msrun_is_just_starting(play, tmp_path):
    job = play("""
(logs / "busy").touch()
while True:
    write(0, f"{start('MS_WORKER', 0).pid}\\n")
    write(1, f"{subprocess.Popen(['sleep', '60']).pid}\\n")
""")
    while not (tmp_path / "logs" / "worker_1.log").is_file():
        time.sleep(0.01)
    assert job.halt() and psutil.Process(job.msrun.pid).status() == psutil.STATUS_STOPPED
    psutil.Process(job.msrun.pid).resume()
    job.signals = [signal.SIGINT]
    with pytest.raises(JobStopped):
        job.watch()
    job.stop(signal.SIGINT)
    started = [int(line) for rank in (0, 1) for line in job.log_of(rank).read_text().splitlines()]
    assert len(started) > 2
    assert not [pid for pid in started if psutil.pid_exists(pid) and is_alive(psutil.Process(pid))]


def test_what_a_rank_says_last_of_its_run_is_known_and_not_shown(play, capsys):
    job = play("""
start("MS_WORKER", 0)
write(0, "results in /somewhere\\n" + "stopped by SIGINT; go on\\n")
time.sleep(60)
""")
    while not job.log_of(0).is_file():
        time.sleep(0.01)
    time.sleep(0.2)
    job.stop(signal.SIGTERM)
    assert job.run_folder == "/somewhere"
    assert capsys.readouterr().err == ""  # the one line that says how to go on is the script's


def test_the_device_is_that_of_the_flag_else_of_the_run_else_of_the_config(tmp_path, monkeypatch):
    seen = []

    def counted(config, on_cpu):
        seen.append(config.device_target)
        return 3

    monkeypatch.setattr("scripts.distributed_job.own_workers", counted)

    def workers(*words):
        assert parse(words)[0].workers == 3
        return seen.pop()

    config = tmp_path / "config.yaml"
    config.write_text("device_target: GPU\n", encoding="utf-8")
    assert workers("--config_path", str(config)) == "GPU"
    assert workers("--resume", str(tmp_path)) == "GPU"
    assert workers("--config_path", str(config), "--device_target", "CPU") == "CPU"
    assert workers("--config_path", str(ROOT / "config" / "resnet20_shapes.yaml")) == "CPU"
    flags, rest = parse(("--workers", "2", "--config_path", str(config), "--device_target", "CPU"))
    assert flags.workers == 2 and rest == ["--config_path", str(config), "--device_target", "CPU"]


@pytest.mark.parametrize("flags, said", [
    (("--workers", "0"), "0 workers .*give 1 or more"),
    (("--workers", "-1"), "-1 workers .*give 1 or more"),
    (("--workers", "2", "--device_target", "cpu"), "device_target.*cpu"),
    (("--workers", "2", "--lr=abc"), "lr: 'abc' is not of type float"),
    (("--workers", "2", "--epoch=3"), "unknown argument --epoch .did you mean --epochs"),
    (("--workers", "2", "--config_path", "absent.yaml"), "absent.yaml: cannot be read"),
])  # fmt: skip
def test_bad_flags_are_refused_before_anything_starts(flags, said):
    with pytest.raises(UserError, match=said):
        parse(flags)


def test_logs_of_two_jobs_never_share_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(job_workers.time, "strftime", lambda form: "now")
    alone = SimpleNamespace(log_path="", nodes=1, node_rank=0)
    machine = SimpleNamespace(log_path="", nodes=2, node_rank=1)
    folders = [job_workers.log_folder(flags).name for flags in (alone, alone, machine)]
    assert folders == ["distribute_now", "distribute_now-2", "distribute_now_node1"]
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "msrun.log").write_text(json.dumps({}), encoding="utf-8")
    with pytest.raises(UserError, match="holds msrun.log of an earlier job"):
        job_workers.log_folder(SimpleNamespace(log_path="given", nodes=1, node_rank=0))


def test_a_job_that_is_stopped_together_with_its_workers_is_no_failed_one(play):
    """Where the workers were faster, msrun has reported them before the signal is looked at."""
    job = play('workers = [start("MS_WORKER", 0)]\nreport(workers[0], 143)\nsys.exit(1)\n')
    job.msrun.wait()
    job.signals = [signal.SIGTERM]
    with pytest.raises(JobStopped):
        job.watch()
