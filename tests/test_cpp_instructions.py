# SPDX-License-Identifier: Apache-2.0
"""No function of the C++ program holds an instruction beyond x86-64's baseline, but those called after asking the CPU.

Read from the machine code of every object file. A function that the linker may merge with those of other files (an
inline function or a template with external linkage) would carry the instructions of the file it was taken from into all
others, so those beyond the baseline must be local to their file.
"""

import platform
import re
import shutil
import subprocess

import pytest

from tests import cpp

BASELINE, POPCNT, AVX2, AVX512, VPOPCNTDQ, TOO_MUCH = range(6)
# What the file of each instruction set may use; all others nothing beyond the baseline.
ALLOWED = {
    "avx2.cc.o": AVX2,
    "avx512.cc.o": AVX512,
    "avx512_vpopcnt.cc.o": VPOPCNTDQ,
    "bconv2d_portable.cc.o": POPCNT,  # one function, where the CPU has it
}
PREFIXES = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3}
# Encoded as AVX and AVX2 are, but of extensions of their own that no one asks the CPU for.
OTHER_VEX = re.compile(
    r"(andn|bextr|blsi|blsmsk|blsr|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx|vcvtph2ps|vcvtps2ph|vpdp\w+|vaes\w+|vpclmul\w+)"
)


def level(code, text):
    """What an instruction needs, from its bytes and its disassembly."""
    mnemonic = text.split()[0]
    if code[0] == 0x62:  # EVEX
        return VPOPCNTDQ if mnemonic.startswith("vpopcnt") else AVX512
    if code[0] in (0xC4, 0xC5):  # VEX; the instructions on mask registers are AVX-512's
        if re.search(r"%k[0-7]", text):
            return AVX512
        return TOO_MUCH if OTHER_VEX.fullmatch(mnemonic) else AVX2
    at = 0
    while at < len(code) and (code[at] in PREFIXES or 0x40 <= code[at] <= 0x4F):
        at += 1
    if code[at : at + 1] != b"\x0f":
        return BASELINE
    prefixes, opcode = code[:at], code[at + 1]
    if opcode == 0xB8 and 0xF3 in prefixes:
        return POPCNT
    # SSSE3, SSE4 and later; SSE3; the LZCNT that older CPUs take for BSR. (TZCNT is BSF there: the same unless 0.)
    sse3 = opcode in (0x7C, 0x7D, 0xD0) or opcode in (0x12, 0x16, 0xF0) and {0xF2, 0xF3} & set(prefixes)
    return TOO_MUCH if opcode in (0x38, 0x3A) or sse3 or opcode == 0xBD and 0xF3 in prefixes else BASELINE


def test_the_level_of_known_instructions():
    """The check itself: encodings written out by hand."""
    for code, text, expected in (
        ("62f27d4855c0", "vpopcntd %zmm0,%zmm0", VPOPCNTDQ),
        ("62f17d48fec1", "vpaddd %zmm1,%zmm0,%zmm0", AVX512),
        ("c5f892c8", "kmovw %eax,%k1", AVX512),
        ("c5fdfec1", "vpaddd %ymm1,%ymm0,%ymm0", AVX2),
        ("c4e2f8f3c8", "blsr %rax,%rax", TOO_MUCH),
        ("f3480fb8c0", "popcnt %rax,%rax", POPCNT),
        ("f3480fbdc0", "lzcnt %rax,%rax", TOO_MUCH),
        ("660f3800c1", "pshufb %xmm1,%xmm0", TOO_MUCH),
        ("f20f7cc1", "haddps %xmm1,%xmm0", TOO_MUCH),
        ("660ffec1", "paddd %xmm1,%xmm0", BASELINE),
        ("f30f1efa", "endbr64", BASELINE),
        ("f30f10c1", "movss %xmm1,%xmm0", BASELINE),
        ("4883c001", "add $0x1,%rax", BASELINE),
    ):
        assert level(bytes.fromhex(code), text) == expected, text


def lines_of(tool, *arguments):
    if platform.machine() != "x86_64":
        pytest.skip("reads x86-64 code")
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}: apt-get install binutils")
    return subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=True).stdout.splitlines()


def functions(path):
    """(object file, function, highest level of its instructions) of a program or library."""
    found, file, function = {}, "", ""
    for line in lines_of("objdump", "-d", "-w", "-C", path):
        if line.endswith((":     file format elf64-x86-64",)):
            file = line.split(":")[0]
        elif header := re.fullmatch(r"[0-9a-f]+ <(.*)>:", line):
            function = header[1]
        elif code := re.match(r"\s+[0-9a-f]+:\t((?:[0-9a-f]{2} )+)\s*\t(.+)", line):
            key = file, function
            found[key] = max(found.get(key, BASELINE), level(bytes.fromhex(code[1]), code[2]))
    assert len(found) > 100
    return found


@pytest.fixture(scope="module")
def library():
    """Every object file of the program, before the linker has chosen among equal functions."""
    cpp.program("adabin_infer")
    return cpp.BUILD / "libadabin.a"


def test_each_object_file_keeps_to_its_instruction_set(library):
    highest = {}
    for (file, function), found in functions(library).items():
        allowed = ALLOWED.get(file, BASELINE)
        assert found <= allowed, f"{file}: {function}"
        highest[file] = max(found, highest.get(file, BASELINE))
    for file in ("avx2", "avx512", "avx512_vpopcnt", "bconv2d_portable"):
        assert highest[f"{file}.cc.o"] > BASELINE  # or the disassembly was not understood


def test_functions_beyond_the_baseline_are_local_to_their_file(library):
    local, file = set(), ""
    for line in lines_of("nm", "-C", "--defined-only", library):
        if line.endswith(".o:"):
            file = line[:-1]
        elif (symbol := re.fullmatch(r"[0-9a-f]+ (\w) (.*)", line)) and symbol[1] == "t":
            local.add((file, symbol[2]))
    for key, found in functions(library).items():
        assert found == BASELINE or key in local, key


@pytest.mark.parametrize("name", ("adabin_infer", "adabin_pack", "adabin_layer"))
def test_in_the_programs_only_kernels_are_beyond_the_baseline(name):
    allowed = r"(void )?adabin::(avx2|avx512)::\(anonymous namespace\)::.*"
    for (_, function), found in functions(cpp.program(name)).items():
        if found != BASELINE and not re.fullmatch(allowed, function):
            assert found == POPCNT and "::CountPopcnt(" in function, function
