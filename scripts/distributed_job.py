# SPDX-License-Identifier: Apache-2.0
"""Start train.py in several processes through MindSpore's msrun and see them to their end.

run_distribute_train.sh calls this. msrun starts the workers and MindSpore's scheduler. What it leaves to do: show what
rank 0 says and the first error of any rank, end everything when one part fails or the user interrupts, and hand on
exit status and result of the job.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil  # comes with MindSpore, whose msrun needs it

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from src.utils.cli import log, run  # noqa: E402 - after the path
from src.utils.errors import UserError  # noqa: E402
from src.utils.files import make_folder  # noqa: E402

POLL = 0.2  # seconds
PROBE = 3.0  # seconds between two looks at another machine
GRACE = 10.0  # seconds between the first sign of a failure, or an interruption, and the end of every process
NOISE = re.compile(r"\[(INFO|WARNING|DEBUG)\] ")  # of the framework


class JobFailed(Exception):
    """A worker failed; carries the job's exit status."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


def parse(argv):
    """(this script's own flags, those of train.py); refuses numbers that contradict each other."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    for name, kind, default in (
        ("workers", int, 0), ("nodes", int, 1), ("node_rank", int, 0), ("master_port", int, 0),
        ("master_addr", str, ""), ("log_path", str, ""), ("device_target", str, "CPU"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, default=default)
    parser.error = lambda message: (_ for _ in ()).throw(UserError(f"run_distribute_train.sh: {message}"))
    flags, rest = parser.parse_known_args(argv)
    if flags.nodes < 1 or not 0 <= flags.node_rank < flags.nodes:
        raise UserError(
            f"--node_rank {flags.node_rank}: is not one of {flags.nodes} machines, counted from 0 (--nodes)"
        )
    if flags.nodes > 1 and not flags.master_addr:
        raise UserError(f"--nodes {flags.nodes}: give the address of machine 0 with --master_addr, on every machine")
    flags.workers = flags.workers or flags.nodes * count_devices(flags.device_target, 2 // min(flags.nodes, 2))
    if flags.workers < 1 or flags.workers % flags.nodes:
        raise UserError(f"{flags.workers} workers cannot be shared equally by {flags.nodes} machines; give a multiple")
    if flags.nodes == 1:
        flags.master_addr = flags.master_addr or "127.0.0.1"
        flags.master_port = flags.master_port or free_port()
    if flags.device_target != "CPU":
        rest = ["--device_target", flags.device_target, *rest]
    return flags, rest


def count_devices(target, on_cpu):
    """Number of workers on a machine when the user names none."""
    if target == "Ascend":
        return len([p for p in Path("/dev").glob("davinci*") if p.name[7:].isdigit()]) or 1
    if target == "GPU":
        return len(list(Path("/proc/driver/nvidia/gpus").glob("*"))) or 1
    return on_cpu


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Tail:
    """New whole lines of a growing file, without the framework's noise."""

    def __init__(self, path):
        self.path, self.place = path, 0

    def lines(self):
        if not self.path.is_file():
            return []
        with open(self.path, "rb") as handle:
            handle.seek(self.place)
            text = handle.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.place += len(whole)
        return [line for line in whole.decode(errors="replace").splitlines() if not NOISE.match(line)]


class Job:
    """msrun and what it started on this machine.

    Attributes: ranks (list of int), folder (Path of the logs), run_folder (str, once rank 0 has named it).
    """

    def __init__(self, flags, train_flags):
        local = flags.workers // flags.nodes
        self.ranks = [flags.node_rank * local + index for index in range(local)]
        path = flags.log_path or f"outputs/distribute_{time.strftime('%Y%m%d-%H%M%S')}"
        self.folder = make_folder(Path(path).absolute(), "--log_path")
        for old in self.folder.glob("*.log"):
            raise UserError(f"--log_path {path}: holds {old.name} of an earlier job; give another folder")
        self.tails = {rank: Tail(self.log_of(rank)) for rank in self.ranks}
        self.messages = Tail(self.folder / "msrun.log")
        self.run_folder, self.first_error, self.processes = None, None, {}
        environment = dict(os.environ, PYTHONUNBUFFERED="1")
        environment.setdefault("GLOG_v", "3")
        # Ranks wait for each other while they compile, or while rank 0 saves; losses are found by other means.
        environment.setdefault("MS_CPU_COMM_OP_TIMEOUT", "600")
        # Threads spin while they wait: more of them than processors slow every worker down.
        environment.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // local)))
        command = [
            shutil.which("msrun") or "msrun",
            *("--worker_num", flags.workers, "--local_worker_num", local, "--node_rank", flags.node_rank),
            *("--master_addr", flags.master_addr, "--master_port", flags.master_port or 8118),
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

        self.scheduler_address = (flags.master_addr, flags.master_port or 8118) if flags.node_rank else None
        self.probed_at = self.answered_at = None

    def log_of(self, rank):
        return self.folder / f"worker_{rank}.log"

    def watch(self):
        """Wait for the end of the job; returns rank 0's result, or None on the other machines.

        Raises:
            JobFailed: a worker failed.
        """
        failed_at = workers_gone_at = scheduler_gone_at = None
        while self.msrun.poll() is None:
            time.sleep(POLL)
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
        status = self.msrun.poll()
        self.kill()
        self.read_logs()
        if status != 0:
            raise self.failure()
        return self.result()

    def read_logs(self):
        """Show what rank 0 (or this machine's first rank) writes; note the first error of any."""
        for rank, tail in self.tails.items():
            for line in tail.lines():
                if rank == self.ranks[0] and not line.startswith("{"):
                    log(line)
                if rank == 0 and line.startswith("results in "):
                    self.run_folder = line.removeprefix("results in ")
                if line.startswith(("error: ", "Traceback ")) and not self.first_error:
                    self.first_error = (rank, line)

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
        if status < 0:  # a killed worker writes nothing itself; errors of others are its consequence
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
        return JobFailed(f"lost a worker on another machine, or the connection to it; logs: {self.folder}", 1)

    def result(self):
        """The line of JSON with which rank 0 ended."""
        if 0 not in self.ranks:
            return None
        lines = self.log_of(0).read_text(encoding="utf-8", errors="replace").splitlines()
        found = [line for line in lines if line.startswith("{")]
        if not found:
            raise JobFailed(f"rank 0 ended without a result; its log: {self.log_of(0)}", 1)
        return json.loads(found[-1])

    def interrupt(self):
        """Let the workers end as a single process does on Ctrl-C, then end everything."""
        for process, name in self.processes.items():
            if name != "scheduler" and is_alive(process):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and self.msrun.poll() is None and self.find_processes() - {"scheduler"}:
            time.sleep(POLL)
        self.kill()

    def kill(self):
        """End msrun and everything below it."""
        self.find_processes()
        if self.msrun.poll() is None:
            self.msrun.kill()  # first: it must not report what follows
            self.msrun.wait()
        for process in self.processes:
            if is_alive(process):
                process.kill()


def is_alive(process):
    """A process that nobody has waited for is dead all the same."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def main(argv):
    flags, train_flags = parse(argv)

    def stop(signum, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    job = Job(flags, train_flags)
    log(f"{flags.workers} workers on {flags.nodes} machine(s); one log per rank in {job.folder}")
    try:
        return job.watch()
    except KeyboardInterrupt:
        job.interrupt()
        log(f"all workers ended{resume_hint(job)}")
        raise
    except JobFailed as error:
        log(f"error: {error}{resume_hint(job)}")
        sys.exit(error.status)
    finally:
        job.kill()


def resume_hint(job):
    """How to go on, where there is a checkpoint to go on from."""
    if not job.run_folder or not (Path(job.run_folder) / "last.ckpt").is_file():
        return ""
    return f"; go on with: bash scripts/run_distribute_train.sh N_WORKERS --resume {job.run_folder}"


if __name__ == "__main__":
    run(main)
