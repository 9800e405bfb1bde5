# SPDX-License-Identifier: Apache-2.0
"""Send programs a signal, on a terminal or without one, and check how they end."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path
from types import SimpleNamespace

from tests.programs import environment

NOTHING_KEPT = "; nothing is kept, as no epoch has finished: start again"


def wait_until_installed(process):
    """Wait for a program's first act; its imports, which take longer, have just begun then."""
    bit = 1 << (signal.SIGINT - 1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        blocked = re.search(r"^SigBlk:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
        if int(blocked.group(1), 16) & bit:
            return
        time.sleep(0.001)
    raise AssertionError(f"ended with {process.poll()}" if process.poll() is not None else "SIGINT is not waited for")


def wait_for_line(process, beginning):
    """Read standard error up to the line that begins so; returns what was read."""
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith(beginning):
            return seen
    raise AssertionError("".join(seen))


def stop(process, number):
    """Send the signal and wait for the end; returns what is still written to standard error."""
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert out == "", out
    return SimpleNamespace(returncode=process.returncode, stderr=err)


def advice_of(ended, number, folder):
    """What follows the signal's name in the one line with which a program was stopped, and which is its last.

    Args:
        ended: has returncode and stderr.
        number (Signals): the signal.
        folder: where it was started; nothing of MindSpore's may lie there.
    """
    assert ended.returncode == 128 + number, (ended.returncode, ended.stderr)
    lines = ended.stderr.splitlines()
    assert lines and lines[-1].startswith(f"stopped by {number.name}"), ended.stderr
    for word in ("Traceback", "analyze_fail", "[ERROR]", "[CRITICAL]", "KeyboardInterrupt", "error: "):
        assert word not in ended.stderr, ended.stderr
    assert sum("stopped by" in line for line in lines) == 1, ended.stderr
    assert not [*folder.rglob("analyze_fail*"), *folder.rglob("rank_0"), *folder.rglob(".writing-*")]
    return lines[-1].removeprefix(f"stopped by {number.name}")


def start_on_terminal(words, cwd, env=None):
    """Start a command as the foreground process of a terminal of its own; returns it and the terminal's other end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, 150, 0, 0))
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env=env or environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    return process, ours


def read_terminal(terminal, until=None, timeout=60):
    """What a terminal shows up to a text, or up to the end of the program."""
    shown, deadline = "", time.monotonic() + timeout
    while time.monotonic() < deadline and (until is None or until not in shown):
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 4096).decode()
            except OSError:  # the program has ended
                break
    assert until is None or until in shown, shown
    return shown
