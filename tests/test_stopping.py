# SPDX-License-Identifier: Apache-2.0
"""How every program ends when it is stopped: one line, 128 + the signal's number, and nothing half written."""

import signal
import subprocess
import sys
import time

import pytest

from tests.programs import ROOT, environment, start
from tests.stopped import NOTHING_KEPT, advice_of, stop, wait_for_line, wait_until_installed

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
PRELUDE = """
import ctypes, os, shutil, signal, subprocess, sys, time
import src
from adabin.utils import files, stopping

def ready():
    print("ready", file=sys.stderr, flush=True)

stopping.install()
"""
# What no handler interrupts: a second lock of a mutex, in C.
STUCK = """
mutex = ctypes.create_string_buffer(64)
ready()
ctypes.CDLL(None).pthread_mutex_lock(mutex), ctypes.CDLL(None).pthread_mutex_lock(mutex)
"""


@pytest.fixture
def play(tmp_path):
    """A function that starts a program made of the given code, and returns it when it says that it is ready."""
    played = []

    def begin(code, prefix=()):
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", PRELUDE + code], cwd=tmp_path, env=environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        played.append(process)
        wait_for_line(process, "ready")
        return process

    yield begin
    for process in played:
        process.kill()
        process.communicate()


@SIGNALS
@pytest.mark.parametrize("code", ["ready()\nwhile True: pass", "ready()\ntime.sleep(60)", STUCK])
def test_a_program_ends_at_once_whatever_it_is_doing(play, tmp_path, number, code):
    process = play(code)
    began = time.monotonic()
    assert advice_of(stop(process, number), number, tmp_path) == ""
    assert time.monotonic() - began < 5


def test_sigint_is_told_from_sigterm_where_another_handler_is_in_its_place(play, tmp_path):
    """MindSpore's, installed with every graph, sends SIGTERM; here it is the one that ends a process without a word."""
    process = play("libc = ctypes.CDLL(None)\nlibc.signal(2, ctypes.c_void_p(0))\nready()\ntime.sleep(60)")
    advice_of(stop(process, signal.SIGINT), signal.SIGINT, tmp_path)


@SIGNALS
def test_more_signals_while_it_ends_change_nothing(play, tmp_path, number):
    process = play("stopping.UNFINISHED['x'] = lambda path: time.sleep(1)\nready()\nwhile True: time.sleep(0.01)")
    process.send_signal(number)
    time.sleep(0.4)
    for other in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 3:
        process.send_signal(other)
        time.sleep(0.02)
    assert advice_of(stop(process, signal.SIGTERM), number, tmp_path) == ""


def test_an_advice_that_fails_does_not_keep_a_program_alive(play, tmp_path):
    process = play("stopping.explain(lambda: 1 / 0)\nready()\ntime.sleep(60)")
    assert advice_of(stop(process, signal.SIGTERM), signal.SIGTERM, tmp_path) == ""


@SIGNALS
def test_what_is_half_written_is_removed_and_what_was_started_is_ended(play, tmp_path, number):
    (tmp_path / "kept.txt").write_text("old")
    process = play("""
with files.replacing("kept.txt") as temporary, files.temporary_folder("scratch-", ".") as folder:
    temporary.write_text("new"), (folder / "part").write_text("half")
    child = subprocess.Popen(["bash", "-c", "sleep 60 & wait"])
    while not open(f"/proc/{child.pid}/task/{child.pid}/children").read(): time.sleep(0.01)
    print(child.pid, open(f"/proc/{child.pid}/task/{child.pid}/children").read(), file=sys.stderr)
    ready()
    time.sleep(60)
""")
    assert len(list(tmp_path.iterdir())) == 3
    advice_of(stop(process, number), number, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"] and (tmp_path / "kept.txt").read_text() == "old"


def test_a_child_made_by_fork_ends_as_processes_do_and_not_with_its_parent(play):
    process = play("""
child = os.fork()
if not child:
    ready()
    time.sleep(60)
time.sleep(0.5)
os.kill(child, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os.kill(os.fork() or os.getpid(), signal.SIGINT)
time.sleep(0.5)
""")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "-15\n", "")


def test_a_closed_terminal_ends_a_program_unless_nohup_started_it(play, tmp_path):
    advice_of(stop(play("ready()\ntime.sleep(60)"), signal.SIGHUP), signal.SIGHUP, tmp_path)
    process = play("ready()\ntime.sleep(1)\nprint('done')", prefix=("bash", "-c", 'trap "" HUP INT; exec "$@"', "-"))
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "done\n", "")


def test_the_ctrl_c_of_a_script_does_not_end_what_nohup_started_in_it(play):
    process = play("ready()\ntime.sleep(1)\nprint('done')", prefix=("bash", "-c", 'trap "" HUP INT; exec "$@"', "-"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "done\n", "")


@SIGNALS
def test_a_full_pipe_that_nobody_reads_does_not_keep_a_program_alive(play, number):
    process = play("""
os.set_blocking(2, False)
ready()
try:
    while True: os.write(2, b"x" * 65536)
except BlockingIOError: pass
os.set_blocking(2, True)
time.sleep(60)
""")
    time.sleep(0.5)
    process.send_signal(number)
    assert process.wait(timeout=10) == 128 + number


def test_a_program_without_standard_error_writes_its_messages_into_no_other_file(tmp_path):
    code = (
        PRELUDE
        + "ready()\nfile = open('mine.txt', 'w')\nready()\nprint('result', flush=True)\nos.kill(os.getpid(), 15)"
    )
    ended = subprocess.run(
        ["bash", "-c", '"$@" 2>&-', "-", sys.executable, "-c", code], cwd=tmp_path, env=environment(), text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (143, "result\n")
    assert (tmp_path / "mine.txt").read_text() == ""


def test_sigint_ends_a_program_that_a_script_started_in_the_background(play, tmp_path):
    process = play("ready()\ntime.sleep(60)", prefix=("bash", "-c", 'trap "" INT; exec "$@"', "-"))
    advice_of(stop(process, signal.SIGINT), signal.SIGINT, tmp_path)


@SIGNALS
@pytest.mark.parametrize(
    "program, advice",
    [
        ("train.py", NOTHING_KEPT),
        ("scripts/distributed_job.py", NOTHING_KEPT),
        *((name, "") for name in ("eval.py", "export.py", "predict.py", "preprocess.py", "postprocess.py")),
        ("scripts/convert_torch_checkpoint.py", ""),
        ("scripts/summary.py", ""),
        ("scripts/health.py", ""),
    ],
)
def test_every_program_ends_in_one_line_also_while_it_imports(tmp_path, number, program, advice):
    process = start(program, cwd=tmp_path)
    wait_until_installed(process)
    assert advice_of(stop(process, number), number, tmp_path) == advice


@SIGNALS
def test_a_script_ends_in_one_line_before_it_hands_over_to_a_program(tmp_path, number):
    code = f'source "{ROOT}/scripts/common.sh"; stop_in_one_line; kill -{number.name} $$; sleep 5; say late'
    ended = subprocess.run(["bash", "-c", code], stderr=subprocess.PIPE, text=True)
    assert advice_of(ended, number, tmp_path) == "; nothing was started yet"
