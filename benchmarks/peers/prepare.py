# SPDX-License-Identifier: Apache-2.0
"""The files of a case, made once and kept; packed anew each time, for the packed format may have changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from adabin.utils.cli import log
from adabin.utils.errors import RunError, UserError
from benchmarks.peers.process import PEERS, ROOT, environment


def _python(python, module, case, folder):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [python, "-m", f"benchmarks.peers.{module}", case.name, str(folder)]
    ended = subprocess.run(command, env=env, capture_output=True, text=True)
    if ended.returncode:
        last = next(iter(ended.stderr.strip().splitlines()[-1:]), "no message")
        if "No module named" in last:
            raise UserError(f"{case.name}: {module} with {python}: {last}; run this with the Python of .venv")
        raise RunError(f"making the files of {case.name} failed in {module}: {last}")


def prepare(case, models):
    """Folder with the files of a case; made where they are not there yet.

    Args:
        case (Case): what to make.
        models: folder for all cases.

    Raises:
        RunError: they cannot be made.
    """
    folder, making = Path(models) / case.name, Path(models) / f".making-{case.name}"
    if not (folder / "binary.mindir").is_file():
        log(f"{case.name}: exporting")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        _python(sys.executable, "export_networks", case, making)
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
    onnx = PEERS["onnxruntime-int8"].python
    if not (folder / "int8.onnx").is_file() and Path(onnx).is_file():
        _python(onnx, "quantize", case, folder)
    pack = ROOT / "ascend310_infer" / "build" / "adabin_pack"
    if pack.is_file():
        arguments = ["--model", "binary.mindir", "--output", "binary.adabin", "--force"]
        env = environment(PEERS["engine"])
        ended = subprocess.run([str(pack), *arguments], cwd=folder, env=env, capture_output=True, text=True)
        if ended.returncode:
            raise RunError(f"adabin_pack failed for {case.name}: {ended.stderr.strip()}")
    return folder
