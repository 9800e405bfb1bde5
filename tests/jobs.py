# SPDX-License-Identifier: Apache-2.0
"""Trainings by several workers, started as users do."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil

from tests.programs import ROOT

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def command(*arguments, folder):
    places = ["--output_path", folder / "outputs"]
    if "--log_path" not in arguments:
        places += ["--log_path", folder / f"logs{len(list(folder.glob('logs*')))}"]
    return ["bash", *map(str, (ROOT / "scripts" / "run_distribute_train.sh", *arguments, *places))]


def start_job(*arguments, folder, inside=()):
    """Start the script; `inside` is put before it, e.g. to enter a network namespace."""
    return subprocess.Popen(
        [*inside, *command(*arguments, folder=folder)],
        env={**os.environ, "PATH": PATH},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process, timeout=None):
    out, err = process.communicate(timeout=timeout)
    return SimpleNamespace(returncode=process.returncode, stdout=out, stderr=err)


def run_job(*arguments, folder):
    return ended(start_job(*arguments, folder=folder))


def wait_for(process, beginning):
    """Read a job's standard error up to the line that begins so."""
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith(beginning):
            return
    raise AssertionError("".join(seen))


def workers_of(process):
    """Rank to worker process, of a job that was started here."""
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        variables = child.environ()
        if variables.get("MS_ROLE") == "MS_WORKER":
            found[int(variables["MS_NODE_ID"])] = child
    return found
