# SPDX-License-Identifier: Apache-2.0
"""The process of one peer: loads a case once, then answers each line on standard input with the times of a round.

    <python of the peer> -m benchmarks.peers.worker PEER CASE FOLDER THREADS CORE

CORE is the processor to be pinned to, or "any". The first answer is a JSON object with `version`, `isa` (what the
program says about its instruction set) and `difference` (largest one from the outputs expected, in units of the largest
output); each line with a number of seconds is answered with a list of milliseconds. Exit status 3: not installed.
"""

import ctypes
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

LEAST_RUNS = 3
LONG = 1.0  # seconds; such runs need no warming up, and one of them is a round
MODULES = {
    "onnxruntime": "benchmarks.peers.onnxruntime_peer",
    "openvino": "benchmarks.peers.openvino_peer",
    "larq": "benchmarks.peers.larq_peer",
    "mindspore": "benchmarks.peers.mindspore_peer",
}


def read_tensor(folder, name, shape):
    """A float32 file of a case's folder."""
    import numpy as np

    return np.fromfile(Path(folder) / name, np.float32).reshape(shape)


def difference(found, expected):
    """Largest difference of all outputs, a list, in units of the largest expected value."""
    import numpy as np

    found = np.concatenate([np.asarray(output).reshape(-1) for output in found])
    return float(np.abs(found - expected.reshape(-1)).max() / np.abs(expected).max())


def peak_memory_mb():
    """Largest resident memory of this process, Python and its modules included, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def timed_runs(run, seconds):
    """Milliseconds of every run in so many seconds, after one that does not count; of long runs, of one."""
    began = time.perf_counter()
    run()
    if time.perf_counter() - began > LONG:
        return [1000 * (time.perf_counter() - began)]
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < LEAST_RUNS:
        began = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - began))
    return times


def main(peer, case, folder, threads, core):
    """Load a peer and serve rounds until standard input ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: not to outlive, asleep, a comparison that was killed
    answers = os.fdopen(os.dup(1), "w")  # libraries print what they like to standard output
    os.dup2(2, 1)
    if core != "any":
        os.sched_setaffinity(0, {int(core)})
    program, _, variant = peer.partition("-")
    from benchmarks.peers.cases import CASES

    try:
        module = importlib.import_module(MODULES[program])
    except ImportError as error:
        print(f"{error}", file=sys.stderr)
        sys.exit(3)
    run, description = module.load(CASES[case], Path(folder), variant, int(threads))
    print(json.dumps(description), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(timed_runs(run, float(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
