# SPDX-License-Identifier: Apache-2.0
"""Decoding in NumPy and in C++ side by side, on outputs of SSD300's size: the same boxes, and how long either takes.

    cmake --build ascend310_infer/build --target decode_case
    python -m tests.golden.compare_detections [--cases N] [--repeat N] [OUTPUTS.npz]

OUTPUTS.npz: `locations` (N, 8732, 4) and `scores` (N, 8732, 1 + classes) of a network; else outputs are drawn. Times
are the processor's, of one thread. Ends with status 1 where a class or the order differs, or a number by more than
1e-6.
"""

import src  # noqa: F401 - makes adabin importable

# isort: split
import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from adabin.detection.priors import VARIANCES, prior_maps, ssd_priors
from tests.cpp import BUILD
from tests.golden.make_detections import DEFAULTS, found_in, peaked_outputs, write_case

PRIORS = ssd_priors(300)


def drawn(count):
    """(what it is, locations, scores) of outputs of any kind, 20 classes."""
    rng = np.random.default_rng(1)
    for number in range(count):
        yield f"like a trained network's {number}", *peaked_outputs(rng, 20, PRIORS, objects=1 + number % 40)
        spread = (1, 4, 0.1)[number % 3]
        logits = rng.normal(0, spread, (len(PRIORS), 21)).astype(np.float32)
        yield f"random, spread {spread}", rng.normal(0, 2, (len(PRIORS), 4)).astype(np.float32), logits
        logits = rng.integers(-2, 3, (len(PRIORS), 21)).astype(np.float32)
        yield "ties", rng.integers(-2, 3, (len(PRIORS), 4)).astype(np.float32), logits


def outputs_of(path):
    """The same of a network's outputs."""
    with np.load(path) as file:
        for number, (locations, scores) in enumerate(zip(file["locations"], file["scores"], strict=True)):
            yield f"{path} {number}", np.float32(locations), np.float32(scores)


def milliseconds(function, repeat):
    """Median of several calls, of processor time: others may use the machine."""
    times = []
    for _ in range(repeat):
        begin = time.process_time()
        function()
        times.append(1000 * (time.process_time() - begin))
    return float(np.median(times))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("outputs", nargs="?", help="outputs of a network, .npz; else drawn ones")
    parser.add_argument("--cases", type=int, default=3, help="how many of each kind are drawn")
    parser.add_argument("--repeat", type=int, default=11, help="calls that each time is the median of")
    flags = parser.parse_args()
    wrong, all_times = 0, []
    for name, locations, scores in outputs_of(flags.outputs) if flags.outputs else drawn(flags.cases):
        rules = {"num_classes": scores.shape[1] - 1, **DEFAULTS, "variances": list(VARIANCES), "maps": prior_maps(300)}
        expected = found_in(rules, locations, scores, PRIORS)
        numpy_time = milliseconds(lambda given=(rules, locations, scores, PRIORS): found_in(*given), flags.repeat)
        with tempfile.TemporaryDirectory() as folder:
            write_case(Path(folder), rules, locations, scores, expected)
            command = [BUILD / "decode_case", folder, str(10 * flags.repeat)]
            cpp_time = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            found = np.fromfile(Path(folder) / "cpp.bin", np.float32).reshape(-1, 6)
        same = found.shape == expected.shape and (found[:, 4] == expected[:, 4]).all()
        difference = float(np.abs(found - expected).max(initial=0)) if same else np.inf
        wrong += not difference <= 1e-6
        all_times.append((numpy_time, cpp_time))
        print(
            f"{name}: {len(expected)} boxes, largest difference {difference:.1g}, NumPy {numpy_time:.2f} ms, "
            f"C++ {cpp_time:.3f} ms, {numpy_time / cpp_time:.0f} x"
        )
    numpy_time, cpp_time = np.median(all_times, axis=0)
    print(f"{len(all_times)} cases, {wrong} differ; median NumPy {numpy_time:.2f} ms, C++ {cpp_time:.3f} ms")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
