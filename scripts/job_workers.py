# SPDX-License-Identifier: Apache-2.0
"""msrun and the workers it starts: their logs, the first failure, their end. distributed_job.py uses this.

msrun starts the workers and MindSpore's scheduler, and waits. What it leaves to do: notice at once when a part of the
job fails, say what failed first, and end everything else.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil  # comes with MindSpore, whose msrun needs it

from adabin.utils import stopping
from adabin.utils.cli import log
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder
from adabin.utils.threads import VARIABLE, default_threads, is_given

ROOT = Path(__file__).resolve().parents[1]
POLL = 0.2  # seconds
PROBE = 3.0  # seconds between two looks at another machine
GRACE = 10.0  # seconds between the first sign of a failure, or an interruption, and the end of every process
NOISE = re.compile(r"\[(INFO|WARNING|DEBUG)\] ")  # of the framework
IGNORED = "Exception ignored in"  # by Python, though it prints a traceback
DEFAULT_PORT = 8118


class JobFailed(Exception):
    """A worker failed; carries the job's exit status."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


class JobStopped(Exception):
    """This program got a signal to end; the job is still running."""


class Tail:
    """New whole lines of a growing file, without the framework's noise."""

    def __init__(self, path):
        self.path, self.place = path, 0
        self.last = ""  # line that whoever reads has seen

    def lines(self):
        if not self.path.is_file():
            return []
        with open(self.path, "rb") as handle:
            handle.seek(self.place)
            text = handle.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.place += len(whole)
        return [line for line in whole.decode(errors="replace").splitlines() if not NOISE.match(line)]


def log_folder(flags):
    """A folder without logs for those of this job: the one that is asked for, or a new one in outputs/.

    Raises:
        UserError: it holds logs already, or cannot be written.
    """
    if not flags.log_path:
        own = f"_node{flags.node_rank}" if flags.nodes > 1 else ""  # machines may share the file system
        name = f"outputs/distribute_{time.strftime('%Y%m%d-%H%M%S')}{own}"
        make_folder(Path("outputs"), "--log_path")
        for suffix in ("", *(f"-{number}" for number in range(2, 100))):
            with contextlib.suppress(FileExistsError):
                Path(name + suffix).mkdir()
                return make_folder(Path(name + suffix).absolute(), "--log_path")
    folder = make_folder(Path(flags.log_path or name).absolute(), "--log_path")
    for old in folder.glob("*.log"):
        raise UserError(f"--log_path {folder}: holds {old.name} of an earlier job; give another folder")
    return folder


def threads_of_worker(local):
    """Variables that tell each of a machine's `local` workers its number of threads: its share, or the user's number.

    In the environment, because msrun imports MindSpore, which changes OMP_NUM_THREADS, before it starts them.
    """
    threads = str(default_threads() if is_given(os.environ) else max(1, default_threads() // local))
    return {VARIABLE: threads, "OMP_NUM_THREADS": threads}


class Job:
    """msrun and what it started on this machine.

    Args:
        flags, train_flags: those of distributed_job.py, parsed, and the words that go on to train.py.
        signals: a list that gets the number of a signal when one arrives.

    Attributes: ranks (list of int), folder (Path of the logs), run_folder (str, once rank 0 has named it).
    """

    def __init__(self, flags, train_flags, signals=()):
        self.signals = signals
        local = flags.workers // flags.nodes
        self.ranks = [flags.node_rank * local + index for index in range(local)]
        self.folder = log_folder(flags)
        self.tails = {rank: Tail(self.log_of(rank)) for rank in self.ranks}
        self.messages = Tail(self.folder / "msrun.log")
        self.run_folder, self.first_error, self.processes = None, None, {}
        self.untold = []  # errors that the shown rank wrote: one of them may become the job's own last line
        environment = dict(os.environ, PYTHONUNBUFFERED="1")
        environment.setdefault("GLOG_v", "3")
        # Ranks wait for each other while they compile, or while rank 0 saves; losses are found by other means.
        environment.setdefault("MS_CPU_COMM_OP_TIMEOUT", "600")
        environment |= threads_of_worker(local)
        command = [
            shutil.which("msrun") or "msrun",
            *("--worker_num", flags.workers, "--local_worker_num", local, "--node_rank", flags.node_rank),
            *("--master_addr", flags.master_addr, "--master_port", flags.master_port or DEFAULT_PORT),
            *("--log_dir", self.folder, "--join", "True", "--tail_worker_log", flags.workers),  # none of them
            *(ROOT / "train.py", *train_flags),
        ]
        with open(self.messages.path, "wb") as output:
            try:
                self.msrun = subprocess.Popen(
                    [str(word) for word in command],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C reaches this script, which ends the others in order
                )
            except OSError as error:
                raise UserError(
                    f"msrun: cannot be started ({error.strerror}); it comes with MindSpore: bash scripts/setup.sh"
                ) from error

        self.nodes = flags.nodes
        self.scheduler_address = (flags.master_addr, flags.master_port or DEFAULT_PORT) if flags.node_rank else None
        self.probed_at = self.answered_at = None

    def log_of(self, rank):
        return self.folder / f"worker_{rank}.log"

    def watch(self):
        """Wait for the end of the job; returns rank 0's result, or None on the other machines.

        Raises:
            JobFailed: a worker failed.
            JobStopped: there is a signal.
        """
        failed_at = workers_gone_at = scheduler_gone_at = None
        while self.msrun.poll() is None:
            time.sleep(POLL)
            if self.signals:
                raise JobStopped
            self.read_logs()
            alive = self.find_processes()
            now = time.monotonic()
            # It ends before the workers when another machine's worker is lost; at a good end they follow it.
            scheduler_gone_at = (scheduler_gone_at or now) if self.scheduler_is_gone(alive) else None
            if self.main_machine_is_lost(now) or (scheduler_gone_at and now - scheduler_gone_at > GRACE / 2):
                break
            reported = self.worker_failure()
            if self.first_error or reported:
                failed_at = failed_at or now
                # msrun alone learns a worker's exit status, and may take a while to say it.
                ended = reported and not alive - {"scheduler"}
                if now - failed_at > (GRACE / 10 if ended else GRACE):
                    break
            # After the last worker the scheduler ends by itself within seconds.
            workers_gone_at = None if alive - {"scheduler"} or not self.processes else workers_gone_at or now
            if workers_gone_at and now - workers_gone_at > 6 * GRACE:
                break
        if self.signals:  # the workers may have got it too, and were faster
            raise JobStopped
        status = self.msrun.poll()
        self.kill()
        self.read_logs()
        failure = self.failure() if status != 0 else None
        self.tell(str(failure or ""))
        if failure:
            raise failure
        return self.result()

    def tell(self, known=""):
        """Show what the shown rank wrote as errors, but for those that are in the text `known`."""
        for line in self.untold:
            text = line.removeprefix("error: ")
            if text not in known:
                log(f"rank {self.ranks[0]}: {text}")
        self.untold = []

    def read_logs(self, show=True):
        """Show what rank 0 (or this machine's first rank) writes; note the first error of any."""
        for rank, tail in self.tails.items():
            for line in tail.lines():
                if not show or rank != self.ranks[0] or line.startswith(("{", "stopped by ")):
                    pass
                elif line.startswith("error: "):
                    self.untold.append(line)
                else:
                    log(line)
                if rank == 0 and line.startswith("results in "):
                    self.run_folder = line.removeprefix("results in ")
                is_error = line.startswith("error: ")
                is_error |= line.startswith("Traceback ") and not tail.last.startswith(IGNORED)
                if is_error and not self.first_error:
                    self.first_error = (rank, line)
                tail.last = line

    def find_processes(self):
        """Learn of new processes below msrun; returns the names of those alive."""
        try:
            children = psutil.Process(self.msrun.pid).children()
        except psutil.Error:
            children = []
        for process in children:
            if process not in self.processes:
                try:
                    variables = process.environ()
                except psutil.Error:
                    continue
                if "MS_ROLE" in variables:
                    is_worker = variables["MS_ROLE"] == "MS_WORKER"
                    self.processes[process] = int(variables["MS_NODE_ID"]) if is_worker else "scheduler"
        return {name for process, name in self.processes.items() if is_alive(process)}

    def worker_failure(self):
        """(rank or None, status) of the worker that msrun found ended, or None."""
        found = re.search(r"Worker process (\d+) exit with exception. Error code: (-?\d+)", self.messages_so_far())
        if not found:
            return None
        ranks = {process.pid: name for process, name in self.processes.items()}
        return ranks.get(int(found.group(1))), int(found.group(2))

    def messages_so_far(self):
        return self.messages.path.read_text(encoding="utf-8", errors="replace")

    def scheduler_is_gone(self, alive):
        """Whether the scheduler of this machine, if it has it, ended before the workers."""
        return "scheduler" in self.processes.values() and "scheduler" not in alive and bool(alive)

    def main_machine_is_lost(self, now):
        """Whether machine 0's scheduler, which answered before, no longer does.

        Its workers would go on waiting: they notice a lost scheduler only when they next ask it for something.
        """
        if self.scheduler_address and (self.probed_at is None or now - self.probed_at > PROBE):
            self.probed_at = now
            with contextlib.suppress(OSError), socket.create_connection(self.scheduler_address, timeout=PROBE):
                self.answered_at = now
        return self.answered_at is not None and now - self.answered_at > 2 * GRACE

    def failure(self):
        """What the first failure was, as an exception."""
        rank, status = self.worker_failure() or (None, 1)
        if status - 128 in stopping.SIGNALS:  # it ended as train.py does on a signal
            status = 128 - status
        # A killed worker writes nothing itself; errors of others are its consequence. A signal that is no such end may
        # itself follow from another rank's error.
        if status == -signal.SIGKILL or (status < 0 and not self.first_error):
            name = signal.Signals(-status).name
            return JobFailed(f"rank {rank} was ended by {name}; its log: {self.log_of(rank)}", 1)
        if self.first_error:
            rank, line = self.first_error
            text = self.log_of(rank).read_text(encoding="utf-8", errors="replace")
            if line.startswith("Traceback "):
                lines = [part for part in text[text.index(line) :].splitlines() if part and not NOISE.match(part)]
                line = next((part for part in lines[1:] if not part.startswith(" ")), line)
            return JobFailed(f"rank {rank}: {line.removeprefix('error: ')} (log: {self.log_of(rank)})", max(status, 1))
        if rank is not None:
            return JobFailed(f"rank {rank} ended with status {status}; its log: {self.log_of(rank)}", max(status, 1))
        if self.nodes > 1:
            return JobFailed(f"lost a worker on another machine, or the connection to it; logs: {self.folder}", 1)
        return JobFailed(f"msrun or MindSpore's scheduler ended before the workers; logs: {self.folder}", 1)

    def result(self):
        """The line of JSON with which rank 0 ended."""
        if 0 not in self.ranks:
            return None
        lines = self.log_of(0).read_text(encoding="utf-8", errors="replace").splitlines()
        found = [line for line in lines if line.startswith("{")]
        if not found:
            raise JobFailed(f"rank 0 ended without a result; its log: {self.log_of(0)}", 1)
        return json.loads(found[-1])

    def stop(self, number):
        """Let the workers end as a single process does on this signal, then end everything."""
        self.find_processes()
        for process, name in self.processes.items():
            if name != "scheduler" and is_alive(process):
                with contextlib.suppress(psutil.Error):
                    process.send_signal(number)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and self.msrun.poll() is None and self.find_processes() - {"scheduler"}:
            time.sleep(POLL)
        self.kill()
        self.read_logs(show=False)  # rank 0 may have named its run meanwhile

    def kill(self):
        """End msrun and everything below it."""
        self.find_processes()
        everything = {*self.processes, *self.halt()}
        if self.msrun.poll() is None:
            self.msrun.kill()  # first: it must not report what follows
            self.msrun.wait()
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and any(map(is_alive, everything)):
            time.sleep(POLL / 10)

    def halt(self):
        """Keep msrun from starting anything more; returns all processes below it, also those just being made."""
        with contextlib.suppress(psutil.Error):
            if self.msrun.poll() is not None:
                return []
            msrun = psutil.Process(self.msrun.pid)
            msrun.suspend()
            deadline = time.monotonic() + GRACE / 10
            while msrun.status() != psutil.STATUS_STOPPED and is_alive(msrun) and time.monotonic() < deadline:
                time.sleep(POLL / 100)
            return msrun.children(recursive=True)
        return []


def is_alive(process):
    """A process that nobody has waited for is dead all the same."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
