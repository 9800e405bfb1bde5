# SPDX-License-Identifier: Apache-2.0
"""The C++ operators of convolutions by themselves: cpu_kernels/conv_test.cc, plain and under the sanitizers."""

import subprocess
from pathlib import Path

import pytest

from adabin.cpu.library import FLAGS, KERNELS, find_compiler, sources
from tests.cpu_library import needs_kernels

TEST = Path(__file__).with_name("cpu_kernels") / "conv_test.cc"
SANITIZE = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")


@needs_kernels
@pytest.mark.parametrize(
    "flags, rounds",
    [pytest.param((), 60, id="plain", marks=pytest.mark.slow), pytest.param(SANITIZE, 15, id="sanitizers")],
)
def test_convolutions_agree_with_double_precision_for_any_number_of_threads(flags, rounds, tmp_path):
    program = tmp_path / "conv_test"
    units = [str(path) for path in (TEST, *sources()) if path.suffix == ".cc"]
    command = [find_compiler(), *FLAGS, *flags, f"-I{KERNELS}", *units, "-o", str(program)]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    done = subprocess.run([str(program), str(rounds)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
