# SPDX-License-Identifier: Apache-2.0
"""train.py that kills itself with SIGKILL at a given moment; test_resume.py runs it.

python tests/killed_training.py step 17 <flags of train.py>       before this training step of the process
python tests/killed_training.py last.ckpt 2 <flags of train.py>   half through writing this file for the 2nd time
"""

import os
import signal
import sys
from pathlib import Path

import train
from adabin.training.accumulate import AccumulatedStep
from adabin.training.step import TrainStep
from adabin.utils.cli import run


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_step(number):
    called = []

    def counted(original):
        def step(self, *arguments):
            called.append(1)
            if len(called) == number:
                die()
            return original(self, *arguments)

        return step

    for kind in (TrainStep, AccumulatedStep):
        kind.__call__ = counted(kind.__call__)


def die_while_writing(name, number):
    """At the moment when the temporary file would take its place: it is cut to half first."""
    written, original = [], os.replace

    def replace(source, target):
        if Path(target).name == name:
            written.append(1)
            if len(written) == number:
                os.truncate(source, os.path.getsize(source) // 2)
                die()
        original(source, target)

    os.replace = replace


if __name__ == "__main__":
    moment, count = sys.argv[1], int(sys.argv[2])
    del sys.argv[1:3]
    if moment == "step":
        die_at_step(count)
    else:
        die_while_writing(moment, count)
    run(train.main)
