# SPDX-License-Identifier: Apache-2.0
"""The shared library of the C++ kernels: compiled for this processor at first use, kept in a cache folder.

The cache is $XDG_CACHE_HOME/adabin-mindspore, or ~/.cache/adabin-mindspore; a file's name is a hash of sources, flags,
compiler and processor, so that a change of any of them compiles anew and two machines may share a home.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from functools import lru_cache
from pathlib import Path

from adabin.utils.cli import log
from adabin.utils.files import temporary_folder
from adabin.utils.threads import default_threads

KERNELS = Path(__file__).with_name("kernels")
COMPILERS = ("g++", "c++", "clang++")
# No -ffast-math: zeros, infinities and the order of sums are part of the results; so is each rounding, which a compiler
# would leave out wherever it joins a product and a sum. Where one is meant, MulAdd of simd.h says so.
FLAGS = (
    *("-O3", "-march=native", "-std=c++17", "-fPIC", "-pthread"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
)


class LibraryError(Exception):
    """The kernels cannot be used; the message says why and what helps."""


def sources():
    """Every C++ file of the kernels, sorted."""
    return sorted(path for path in KERNELS.iterdir() if path.suffix in (".cc", ".h"))


def find_compiler():
    """Path of a C++ compiler: $CXX, or the first of `COMPILERS` that is installed.

    Raises:
        LibraryError: there is none.
    """
    for name in filter(None, (os.environ.get("CXX"), *COMPILERS)):
        found = shutil.which(name)
        if found:
            return found
    raise LibraryError("no C++ compiler is installed (Debian: apt-get install g++)")


def _processor():
    """What -march=native depends on."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
        wanted = ("flags", "Features", "model name", "CPU part")
        return "\n".join(line for line in lines if line.startswith(wanted))
    return os.uname().machine


def _key(compiler):
    """Hash of everything that the compiled library follows from."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    digest = hashlib.sha256("\0".join((compiler, version, *FLAGS, _processor())).encode())
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:20]


def cache_folders():
    """Folders to keep the library in, best first: the user's cache, then one of this user's in the temporary folder."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "adabin-mindspore", Path(tempfile.gettempdir()) / f"adabin-mindspore-{os.getuid()}"


def _usable(folder):
    """Whether files can be written to a folder that belongs to this user; it is made if need be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.access(folder, os.W_OK | os.X_OK) and folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def _checksum_path(library):
    return library.with_suffix(".sha256")


def _intact(library):
    """Whether a library is there as it was written: loading a damaged one would end the process."""
    try:
        expected = _checksum_path(library).read_text(encoding="ascii")
        return hashlib.sha256(library.read_bytes()).hexdigest() == expected
    except (OSError, ValueError):
        return False


def _compile(compiler, target):
    """Compile each file on its own, several at once, and link them as `target`, beside which comes its checksum."""
    began = time.monotonic()
    with temporary_folder("building-", target.parent) as folder:
        units = [path for path in sources() if path.suffix == ".cc"]
        objects = [folder / f"{path.stem}.o" for path in units]
        _run_all([[compiler, *FLAGS, "-c", str(path), "-o", str(o)] for path, o in zip(units, objects, strict=True)])
        built = folder / target.name
        _run_all([[compiler, *FLAGS, "-shared", *map(str, objects), "-o", str(built)]])
        try:
            ctypes.CDLL(str(built))
        except OSError as error:
            raise LibraryError(f"what {compiler} made cannot be loaded ({error})") from error
        checksum = _checksum_path(built)
        checksum.write_text(hashlib.sha256(built.read_bytes()).hexdigest(), encoding="ascii")
        os.replace(built, target)
        os.replace(checksum, _checksum_path(target))
    log(f"compiled the CPU kernels in {time.monotonic() - began:.0f} s into {target}")


def _run_all(commands):
    """Run commands, as many at a time as this process has threads.

    Raises:
        LibraryError: one failed; with the first line of its complaint.
    """
    from concurrent.futures import ThreadPoolExecutor

    def run(command):
        return subprocess.run(command, capture_output=True, text=True, check=False)

    try:
        with ThreadPoolExecutor(default_threads()) as pool:
            for ended in pool.map(run, commands):
                if ended.returncode:
                    lines = [line for line in ended.stderr.splitlines() if "error" in line] or ended.stderr.splitlines()
                    raise LibraryError(f"{commands[0][0]} failed: {(lines or ['no message'])[0].strip()}")
    except OSError as error:
        raise LibraryError(f"{commands[0][0]} cannot be run ({error.strerror})") from error


def _build(folder):
    """Path of the library in a cache folder, compiled if it is not there or damaged; one process compiles at a time."""
    compiler = find_compiler()
    target = folder / f"kernels-{_key(compiler)}.so"
    if _intact(target):
        return target
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _intact(target):  # another process may have been faster
            _compile(compiler, target)
    return target


@lru_cache(maxsize=1)
def library_path():
    """Path of the compiled library, as text.

    Raises:
        LibraryError: no compiler, no writable folder, or a compiler that fails.
    """
    reasons = []
    for folder in cache_folders():
        if not _usable(folder):
            reasons.append(f"{folder} cannot be written")
            continue
        try:
            return str(_build(folder))
        except OSError as error:  # a full disk, say: the next folder may lie on another one
            reasons.append(f"{folder}: {error.strerror or type(error).__name__}")
    raise LibraryError(f"there is no place to compile them ({', '.join(reasons)}); set XDG_CACHE_HOME to a folder")


def tell_threads():
    """Load the library, which MindSpore then shares, and tell it how many threads to use (src/adabin/utils/threads.py).

    Raises:
        LibraryError: see `library_path`.
    """
    ctypes.CDLL(library_path()).AdabinSetThreads(default_threads())
