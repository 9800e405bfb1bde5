# SPDX-License-Identifier: Apache-2.0
"""What to tell who has stopped a training: how to go on, or that nothing is kept."""

import os
import shlex
import sys

from src.utils import stopping

JOB = "bash scripts/run_distribute_train.sh"


def has_checkpoint(run):
    """Whether there is something to go on from in a run's folder; that of a training in steps has it a level below."""
    with os.scandir(run) as entries:
        folders = [entry.path for entry in entries if entry.name.startswith("step")]
    return any(os.path.isfile(os.path.join(folder, "last.ckpt")) for folder in (run, *folders))


def how_to_go_on(run, command):
    """The end of a line that says how a training was stopped.

    Args:
        run (str or Path): its folder; nothing where there is none yet.
        command (str): that trains.
    """
    if run and os.path.isdir(run) and has_checkpoint(run):
        return f"; go on with: {command} --resume {shlex.quote(str(run))}"
    return "; nothing is kept, as no epoch has finished: start again"


def own_command():
    """The command that started this training, or the job that this process is a worker of."""
    return f"{JOB} {os.environ['MS_WORKER_NUM']}" if os.environ.get("MS_ROLE") == "MS_WORKER" else "python train.py"


def run_to_resume(argv):
    """What --resume says in a command line that has not been parsed yet, or nothing."""
    for word, following in zip(argv, (*argv[1:], ""), strict=True):
        if word == "--resume":
            return following
        if word.startswith("--resume="):
            return word.removeprefix("--resume=")
    return ""


def end_in_one_line():
    """For a program that trains, above its other imports: if it is stopped, say what is left of the work."""
    stopping.install()
    stopping.explain(lambda: how_to_go_on(run_to_resume(sys.argv), own_command()))


def name_run(run, log_path=None):
    """From now on the training is in this folder, and `log_path`, if given, gets a line when it is stopped."""
    stopping.explain(lambda: how_to_go_on(run, own_command()), log_path)
