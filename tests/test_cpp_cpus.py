# SPDX-License-Identifier: Apache-2.0
"""The C++ program on processors that can less than this one, and on ARM: same outputs, no illegal instruction.

qemu-user plays the processors; without it, or without the build for ARM, the tests are skipped. It knows no AVX-512: a
model that has it is met as one without.
"""

import json
import shutil
import subprocess

import numpy as np
import pytest

from adabin.utils.device import environment_for_other_programs
from tests import cpp

GOLDEN = cpp.BUILD.parents[1] / "tests" / "golden"
# Processor of qemu-x86_64: the kernels that it may run, best first. Conroe has no popcount instruction.
PROCESSORS = {
    "Conroe-v1": ("portable",),
    "Nehalem-v1": ("portable",),
    "SandyBridge-v1": ("portable",),
    "Haswell-v4": ("avx2", "portable"),
    "EPYC-v1": ("avx2", "portable"),
}
CASES = ("network", "residual", "stem_and_downsample", "conv3x3_odd_channels")


def emulator(name):
    """Path of a program of qemu-user; without it the test."""
    return shutil.which(name) or pytest.skip(f"needs {name}: apt-get install qemu-user")


def run(command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment_for_other_programs())


def kernels_of(program, *before):
    """Names of the kernels that a processor can run, of those compiled in."""
    lines = run([*before, program, "--list_kernels"]).stdout.splitlines()
    return [line.split(":")[0] for line in lines if "(not on this CPU)" not in line]


def check(case, folder, *before, program, kernel="auto"):
    """Run a golden case; its outputs must be right. Returns the kernel that ran."""
    golden = GOLDEN / case
    files = ("--model", golden / "model.mindir", "--input", golden / "input.bin", "--output", folder)
    ended = run([*before, program, *files, "--threads", 2, "--kernel", kernel])
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    found, expected = (np.fromfile(path, np.float32) for path in (folder / "input_0.bin", golden / "output.bin"))
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    return json.loads(ended.stdout.splitlines()[-1])["kernel"]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_lesser_processor_takes_the_best_kernel_it_can_and_computes_the_same(processor, tmp_path):
    program, qemu = cpp.program("adabin_infer"), emulator("qemu-x86_64")
    compiled = run([program, "--list_kernels"]).stdout
    best = next(name for name in PROCESSORS[processor] if f"{name}:" in compiled or f"{name} (" in compiled)
    for case in CASES:
        assert check(case, tmp_path, qemu, "-cpu", processor, program=program) == best


@pytest.mark.parametrize("processor", PROCESSORS)
def test_every_kernel_that_a_lesser_processor_offers_runs_there(processor, tmp_path):
    program, before = cpp.program("adabin_infer"), (emulator("qemu-x86_64"), "-cpu", processor)
    for kernel in kernels_of(program, *before):
        assert check("network", tmp_path, *before, program=program, kernel=kernel)


def test_a_kernel_that_a_processor_lacks_is_refused_there(tmp_path):
    program, before = cpp.program("adabin_infer"), (emulator("qemu-x86_64"), "-cpu", "Conroe-v1")
    lacking = set(kernels_of(program)) - set(kernels_of(program, *before))
    for kernel in lacking:
        files = ("--model", GOLDEN / "residual" / "model.mindir", "--input", GOLDEN / "residual" / "input.bin")
        ended = run([*before, program, *files, "--output", tmp_path / "out", "--kernel", kernel])
        assert ended.returncode == 2 and f"--kernel {kernel}: this CPU cannot run it" in ended.stderr


@pytest.mark.parametrize("case", CASES)
def test_arm_computes_the_same_with_neon(case, tmp_path):
    program = cpp.BUILD.with_name("build-aarch64") / "adabin_infer"
    if not program.is_file():
        pytest.skip("needs the build for ARM: bash ascend310_infer/build.sh --aarch64")
    qemu = emulator("qemu-aarch64")
    assert check(case, tmp_path, qemu, program=program) == "neon"
    for kernel in kernels_of(program, qemu):
        check(case, tmp_path, qemu, program=program, kernel=kernel)
