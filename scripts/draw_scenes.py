# SPDX-License-Identifier: Apache-2.0
"""Draw the scenes to try that lie beside the published detector; no training and no test has seen them.

python scripts/draw_scenes.py --output_path models/ssd300_scenes/pictures
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and says how where packages are missing

# isort: split
import cv2

from adabin.data.scenes import Scenes
from adabin.utils.cli import run
from adabin.utils.config import parse_flags
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder, replacing

COUNT, LEAST_OBJECTS, SIDE = 4, 3, 300
SEED = 20261122  # of a world of its own: trainings have small ones
QUALITY = 95  # of the JPEG files; as PNG the noise alone takes 200 KB


def scenes():
    """Names of the files, without suffix, to (pixels uint8 (300, 300, 3), Objects)."""
    world = Scenes("test", 100, SEED, SIDE)
    numbers = [number for number in range(len(world)) if len(world[number]) >= LEAST_OBJECTS][:COUNT]
    return {f"scene{number}": (world.picture(number), world[number]) for number in numbers}


def draw(folder, force=False):
    """Write the files; returns their paths.

    Raises:
        UserError: one is there already and `force` is not set.
    """
    folder = make_folder(folder, "--output_path")
    paths = {folder / f"{name}.jpg": pixels for name, (pixels, _) in scenes().items()}
    for path in paths:
        if path.exists() and not force:
            raise UserError(f"{path}: exists already; give another folder, or replace it with --force")
    for path, pixels in paths.items():
        save_jpeg(path, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return list(paths)


def save_jpeg(path, pixels):
    """Write uint8 (H, W, 3), BGR."""
    with replacing(path) as temporary:
        temporary.write_bytes(cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes())


def add_flags(parser):
    parser.add_argument("--output_path", required=True, metavar="DIR", help="folder for the JPEG files")
    parser.add_argument("--force", action="store_true", help="replace existing files")


def main(argv):
    flags, _ = parse_flags(__doc__, argv, add_flags, with_config_keys=False)
    return {"files": [str(path) for path in draw(flags.output_path, flags.force)]}


if __name__ == "__main__":
    run(main)
