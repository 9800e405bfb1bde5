# SPDX-License-Identifier: Apache-2.0
"""What the processor is and can."""

import os
import platform
from pathlib import Path

# Best first, as /proc/cpuinfo spells them.
INTERESTING = ("avx512_vpopcntdq", "avx512_bf16", "avx512_vnni", "avx512f", "avx2", "avx", "sse4_2", "asimddp", "asimd")


def _field(name):
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.partition(":")[0].strip() == name), "")


def widest():
    """The instruction sets that decide these benchmarks and that this processor has."""
    flags = set((_field("flags") or _field("Features")).split())
    return " ".join(name for name in INTERESTING if name in flags) or "unknown"


def describe():
    """Name, family and model, and number of processors of this machine."""
    name = _field("model name") or platform.processor() or platform.machine()
    family = f" family {_field('cpu family')} model {_field('model')}" if _field("cpu family") else ""
    return f"{name}{family}, {len(os.sched_getaffinity(0))} CPUs"
