# SPDX-License-Identifier: Apache-2.0
"""How a program ends on Ctrl-C, SIGTERM or a closed terminal: at once, in one line, with status 128 + signal number.

    if __name__ == "__main__":  # above the other imports, which take seconds
        from adabin.utils import stopping

        stopping.install()

No exception unwinds the program. MindSpore answers one that passes through it with a long report, and nothing needs it:
files get their names when they are whole (src/adabin/utils/files.py), and what is half written is in `UNFINISHED`.

Two ways lead here, because Python runs handlers in the main thread only, which may be in MindSpore's code for seconds:
a thread acts in its stead where it does not come. And SIGINT is kept from MindSpore, whose own handler, installed anew
with every graph it runs, sends SIGTERM instead: it is blocked, and a thread waits for it.
"""

import _thread
import contextlib
import os
import select
import signal
import sys
import threading
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 0.2  # seconds for the main thread to come to its handler
UNFINISHED = {}  # path of what is half written: function that removes it

_once = threading.RLock()  # so that a second signal, which may come within the handler, changes nothing
_state = {"stopped": False, "advice": str, "log": None}


def install():
    """Let this process end as described above, from now on.

    SIGHUP is left alone where it is ignored (nohup), and then SIGINT too where it is (nohup ... & in a script, whose
    Ctrl-C must not end it). Without nohup SIGINT ends also what a script started in the background, although the
    shell has it ignored there: whoever sends it means it.
    """
    _open_closed_streams()
    left_alone = set()
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        left_alone = {number for number in SIGNALS if signal.getsignal(number) == signal.SIG_IGN}
    for number in set(SIGNALS) - left_alone:
        signal.signal(number, lambda number, frame: _stop(number))
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # gets the number of each signal when it arrives
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # here and in all threads to come
    os.register_at_fork(after_in_child=release)
    if signal.SIGINT not in left_alone:  # else it stays blocked: MindSpore would install its own handler over SIG_IGN
        threading.Thread(target=_pass_interrupts_on, daemon=True).start()
    threading.Thread(target=_stand_in_for_the_main_thread, args=(reader,), daemon=True).start()


def release(handle=signal.SIG_DFL):
    """Undo `install`: for a child process, or a program that ends in an order of its own, by its `handle`."""
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def explain(advice, log_path=None):
    """Say more than which signal it was.

    Args:
        advice: function without arguments; its text ends the line. Called when the program is stopped.
        log_path: an existing file that gets the line too, with the time.
    """
    _state.update(advice=advice, log=log_path)


@contextlib.contextmanager
def unfinished(path, remove):
    """Context in which a file or folder is half written; if the program is stopped in it, `remove(path)` is called."""
    UNFINISHED[path] = remove
    try:
        yield path
    finally:
        UNFINISHED.pop(path, None)


def tell(number, advice):
    """Write the line, below a progress bar or the terminal's ^C; returns it."""
    line = f"stopped by {signal.Signals(number).name}{advice}"
    writable = select.poll()
    writable.register(2, select.POLLOUT)
    with contextlib.suppress(OSError):  # a closed terminal
        if writable.poll(1000 * PATIENCE):  # else it is a full pipe that nobody reads, which must not keep it alive
            # Not sys.stderr, which may be in use.
            os.write(2, f"{os.linesep if os.isatty(2) else ''}{line}\n".encode())
    return line


def _open_closed_streams():
    """Without standard streams (2>&-) the next opened file would get their numbers, and what is written to them."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - for the life of the process
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _pass_interrupts_on():
    while True:
        _thread.interrupt_main(signal.sigwait([signal.SIGINT]))


def _stand_in_for_the_main_thread(reader):
    while True:
        for number in os.read(reader, 1):
            time.sleep(PATIENCE)
            _stop(number)


def _stop(number):
    with _once:
        if _state["stopped"]:
            return
        _state["stopped"] = True
        try:
            advice = ""
            with contextlib.suppress(Exception):
                advice = _state["advice"]()
            line = tell(number, advice)
            _note(line)
            _end_children(os.getpid())
            for path, remove in list(UNFINISHED.items()):
                with contextlib.suppress(OSError):
                    remove(path)
        finally:
            os._exit(128 + number)


def _note(line):
    if _state["log"]:
        with contextlib.suppress(OSError):
            file = os.open(_state["log"], os.O_WRONLY | os.O_APPEND)
            os.write(file, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n".encode())


def _end_children(parent):
    """SIGTERM for all processes below this one: a compiler, say, which has inherited that SIGINT is blocked."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as children:
                for child in map(int, children.read().split()):
                    _end_children(child)
                    with contextlib.suppress(OSError):
                        os.kill(child, signal.SIGTERM)
