# SPDX-License-Identifier: Apache-2.0
"""Start train.py in several processes through MindSpore's msrun and see them to their end.

run_distribute_train.sh calls this and explains the flags. Shows what rank 0 says and the first error of any rank, and
hands on exit status and result of the job. All other flags go on to train.py; python train.py -h lists them.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable

if __name__ == "__main__":  # above the other imports
    from adabin.training.going_on import JOB, end_in_one_line, value_of

    end_in_one_line(lambda: f"{JOB} {value_of('--workers', sys.argv)}".strip())

import argparse
import socket

from adabin.training.going_on import JOB, has_checkpoint, how_to_go_on, value_of
from adabin.training.steps import step_configs
from adabin.utils import stopping
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.effect import refuse_without_effect
from adabin.utils.errors import UserError
from scripts.job_devices import own_workers, refuse_too_many
from scripts.job_workers import Job, JobFailed, JobStopped


def parse(argv):
    """(this script's own flags, those of train.py); refuses numbers that contradict each other, and bad configs."""
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, kind, default, meaning in (
        ("workers", int, None, "number of workers on all machines [2 on CPU, the machine's devices on others]"),
        ("nodes", int, 1, "number of machines [1]"),
        ("node_rank", int, 0, "number of this machine, from 0 [0]"),
        ("master_port", int, 0, "a free port of machine 0 [8118; on one machine any that is free]"),
        ("master_addr", str, "", "address of machine 0"),
        ("log_path", str, "", "folder of the workers' logs [outputs/distribute_<time>]"),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default, metavar="V", help=meaning)
    parser.error = lambda message: (_ for _ in ()).throw(UserError(f"run_distribute_train.sh: {message}"))
    flags, rest = parser.parse_known_args(argv)
    if flags.workers is not None and flags.workers < 1:
        raise UserError(f"{flags.workers} workers (N_WORKERS): cannot train; give 1 or more")
    if flags.nodes < 1 or not 0 <= flags.node_rank < flags.nodes:
        raise UserError(
            f"--node_rank {flags.node_rank}: is not one of {flags.nodes} machines, counted from 0 (--nodes)"
        )
    if flags.nodes > 1 and not flags.master_addr:
        raise UserError(f"--nodes {flags.nodes}: give the address of machine 0 with --master_addr, on every machine")
    config = config_of(rest)  # what is wrong in it is said once, before anything starts
    flags.workers = flags.workers or flags.nodes * own_workers(config, 2 // min(flags.nodes, 2))
    if flags.workers % flags.nodes:
        raise UserError(f"{flags.workers} workers cannot be shared equally by {flags.nodes} machines; give a multiple")
    refuse_too_many(flags.workers // flags.nodes, config)
    if flags.nodes == 1:
        flags.master_addr = flags.master_addr or "127.0.0.1"
        flags.master_port = flags.master_port or free_port()
    return flags, rest


def config_of(train_flags):
    """The config that the workers will read: flags over that of the run to resume, or over the recipe."""

    def add_flags(parser):  # of train.py
        parser.add_argument("--config_path")
        parser.add_argument("--resume")

    known, overrides = parse_flags("", train_flags, add_flags, tell=lambda line: None)  # train.py says it
    resumed = Path(known.resume, "config.yaml") if known.resume else None
    config = read_config(resumed if resumed and resumed.is_file() else known.config_path, overrides)
    refuse_without_effect(overrides, *step_configs(config, overrides))
    return config


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main(argv):
    flags, train_flags = parse(argv)

    signals = []
    stopping.release(lambda number, frame: signals.append(number))  # from here on there are processes to end first
    job = Job(flags, train_flags, signals)
    try:
        log(f"{flags.workers} worker(s) on {flags.nodes} machine(s); one log per rank in {job.folder}")
        return job.watch()
    except JobStopped:
        job.stop(signals[0])
        stopping.tell(signals[0], advice(flags, job, value_of("--resume", train_flags)))
        sys.exit(128 + signals[0])
    except JobFailed as error:
        kept = job.run_folder and has_checkpoint(job.run_folder)
        log(f"error: {error}{how_to_go_on(job.run_folder, command(flags)) if kept else ''}")
        sys.exit(error.status)
    finally:
        job.kill()


def command(flags):
    """The command that starts such a job again, on this machine."""
    if flags.nodes == 1:
        return f"{JOB} {flags.workers}"
    port = f" --master_port {flags.master_port}" if flags.master_port else ""
    place = f"--nodes {flags.nodes} --node_rank {flags.node_rank} --master_addr {flags.master_addr}{port}"
    return f"{JOB} {flags.workers} {place}"


def advice(flags, job, resumed):
    """How to go on with a job that was stopped; a new run's folder is known on the machine of rank 0."""
    if flags.node_rank and not resumed:
        return "; machine 0 says how to go on"
    return how_to_go_on(job.run_folder or resumed, command(flags))


if __name__ == "__main__":
    run(main)
