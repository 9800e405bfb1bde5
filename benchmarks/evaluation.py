# SPDX-License-Identifier: Apache-2.0
"""Time of evaluating a whole test split, as after every epoch: data pipeline, network, metrics.

    python benchmarks/evaluation.py --config_path config/resnet20_cifar10.yaml --data_path DIR --csv_path F.csv

Weights are the initial ones. Every measurement is a process of its own in which the network is compiled already; the
numbers of threads take turns, --rounds times, and the median counts. cpu_over_wall is processor time over time.
"""

import argparse
import os
import statistics
import sys
import time
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.utils.cli import log, run  # noqa: E402
from adabin.utils.config import parse_flags, read_config  # noqa: E402
from adabin.utils.device import describe_device, init_device  # noqa: E402
from adabin.utils.threads import VARIABLE  # noqa: E402
from benchmarks.train_step import measured, numbers_of_threads, write_table  # noqa: E402

COLUMNS = (
    "network", "dataset", "images", "threads", "median_s", "fastest_s", "images_per_s", "cpu_over_wall", "speedup",
    "device", "version", "date",
)  # fmt: skip


def add_flags(parser):
    parser.add_argument("--config_path", metavar="F.yaml", help="recipe [config/base.yaml]")
    parser.add_argument("--threads", metavar="N,M", help="numbers of threads [1, and all that this process may use]")
    parser.add_argument("--passes", type=int, default=3, help="over the images in a process [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each number [%(default)s]")
    parser.add_argument("--csv_path", metavar="F.csv", help="file to write")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)


def work(config, flags):
    """Measure in this process."""
    from adabin.cpu import accelerate
    from adabin.data import build_dataset
    from adabin.inference import CellModel, evaluate
    from adabin.models import build_model
    from adabin.tasks import build_task

    init_device(config)
    data = build_dataset(config, "test")
    network = accelerate(build_model(config), config)
    model = CellModel(network, min(config.eval_batch_size, data.num_images))

    def measure():
        began = time.perf_counter()
        metric = evaluate(model, data.batches(0), build_task(config).metric())
        metric.result([metric.state()])
        return time.perf_counter() - began

    measure()
    processor = time.process_time()
    times = [measure() for _ in range(flags.passes)]
    return {
        "images": data.num_images,
        "median_s": statistics.median(times),
        "fastest_s": min(times),
        "cpu_over_wall": (time.process_time() - processor) / sum(times),
    }


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    config = read_config(flags.config_path, overrides)
    if flags.worker:
        return work(config, flags)
    results = {threads: [] for threads in numbers_of_threads(flags.threads)}
    for _ in range(flags.rounds):
        for threads, found in results.items():
            command = [sys.executable, __file__, "--worker", *argv]
            found.append(measured(command, dict(os.environ) | {VARIABLE: str(threads)}))
    device, *_, version = describe_device(config).split(", ")
    rows = []
    for threads, found in results.items():
        row = {key: statistics.median(r[key] for r in found) for key in found[0]}
        row |= {"images_per_s": round(row["images"] / row["median_s"]), "threads": threads, "network": config.network}
        first = rows[0]["median_s"] if rows else row["median_s"]
        row |= {"dataset": config.dataset, "speedup": round(first / row["median_s"], 3), "device": device}
        rows.append({**row, "version": version, "date": date.today().isoformat()})
        log(
            f"{threads} thread(s): {row['images']} images in {row['median_s']:.2f} s, processor time "
            f"{row['cpu_over_wall']:.2f} of it, {row['speedup']:.2f} x"
        )
    for row in rows:
        row |= {key: round(row[key], 4) for key in ("median_s", "fastest_s", "cpu_over_wall")}
    if flags.csv_path:
        write_table(flags.csv_path, rows, COLUMNS)
    return {"network": config.network, "seconds": {row["threads"]: row["median_s"] for row in rows}}


if __name__ == "__main__":
    run(main)
