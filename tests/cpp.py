# SPDX-License-Identifier: Apache-2.0
"""Running the C++ programs in tests."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from adabin.utils.device import environment_for_other_programs

OUTPUTS_WITHIN = 1e-5
BUILD = Path(__file__).resolve().parents[1] / "ascend310_infer" / "build"


def program(name):
    """Path of a built program; without a build the test is skipped, which run_tests.sh never lets happen."""
    path = BUILD / name
    if not path.is_file():
        pytest.skip("needs the C++ program: bash ascend310_infer/build.sh")
    return path


def run(name, *arguments):
    """Run a program that has to succeed; returns its JSON line."""
    command = [str(program(name)), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment_for_other_programs())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def outputs(model, images, folder, *arguments):
    """All outputs of adabin_infer for images float32 (N, C, H, W), each as (N, values), and its JSON line."""
    folder.mkdir(parents=True, exist_ok=True)
    np.ascontiguousarray(images, np.float32).tofile(folder / "x.bin")
    result = run("adabin_infer", "--model", model, "--input", folder / "x.bin", "--output", folder / "out", *arguments)
    count = len(list((folder / "out").glob("x_*.bin")))
    files = [folder / "out" / f"x_{index}.bin" for index in range(count)]
    return [np.fromfile(file, np.float32).reshape(len(images), -1) for file in files], result


def infer(model, images, folder, *arguments):
    """The first output of `outputs`, and the JSON line."""
    found, result = outputs(model, images, folder, *arguments)
    return found[0], result


def layer_differences(model, records, folder, kernel="auto"):
    """Each binary layer on MindSpore's own input: (bits that differ, largest difference of outputs) of every layer.

    Args:
        model: exported or packed network.
        records: (input, bits, output) of every binary layer, from `record_layers` of tests/golden/make_golden.py.
        folder, kernel: for files of this function, and as in `adabin_layer`.

    The difference of outputs is relative to the layer's largest.
    """
    found = []
    for index, (x, bits, y) in enumerate(records):
        x.tofile(folder / "x.bin")
        files = ("--input", folder / "x.bin", "--output", folder / "layer", "--kernel", kernel)
        run("adabin_layer", "--model", model, "--layer", index, *files)
        cpp_bits = np.fromfile(folder / "layer" / "bits.bin", np.uint8).reshape(bits.shape)
        cpp_y = np.fromfile(folder / "layer" / "conv.bin", np.float32).reshape(y.shape)
        found.append((int(np.count_nonzero(cpp_bits != bits)), float(np.abs(cpp_y - y).max() / np.abs(y).max())))
    return found


def check_layers(model, records, folder, kernel="auto"):
    """Hold each binary layer to equal bits, and to outputs within `OUTPUTS_WITHIN` of the layer's largest."""
    for index, (bits, difference) in enumerate(layer_differences(model, records, folder, kernel)):
        assert not bits, f"layer {index}: {bits} bits differ"
        assert difference <= OUTPUTS_WITHIN, f"layer {index}: outputs differ by {difference:.2g} of the largest"
