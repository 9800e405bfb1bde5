# SPDX-License-Identifier: Apache-2.0
"""The entry points' line of JSON, where standard output takes none."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import environment

CODE = """
import src
from adabin.utils.cli import log, run

run(lambda argv: log("at work") or {"top1": 50})
"""


def ended(redirection):
    """How a program ends whose standard output is redirected by the shell."""
    shell = ["bash", "-c", f'exec "$@" {redirection}', "-", sys.executable, "-c", CODE]
    return subprocess.run(shell, env=environment(), capture_output=True, text=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_result_that_cannot_be_printed_is_an_error_that_holds_it():
    done = ended(">/dev/full")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "at work",
        'error: standard output cannot be written (No space left on device); the result: {"top1": 50}',
    ]


def test_a_closed_standard_output_is_refused_before_the_work():
    done = ended(">&-")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["error: standard output is closed; leave it open, or give it /dev/null"]


def test_a_result_is_one_line():
    done = ended("</dev/null")
    assert (done.returncode, done.stdout, done.stderr) == (0, '{"top1": 50}\n', "at work\n")
