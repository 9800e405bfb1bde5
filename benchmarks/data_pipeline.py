# SPDX-License-Identifier: Apache-2.0
"""Whether the training ever waits for its data: batches per second of a recipe's pipeline, beside the training step.

    python benchmarks/data_pipeline.py --config_path config/resnet20_cifar10.yaml --data_path DIR --csv_path F.csv

The pipeline delivers whole epochs of augmented batches, with nothing else running; then a process of its own measures
the recipe's training step (train_step.py). The ratio says how many times more images the pipeline delivers than the
training consumes. With --workers LIST for several numbers of worker threads.
"""

import csv
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.data import build_dataset  # noqa: E402
from adabin.utils.cli import log, run  # noqa: E402
from adabin.utils.config import parse_flags, read_config  # noqa: E402
from adabin.utils.device import describe_device, environment_for_other_programs  # noqa: E402
from adabin.utils.errors import UserError  # noqa: E402
from adabin.utils.files import make_folder, replacing  # noqa: E402
from benchmarks.picture_pipeline import speed  # noqa: E402
from benchmarks.train_step import measured, step_command  # noqa: E402

COLUMNS = (
    "network", "dataset", "batch_size", "workers", "pipeline_images_per_s", "training_images_per_s", "ratio", "device",
    "date",
)  # fmt: skip


def add_flags(parser):
    parser.add_argument("--config_path", metavar="F.yaml", help="recipe [config/base.yaml]")
    parser.add_argument("--workers", default="1", metavar="LIST", help="numbers of worker threads [%(default)s]")
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement of the pipeline [%(default)s]")
    parser.add_argument("--csv_path", required=True, metavar="F.csv", help="file to write")


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    if not all(part.isdigit() and int(part) for part in flags.workers.split(",")):
        raise UserError(f"--workers {flags.workers}: is no list of numbers such as 1,2")
    make_folder(Path(flags.csv_path).parent, "--csv_path")
    config = read_config(flags.config_path, overrides)
    rates = {}
    for workers in map(int, flags.workers.split(",")):
        config = config.changed(num_workers=workers)
        rates[workers], _ = speed(build_dataset(config, "train").batches, flags.seconds)
    numbers = {key: value for key, value in overrides.items() if key != "data_path"}
    # Without an environment of its own it would inherit what MindSpore set in this one: one thread.
    step = measured(step_command(flags.config_path, numbers), environment_for_other_programs())
    training = config.batch_size / step["median_step_s"]
    with replacing(flags.csv_path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for workers, rate in rates.items():
            log(f"{workers} workers: {rate:.0f} images/s, {rate / training:.1f} times what the training consumes")
            numbers = (workers, round(rate), round(training), round(rate / training, 1))
            where = (describe_device(config).split(",")[0], date.today().isoformat())
            writer.writerow((config.network, config.dataset, config.batch_size, *numbers, *where))
    return {"csv": flags.csv_path, "least_ratio": round(min(rates.values()) / training, 1)}


if __name__ == "__main__":
    run(main)
