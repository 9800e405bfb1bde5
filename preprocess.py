# SPDX-License-Identifier: Apache-2.0
"""Write a data set's test images as the files that the C++ program reads.

    python preprocess.py --dataset cifar10 --data_path DIR --output_path OUT

makes OUT/inputs/<first>-<last>.bin, raw float32 batches (N, 3, H, W) of normalized images, `eval_batch_size` each, or
fewer where a file would exceed 64 MiB, named after the numbers of the first and the last image in them. Beside them,
for classification, OUT/labels.npy, int32; for detection OUT/objects.npz, what is annotated, and OUT/pictures.txt with a
line HEIGHT WIDTH NAME for each picture, which adabin_infer takes as --boxes_sizes.
"""

import src  # noqa: F401 - makes adabin importable, and prepares the environment for MindSpore

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.utils import stopping

    stopping.install()

from pathlib import Path

import numpy as np

from adabin.data import build_dataset
from adabin.data.image_dataset import EpochBatches
from adabin.detection.exchange import OBJECTS, PICTURES, Truth
from adabin.tasks import build_task
from adabin.utils.cli import run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.effect import refuse_without_effect, without_keys_of_other_data
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder, replacing
from adabin.utils.key import RUNS, TEST

MARKER = "made_by_preprocess.txt"
MOST_BYTES = 1 << 26  # of a file


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
        for file in (*(folder / name).glob("*.bin"), *(folder / name).glob("*.json")):
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
    config = without_keys_of_other_data(config, overrides)
    task = build_task(config)
    if config.task != "detection" and tuple(task.columns(False)) != ("label",):
        raise UserError(f"config: task: {config.task}: preprocess.py writes labels or objects; use eval.py --model")
    most = max(1, MOST_BYTES // (4 * 3 * config.image_size**2))
    dataset = build_dataset(config.changed(eval_batch_size=min(config.eval_batch_size, most)), "test", task)
    folder = prepare_folder(Path(config.output_path))
    first, targets = 0, []
    batches = EpochBatches(dataset, epoch=0)
    for images, *rest in batches:
        with replacing(folder / "inputs" / f"{first:06d}-{first + len(images) - 1:06d}.bin") as temporary:
            np.ascontiguousarray(images, np.float32).tofile(temporary)
        first += len(images)
        targets.append(rest)
    written = write_objects if config.task == "detection" else write_labels
    return {
        "dataset": config.dataset,
        "images": first,
        "files": len(batches),
        "inputs": str(folder / "inputs"),
        **written(folder, dataset, config, targets),
    }


def write_labels(folder, dataset, config, targets):
    """labels.npy of the images; returns where it is."""
    with replacing(folder / "labels.npy") as temporary, open(temporary, "wb") as handle:
        np.save(handle, np.concatenate([labels for (labels,) in targets]).astype(np.int32))
    return {"labels": str(folder / "labels.npy")}


def write_objects(folder, dataset, config, targets):
    """objects.npz and pictures.txt of the images; returns where they are."""
    numbers = range(dataset.num_images)
    truth = Truth(list(dataset.annotations(numbers)), dataset.class_names, config.dataset == "coco")
    truth.save(folder, [dataset.name_of(number) for number in numbers])
    return {"labels": str(folder / OBJECTS), "pictures": str(folder / PICTURES)}


if __name__ == "__main__":
    run(main)
