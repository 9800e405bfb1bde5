# SPDX-License-Identifier: Apache-2.0
"""An exported file, its description, and the C++ program that runs it."""

import json
import math
import re
import subprocess
from pathlib import Path

import numpy as np

from adabin.utils.cli import log
from adabin.utils.config import read_config
from adabin.utils.device import environment_for_other_programs
from adabin.utils.errors import RunError, UserError
from adabin.utils.files import temporary_folder
from adabin.utils.places import CLONE

SOURCES = CLONE / "ascend310_infer"
ENGINE = SOURCES / "build" / "adabin_infer"


def description_of(model, config_path, overrides):
    """Config for an exported file: the given one, else <name>.yaml beside it, else config.yaml.

    Raises:
        UserError: no model there, or nothing beside it.
    """
    model = Path(model)
    if not model.is_file():
        raise UserError(f"--model {model}: no such file; make one with export.py")
    if model.suffix not in (".mindir", ".adabin"):
        raise UserError(f"--model {model}: is neither .mindir nor .adabin; give checkpoints with --ckpt_path")
    if not config_path:
        beside = model.with_suffix(".yaml"), model.with_name("config.yaml")
        config_path = next((path for path in beside if path.is_file()), None)
        if config_path is None:
            raise UserError(
                f"--model {model}: has no {beside[0].name} beside it, which export.py writes; "
                "give the config that it was trained with, --config_path"
            )
    return read_config(config_path, overrides)


def newer_source(program, sources):
    """A C++ source below the folder `sources` that was changed after the program was built, or None."""
    built = program.stat().st_mtime
    paths = (sources / "CMakeLists.txt", *(p for name in ("src", "inc") for p in (sources / name).rglob("*.*")))
    return next((path for path in paths if path.is_file() and path.stat().st_mtime > built), None)


class EngineModel:
    """An exported file, run in the C++ program.

    The program tells how many numbers an output has, not their shape: an output (B, P, 4) of the network is (B, 4 P).

    Args:
        path: .mindir or .adabin.
    """

    flag = "model"

    def __init__(self, path):
        if not ENGINE.is_file():
            raise UserError(f"--model needs the C++ program {ENGINE}; build it with: bash ascend310_infer/build.sh")
        source = newer_source(ENGINE, SOURCES)
        if source:
            name = source.relative_to(SOURCES.parent)
            log(f"warning: {ENGINE} is older than {name}; build it again with: bash ascend310_infer/build.sh")
        self.path = str(path)

    def __call__(self, images):
        """Outputs, a tuple of arrays float32 (N, ...) in one row per image, of normalized images float32 (N, 3, S, S).

        Raises:
            UserError: the network takes images of another size, or the file cannot be run.
            RunError: the program failed.
        """
        with temporary_folder("adabin-predict-") as folder:
            source, results = folder / "images.bin", folder / "outputs"
            np.ascontiguousarray(images, np.float32).tofile(source)
            command = [str(ENGINE), "--model", self.path, "--input", str(source), "--output", str(results)]
            ended = subprocess.run(command, env=environment_for_other_programs(), capture_output=True, text=True)
            # It takes any whole number of samples, which images of another size may well be.
            other_size = re.search(r"images\.bin: has \d+ bytes; one sample is (\d+) bytes", ended.stderr)
            if other_size:
                self._refuse_size(images, int(other_size.group(1)))
            if ended.returncode:
                line = next(iter(ended.stderr.strip().splitlines()[-1:]), f"status {ended.returncode}")
                raise (UserError if ended.returncode == 2 else RunError)(f"--model {self.path}: {line}")
            samples = json.loads(ended.stdout.splitlines()[-1])["samples"]
            if samples != len(images):
                self._refuse_size(images, images.nbytes // samples)
            files = sorted(results.glob("images_*.bin"), key=lambda path: int(path.stem.rpartition("_")[2]))
            return tuple(np.fromfile(path, np.float32).reshape(len(images), -1) for path in files)

    def _refuse_size(self, images, sample_bytes):
        side = math.isqrt(sample_bytes // (images.shape[1] * images.itemsize))
        raise UserError(
            f"--model {self.path}: takes images of {side} x {side}, the config has image_size={images.shape[-1]}; "
            "give the config that belongs to it with --config_path"
        )
