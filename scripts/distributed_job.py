# SPDX-License-Identifier: Apache-2.0
"""Start train.py in several processes through MindSpore's msrun and see them to their end.

run_distribute_train.sh calls this. Shows what rank 0 says and the first error of any rank, and hands on exit status and
result of the job.
"""

import argparse
import signal
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.job_workers import Job, JobFailed  # noqa: E402 - after the path
from src.utils.cli import log, run  # noqa: E402
from src.utils.config import read_config  # noqa: E402
from src.utils.errors import UserError  # noqa: E402


def parse(argv):
    """(this script's own flags, those of train.py); refuses numbers that contradict each other."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    for name, kind, default in (
        ("workers", int, 0), ("nodes", int, 1), ("node_rank", int, 0), ("master_port", int, 0),
        ("master_addr", str, ""), ("log_path", str, ""),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, default=default)
    parser.add_argument("--device_target", choices=("CPU", "GPU", "Ascend"))
    parser.error = lambda message: (_ for _ in ()).throw(UserError(f"run_distribute_train.sh: {message}"))
    flags, rest = parser.parse_known_args(argv)
    if flags.nodes < 1 or not 0 <= flags.node_rank < flags.nodes:
        raise UserError(
            f"--node_rank {flags.node_rank}: is not one of {flags.nodes} machines, counted from 0 (--nodes)"
        )
    if flags.nodes > 1 and not flags.master_addr:
        raise UserError(f"--nodes {flags.nodes}: give the address of machine 0 with --master_addr, on every machine")
    flags.workers = flags.workers or flags.nodes * count_devices(device_of(flags, rest), 2 // min(flags.nodes, 2))
    if flags.workers < 1 or flags.workers % flags.nodes:
        raise UserError(f"{flags.workers} workers cannot be shared equally by {flags.nodes} machines; give a multiple")
    if flags.nodes == 1:
        flags.master_addr = flags.master_addr or "127.0.0.1"
        flags.master_port = flags.master_port or free_port()
    if flags.device_target:
        rest = ["--device_target", flags.device_target, *rest]
    return flags, rest


def device_of(flags, rest):
    """The device that the workers will use: that of the flag, of the run to resume, or of the config."""
    if flags.device_target:
        return flags.device_target
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--config_path")
    parser.add_argument("--resume")
    known, _ = parser.parse_known_args(rest)
    resumed = Path(known.resume, "config.yaml") if known.resume else None
    path = resumed if resumed and resumed.is_file() else known.config_path
    return read_config(path).device_target


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


def main(argv):
    flags, train_flags = parse(argv)

    def stop(signum, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, stop)
    job = Job(flags, train_flags)
    log(f"{flags.workers} worker(s) on {flags.nodes} machine(s); one log per rank in {job.folder}")
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
    folder = Path(job.run_folder or "")
    if not job.run_folder or not any((*folder.glob("last.ckpt"), *folder.glob("step*/last.ckpt"))):
        return ""
    return f"; go on with: bash scripts/run_distribute_train.sh N_WORKERS --resume {job.run_folder}"


if __name__ == "__main__":
    run(main)
