# SPDX-License-Identifier: Apache-2.0
"""train.py where no file can grow beyond 150 KB, as on a disk that fills up; test_bad_input.py runs it."""

import resource
import signal

import train
from adabin.utils.cli import run

if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    run(train.main)
