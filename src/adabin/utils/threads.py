# SPDX-License-Identifier: Apache-2.0
"""How many threads this process computes with: the one place that decides it.

ADABIN_CPU_THREADS, else the user's own OMP_NUM_THREADS, else the smaller of the processors that this process may run on
and the container's CPU quota, rounded up.

Read from `os.environ`, never through the C library: importing MindSpore 2.10 calls setenv("OMP_NUM_THREADS", "1"),
which `os.environ` does not show and every library of the process sees. The number is told to those that compute
(MindSpore's runtime, the CPU kernels) and never read back from the environment. The C++ engine's default follows the
same rule (ascend310_infer/src/base/default_threads.cc); both are tested with tests/golden/default_threads.json.
"""

import math
import os
import re
from pathlib import Path

from adabin.utils.errors import UserError

VARIABLE = "ADABIN_CPU_THREADS"
MAX_THREADS = 256  # as in the C++ code


def default_threads(environment=None, affinity=None, root="/"):
    """Number of threads, by the rule above; from 1 to 256.

    Args:
        environment (mapping): `os.environ` if not given.
        affinity (int): number of processors that the process may run on; asked of the system if not given.
        root (str or Path): where /proc and /sys lie, for tests.

    Raises:
        UserError: ADABIN_CPU_THREADS is no positive number.
    """
    environment = os.environ if environment is None else environment
    own = environment.get(VARIABLE, "").strip()
    if own:
        if not _is_positive(own):
            raise UserError(f"{VARIABLE}={own}: is no number of threads; set it to 1 or more, or unset it")
        return _clamped(own)
    # OpenMP's variable may list a number per level of nesting; values of no sense are for its owner to complain about.
    others = environment.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if _is_positive(others):
        return _clamped(others)
    processors = len(os.sched_getaffinity(0)) if affinity is None else affinity
    return max(1, math.ceil(min(processors, cpu_quota(root), MAX_THREADS)))


def _clamped(text):
    return min(int(text.lstrip("0")[:6]), MAX_THREADS)  # Python refuses to read a number of thousands of digits


def is_given(environment):
    """Whether the environment says a number of threads; otherwise it is that of the machine."""
    others = environment.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return bool(environment.get(VARIABLE, "").strip()) or _is_positive(others)


def _is_positive(text):
    return text.isascii() and text.isdigit() and text.strip("0") != ""


def cpu_quota(root="/"):
    """Processors' worth of time that the container grants: the smallest quota of its control groups, else infinity.

    Both versions of control groups: `cpu.max` (v2), `cpu.cfs_quota_us` and `cpu.cfs_period_us` (v1).
    """
    root = Path(root)
    return min((_quota_of(*group) for group in _groups(root)), default=math.inf)


def _lines(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _groups(root):
    """(folder, is of version 1) of the control groups for processors that this process is in, and those around them."""
    groups = {}  # "" for version 2, "cpu" for version 1 -> path of the group
    for line in _lines(root / "proc/self/cgroup"):
        number, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if number == "0" and not controllers:
            groups[""] = path
        elif "cpu" in controllers.split(","):
            groups["cpu"] = path
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        before, after = before.split(), after.split()
        if len(before) < 5 or len(after) < 3:
            continue
        version1 = after[0] == "cgroup" and "cpu" in after[2].split(",")
        key = "cpu" if version1 else "" if after[0] == "cgroup2" else None
        if key not in groups:
            continue
        mount_root, mount = Path(_unescaped(before[3])), root / _unescaped(before[4]).lstrip("/")
        group = mount
        # Elsewhere the path is the host's, as in a container without a control group namespace, or leads out of it.
        if ".." not in groups[key].split("/") and Path(groups[key]).is_relative_to(mount_root):
            group = mount / Path(groups[key]).relative_to(mount_root)
        yield from ((group, version1) for group in (group, *group.parents) if group.is_relative_to(mount))


def _unescaped(field):
    """A path of mountinfo, which writes blanks and backslashes as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), field)


def _quota_of(folder, version1):
    """Processors' worth of time that one control group grants; infinity where it sets no limit."""
    if version1:
        numbers = [" ".join(_lines(folder / f"cpu.cfs_{name}_us")[:1]).strip() for name in ("quota", "period")]
    else:
        numbers = " ".join(_lines(folder / "cpu.max")[:1]).split()
    if len(numbers) != 2 or not all(map(_is_positive, numbers)):
        return math.inf
    return int(numbers[0]) / int(numbers[1])
