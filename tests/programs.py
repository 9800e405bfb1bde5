# SPDX-License-Identifier: Apache-2.0
"""Start the entry points as users do, and check how they end."""

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

from adabin.utils import stopping
from adabin.utils.cli import run

ROOT = Path(__file__).resolve().parents[1]
# Three epochs of twelve steps on a network and a data set as small as they get.
TINY = (
    "--config_path", str(ROOT / "config" / "resnet20_shapes.yaml"), "--network=resnet8", "--epochs=3",
    "--train_size=120", "--test_size=40", "--batch_size=10", "--eval_batch_size=40", "--log_steps=1",
)  # fmt: skip
STEPS_PER_EPOCH = 12


def command(program, *flags):
    """Command line of an entry point, given by its path below the repository."""
    return [sys.executable, str(ROOT / program), *map(str, flags)]


def environment():
    """The user's environment, with `src` and `tests` importable from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def start(program, *flags, cwd):
    """Start an entry point and return the process, its standard error readable line by line."""
    return subprocess.Popen(
        command(program, *flags),
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call_apart(program, *flags, cwd):
    """Run an entry point to its end as users do, in a process of its own."""
    return subprocess.run(
        command(program, *flags), cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def call(program, *flags, cwd):
    """Run an entry point to its end in this process, which saves loading MindSpore; returns what `call_apart` would."""
    import mindspore as ms

    main = importlib.import_module(program.removesuffix(".py").replace("/", ".")).main
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", how) for how in ("strict", "backslashreplace"))
    words, before = command(program, *flags)[1:], (os.getcwd(), sys.argv)
    status, sys.argv = 0, words
    os.chdir(cwd)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            run(main)
    except SystemExit as ended:
        status = ended.code
    except Exception:
        status = 1
        err.write(traceback.format_exc())
    finally:
        sys.argv = before[1]
        os.chdir(before[0])
        stopping.explain(str)
        ms.set_context(mode=ms.GRAPH_MODE)
    printed, said = (stream.seek(0) or stream.read() for stream in (out, err))
    return subprocess.CompletedProcess(words, status, printed, said)


def result_of(ended):
    """What a program that ended well printed: one line of JSON on standard output."""
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == 1, ended.stdout
    return json.loads(lines[0])


def refusal_of(ended, status=2):
    """The one line with which a program ended."""
    assert ended.returncode == status, (ended.returncode, ended.stdout, ended.stderr)
    assert ended.stdout == "" and "Traceback" not in ended.stderr
    errors = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and ended.stderr.splitlines()[-1] == errors[0], ended.stderr
    return errors[0]
