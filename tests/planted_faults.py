# SPDX-License-Identifier: Apache-2.0
"""Plant faults in a copy of the project, one by one, and see the tests fail on them.

    python -m tests.planted_faults [WORD ...]        # all of them, or those whose description has one of the words

A fault that no test notices ends it with status 1: a test is missing, or cannot fail. `tests/test_planted_faults.py`
holds that each of these places exists, so whoever changes one brings the list up to date.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import data, detection, layers, programs, training

ROOT = Path(__file__).resolve().parents[1]
FAULTS = [*layers.FAULTS, *training.FAULTS, *data.FAULTS, *detection.FAULTS, *programs.FAULTS]


def copy_of_the_project(folder):
    """The files that git knows or would take, and the C++ programs as they have been built."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    build = ROOT / "ascend310_infer" / "build"
    if build.is_dir():
        (folder / "ascend310_infer" / "build").symlink_to(build)


def fails(tests, folder):
    """Whether these tests fail in a copy."""
    command = f"{sys.executable} -m pytest -x -q -p no:cacheprovider -m 'not slow' {tests}"
    status = subprocess.run(command, shell=True, cwd=folder, capture_output=True).returncode
    assert status in (0, 1), f"pytest {tests}: no tests, or they cannot be run"
    return status == 1


def is_caught(fault, folder):
    """Whether the tests fail with this fault planted in a copy."""
    path = folder / fault.file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    try:
        return fails(fault.tests, folder)
    finally:
        path.write_text(text, encoding="utf-8")


def main(words):
    """Returns the status to exit with."""
    chosen = [fault for fault in FAULTS if not words or any(word in fault.what for word in words)]
    missed = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        copy_of_the_project(Path(folder))
        files = sorted({word for fault in chosen for word in fault.tests.split() if word.startswith("tests/")})
        assert not fails(f"-n auto --dist loadfile {' '.join(files)}", folder), "they fail without any fault"
        for fault in chosen:
            began = time.monotonic()
            caught = is_caught(fault, Path(folder))
            print(f"{'caught' if caught else 'MISSED'}  {time.monotonic() - began:4.0f} s  {fault.what}", flush=True)
            missed += [] if caught else [fault.what]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
