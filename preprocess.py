# SPDX-License-Identifier: Apache-2.0
"""Write a data set's test images as the files that the C++ program reads.

    python preprocess.py --dataset cifar10 --data_path DIR --output_path OUT

makes OUT/labels.npy, int32, and OUT/inputs/<first>-<last>.bin, raw float32 batches (N, 3, H, W) of normalized images,
`eval_batch_size` each, named after the numbers of the first and the last image in them.
"""

import src  # noqa: F401 - makes adabin importable, and prepares the environment for MindSpore

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.utils import stopping

    stopping.install()

from pathlib import Path

import numpy as np

from adabin.data import build_dataset
from adabin.data.image_dataset import EpochBatches
from adabin.tasks import build_task
from adabin.utils.cli import run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.effect import refuse_without_effect
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder, replacing
from adabin.utils.key import RUNS, TEST

MARKER = "made_by_preprocess.txt"


def prepare_folder(path):
    """Make the output folder, or empty the inputs and outputs of an earlier run that made it.

    Raises:
        UserError: the folder holds something and was not made by preprocess.py; nothing has been removed then.
    """
    folder = make_folder(path, "--output_path")
    if any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise UserError(f"{folder}: holds files that preprocess.py did not make; give a new folder with --output_path")
    with replacing(folder / MARKER) as temporary:
        temporary.write_text("preprocess.py empties inputs/ and outputs/ when it is run on this folder again.\n")
    for name in ("inputs", "outputs"):
        for file in (folder / name).glob("*.bin"):
            file.unlink()
    make_folder(folder / "inputs", "--output_path")
    return folder


def add_flags(parser):
    parser.add_argument("--config_path", metavar="F.yaml", help="recipe or config.yaml of a run [config/base.yaml]")


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags, uses=(TEST, RUNS))
    if "output_path" not in overrides:
        raise UserError("preprocess.py: --output_path is missing; give the folder to write to")
    config = read_config(flags.config_path, overrides)
    refuse_without_effect(overrides, config)
    task = build_task(config)
    if tuple(task.columns(False)) != ("label",):
        raise UserError(f"config: task: {config.task}: preprocess.py writes labels, one per image; use eval.py --model")
    dataset = build_dataset(config, "test", task)
    folder = prepare_folder(Path(config.output_path))
    first, written = 0, []
    batches = EpochBatches(dataset, epoch=0)
    for images, labels in batches:
        with replacing(folder / "inputs" / f"{first:06d}-{first + len(images) - 1:06d}.bin") as temporary:
            np.ascontiguousarray(images, np.float32).tofile(temporary)
        first += len(images)
        written.append(labels)
    with replacing(folder / "labels.npy") as temporary, open(temporary, "wb") as handle:
        np.save(handle, np.concatenate(written).astype(np.int32))
    return {
        "dataset": config.dataset,
        "images": first,
        "files": len(batches),
        "inputs": str(folder / "inputs"),
        "labels": str(folder / "labels.npy"),
    }


if __name__ == "__main__":
    run(main)
