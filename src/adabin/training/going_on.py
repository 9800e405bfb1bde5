# SPDX-License-Identifier: Apache-2.0
"""What to tell who has stopped a training: how to go on, or that nothing is kept."""

import itertools
import os
import shlex
import sys

from adabin.utils import stopping

JOB = "bash scripts/run_distribute_train.sh"


def has_checkpoint(run):
    """Whether a run's folder has something to go on from; that of a training in stages has it a level below."""
    steps = [name for name in os.listdir(run) if name.startswith("step")] if os.path.isdir(run) else []
    return any(os.path.isfile(os.path.join(run, step, "last.ckpt")) for step in ("", *steps))


def how_to_go_on(run, command):
    """The end of a line that says how a training was stopped.

    Args:
        run (str or Path): its folder; nothing where there is none yet.
        command (str): that trains.
    """
    if run and has_checkpoint(run):
        return f"; go on with: {command} --resume {shlex.quote(str(run))}"
    return "; nothing is kept, as no epoch has finished: start again"


def own_command():
    """The command that started this training, or the job that this process is a worker of."""
    if os.environ.get("MS_ROLE") == "MS_WORKER":
        return f"{JOB} {os.environ['MS_WORKER_NUM']}"
    words = list(itertools.takewhile(lambda word: not word.startswith("-"), sys.orig_argv[1:]))
    if not words or os.path.basename(words[0]) == "train.py":
        return "python train.py"
    return f"python {shlex.join(words)}"  # a program of one's own, such as those in examples/


def value_of(flag, argv):
    """What a flag says in a command line that has not been parsed, or nothing."""
    for word, following in zip(argv, [*argv[1:], ""], strict=False):
        if word == flag:
            return following
        if word.startswith(f"{flag}="):
            return word.removeprefix(f"{flag}=")
    return ""


def end_in_one_line(command=own_command):
    """For a program that trains, above its other imports: if it is stopped, say what is left of the work.

    Args:
        command: function without arguments that returns what to start to go on.
    """
    stopping.explain(lambda: how_to_go_on(value_of("--resume", sys.argv), command()))
    stopping.install()


def name_run(run, log_path=None):
    """From now on the training is in this folder, and `log_path`, if given, gets a line when it is stopped."""
    stopping.explain(lambda: how_to_go_on(run, own_command()), log_path)
