# SPDX-License-Identifier: Apache-2.0
"""Speed of the picture pipeline, files to normalized batches, without a network.

    python benchmarks/picture_pipeline.py --data_path DIR --csv_path results/picture_pipeline.csv

DIR has a sub-folder of pictures per class. Measured are training (random crop, flip) and test batches with 1 and 2
worker threads, and for comparison MindSpore's own operators for the same steps (ImageFolderDataset,
RandomCropDecodeResize, RandomHorizontalFlip, Normalize), whose augmentation depends on the number of workers.
Processor time per image is that of all threads together; unlike images per second it says something on a busy machine.
"""

import csv
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and says how where packages are missing

# isort: split
import numpy as np  # noqa: E402

from adabin.data.class_names import class_identities  # noqa: E402
from adabin.data.image_folder import collect  # noqa: E402
from adabin.data.picture_dataset import PictureDataset  # noqa: E402
from adabin.data.picture_files import subfolders, without_corrupt  # noqa: E402
from adabin.utils.cli import log, run  # noqa: E402
from adabin.utils.config import parse_flags, read_config  # noqa: E402
from adabin.utils.device import describe_device  # noqa: E402
from adabin.utils.files import replacing  # noqa: E402

BATCH = 50


def add_flags(parser):
    parser.add_argument("--csv_path", required=True, metavar="F.csv", help="file to write")
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement [%(default)s]")


def speed(epochs, seconds):
    """Deliver whole epochs for so many seconds, after one to warm up; (images/s, processor ms per image)."""
    for _ in epochs(0):
        pass
    count, epoch, began, spent = 0, 1, time.monotonic(), time.process_time()
    while time.monotonic() - began < seconds:
        count += sum(len(labels) for _, labels in epochs(epoch))
        epoch += 1
    return count / (time.monotonic() - began), 1000 * (time.process_time() - spent) / count


def mindspore_epochs(folder, config, workers):
    """The same steps with the data engine's own operators."""
    import mindspore.dataset as ds
    from mindspore.dataset import vision

    mean, std = ([255 * value for value in values] for values in (config.mean, config.std))
    data = ds.ImageFolderDataset(str(folder), num_parallel_workers=workers, shuffle=True)
    crop = vision.RandomCropDecodeResize(config.image_size, (config.crop_scale, 1.0))
    steps = [crop, vision.RandomHorizontalFlip(), vision.Normalize(mean, std), vision.HWC2CHW()]
    data = data.map(steps, "image", num_parallel_workers=workers).batch(BATCH)
    return lambda epoch: data.create_tuple_iterator(num_epochs=1)


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    config = read_config(None, {"image_size": 224, "batch_size": BATCH, "eval_batch_size": BATCH} | overrides)
    folder = Path(config.data_path)
    pictures = collect(folder, class_identities(config, subfolders(folder), folder), lambda path: True, "train")
    everything = [(None, pictures.labels)]
    reading = speed(lambda epoch: without_corrupt(pictures, False, "train") and everything, flags.seconds)
    rows = [("reading once (check_pictures)", "all", *reading)]
    pictures = replace(pictures, paths=pictures.paths * 4, labels=np.tile(pictures.labels, 4))  # epochs long enough
    for workers in (1, 2):
        config = config.changed(num_workers=workers)
        for name, train in (("training batches", True), ("test batches", False)):
            data = PictureDataset(pictures, config, train)
            rows.append((name, workers, *speed(data.batches, flags.seconds)))
        own = mindspore_epochs(folder, config, workers)
        rows.append(("training batches, MindSpore's operators", workers, *speed(own, flags.seconds)))
    with replacing(flags.csv_path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(
            ("what", "workers", "images_per_second", "processor_ms_per_image", "image_size", "device", "date")
        )
        for what, workers, rate, spent in rows:
            log(f"{what}, {workers} workers: {rate:.0f} images/s, {spent:.2f} ms of processor time per image")
            tail = (config.image_size, describe_device(config), date.today().isoformat())
            writer.writerow((what, workers, round(rate, 1), round(spent, 2), *tail))
    return {"csv": flags.csv_path, "rows": len(rows)}


if __name__ == "__main__":
    run(main)
