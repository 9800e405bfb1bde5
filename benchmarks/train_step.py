# SPDX-License-Identifier: Apache-2.0
"""Time and memory of one training step: forward pass, gradients, update, on random images in memory.

    python benchmarks/train_step.py --config_path config/resnet20_cifar10.yaml --csv_path results/train_step.csv
    python benchmarks/train_step.py --torch_python VENV/bin/python     # and PyTorch's, alternating, with the ratio
    python benchmarks/train_step.py --threads 1,2,4                    # on so many threads each
    python benchmarks/train_step.py --profile                          # time per kind of operator

Every measurement is a process of its own; with several programs and numbers of threads they take turns, --rounds times,
and the median over all rounds counts. cpu_over_wall is the processor time of the measured steps over their time: as
many threads as that really computed. --cpu_kernels=on and off compare this project's kernels with MindSpore's
operators. PyTorch (torch_train_step.py; ResNet-20 and ResNet-18 for CIFAR) runs in both memory layouts, and the faster
one counts; it does not get the environment made for MindSpore.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.utils.cli import log, run  # noqa: E402
from adabin.utils.config import parse_flags, read_config  # noqa: E402
from adabin.utils.device import describe_device, environment_for_other_programs, init_device  # noqa: E402
from adabin.utils.errors import RunError, UserError  # noqa: E402
from adabin.utils.files import make_folder, replacing  # noqa: E402
from adabin.utils.threads import MAX_THREADS, VARIABLE, default_threads  # noqa: E402
from benchmarks.trainings import as_flags  # noqa: E402

PEER = Path(__file__).with_name("torch_train_step.py")
PEER_NETWORKS = ("resnet20", "resnet18_cifar", "ssd_vgg16")
OURS = "MindSpore"
COLUMNS = (
    "program", "network", "batch_size", "threads", "median_step_s", "fastest_step_s", "cpu_over_wall", "first_step_s",
    "peak_memory_mb", "speedup", "ratio", "device", "version", "date", "command",
)  # fmt: skip


def add_flags(parser):
    parser.add_argument("--config_path", metavar="F.yaml", help="recipe [config/base.yaml]")
    parser.add_argument("--steps", type=int, default=10, help="measured steps of a process [%(default)s]")
    parser.add_argument("--warmup", type=int, default=3, help="steps before them, after the first [%(default)s]")
    parser.add_argument("--rounds", type=int, default=2, help="processes of each program [%(default)s]")
    parser.add_argument("--threads", metavar="N,M", help="numbers of threads [1, and all that this process may use]")
    parser.add_argument("--torch_python", metavar="PATH", help="interpreter that has torch; without it no peer")
    parser.add_argument("--csv_path", metavar="F.csv", help="file to write")
    parser.add_argument("--profile", action="store_true", help="print time per kind of operator instead")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)


def training_step(config):
    """A function that does one step and waits for its end."""
    import mindspore as ms
    import numpy as np

    from adabin.cpu import accelerate, accelerate_optimizer
    from adabin.models import build_model
    from adabin.tasks import build_task
    from adabin.training.step import TrainStep, build_optimizer

    init_device(config)
    network = accelerate(build_model(config), config)
    optimizer = accelerate_optimizer(build_optimizer(network, config), config)
    task = build_task(config)
    step = TrainStep(network, optimizer, task.loss())
    rng = np.random.default_rng(1)
    shape = (config.batch_size, 3, config.image_size, config.image_size)
    images = rng.standard_normal(shape).astype(np.float32)
    targets = task.targets(ANNOTATIONS[config.task](config, rng), train=True)
    images, *targets = map(ms.Tensor, (images, *targets))
    return lambda: step(images, *targets)[0].asnumpy()


def labels(config, rng):
    """A class for every image."""
    return rng.integers(0, config.num_classes, config.batch_size).astype("int32")


def scenes(config, rng):
    """The objects of drawn scenes, whatever the images show."""
    from adabin.data.scenes import Scenes

    return [Scenes("train", config.batch_size)[number] for number in range(config.batch_size)]


ANNOTATIONS = {"classification": labels, "detection": scenes}


def timed(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def work(config, flags):
    """Measure in this process: what the peer reports too."""
    step = training_step(config)
    first = timed(step)
    for _ in range(flags.warmup):
        step()
    processor = time.process_time()
    times = [timed(step) for _ in range(flags.steps)]
    return {
        "median_step_s": statistics.median(times),
        "fastest_step_s": min(times),
        "cpu_over_wall": (time.process_time() - processor) / sum(times),
        "first_step_s": first,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "version": describe_device(config).split(", ")[-1],
    }


def kind_of(row):
    """What a row of MindSpore's profile is counted as; the project's own operators, all `Custom`, go by their Cell."""
    if row["op_type"] != "Custom":
        return row["op_type"]
    function, name = row["full_op_name"].split("/")[-2:]
    # Numbered within the Cell, in the order of construct and bprop.
    return f"{function.split('-')[-1]}, {'forward' if name.endswith('-op0') else 'gradients'}"


def profile(config, flags):
    """Log milliseconds per step and calls of each kind of operator, most expensive first."""
    import mindspore as ms

    step = training_step(config)
    for _ in range(1 + flags.warmup):
        step()
    with tempfile.TemporaryDirectory() as folder:
        profiler = ms.Profiler(output_path=folder, start_profile=False)
        profiler.start()
        for _ in range(flags.steps):
            step()
        profiler.stop()
        profiler.analyse()
        rows = []
        for path in Path(folder).rglob("cpu_op_detail_info_*.csv"):
            with open(path, newline="", encoding="utf-8") as handle:
                rows += list(csv.DictReader(handle))
    kinds = {}
    for row in rows:
        count, spent = kinds.get(kind_of(row), (0, 0.0))
        kinds[kind_of(row)] = (count + int(row["op_occurrences"]), spent + float(row["op_total_time(ms)"]))
    if not kinds:
        raise RunError("MindSpore's profiler recorded nothing")
    for kind, (count, spent) in sorted(kinds.items(), key=lambda item: -item[1][1])[:25]:
        log(f"{spent / flags.steps:9.2f} ms  {count / flags.steps:6.0f} x  {kind}")
    return {"ms_per_step": round(sum(spent for _, spent in kinds.values()) / flags.steps, 2)}


def step_command(config_path, overrides):
    """Command that measures the training step of a recipe with other values of some config keys."""
    recipe = ["--config_path", str(config_path)] if config_path else []
    return [sys.executable, __file__, "--worker", *recipe, *as_flags(overrides)]


def measured(command, environment):
    """The JSON line that a program prints."""
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RunError(f"{' '.join(map(str, command[:3]))} failed: {(ended.stderr.splitlines() or ['no message'])[-1]}")
    return json.loads(ended.stdout.splitlines()[-1])


def programs(config, flags, argv):
    """(name, threads) to (command, environment) of what is to be measured."""
    ours = [sys.executable, __file__, "--worker", *argv]
    found = {}
    for threads in numbers_of_threads(flags.threads):
        own = dict(os.environ) | {VARIABLE: str(threads)}
        found[f"{OURS}, cpu_kernels={config.cpu_kernels}", threads] = (ours, own)
        if not (flags.torch_python and config.network in PEER_NETWORKS):
            continue
        values = {key: getattr(config, key) for key in ("network", "image_size", "width", "batch_size", "optimizer")}
        values |= {"classes": config.num_classes, "steps": flags.steps, "warmup": flags.warmup, "threads": threads}
        theirs = [flags.torch_python, PEER, *(text for key, value in values.items() for text in (f"--{key}", value))]
        for layout in ("contiguous", "channels_last"):
            command = [*map(str, theirs), "--layout", layout]
            found[f"PyTorch, {layout}", threads] = (command, environment_for_other_programs())
    return found


def numbers_of_threads(text):
    """Numbers of a comma-separated list; without one, 1 and what this process would use.

    Raises:
        UserError: it is no such list.
    """
    parts = text.split(",") if text else ["1", str(default_threads())]
    if not all(part.isdigit() and 0 < int(part) <= MAX_THREADS for part in parts):
        raise UserError(f"--threads {text}: is no list of numbers such as 1,2")
    return sorted({int(part) for part in parts})


def compare(rows):
    """Fill in every row's speedup over its program on the fewest threads, and ours' ratio to the fastest peer."""
    for row in rows:
        first = next(other for other in rows if other["program"] == row["program"])
        row["speedup"] = round(first["median_step_s"] / row["median_step_s"], 3)
        same = [other for other in rows if other["threads"] == row["threads"]]
        peers = [other["median_step_s"] for other in same if not other["program"].startswith(OURS)]
        if peers and row["program"].startswith(OURS):
            row["ratio"] = round(row["median_step_s"] / min(peers), 3)


def write_table(path, rows, columns=COLUMNS):
    make_folder(Path(path).parent, "--csv_path")
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    config = read_config(flags.config_path, overrides)
    if flags.worker:
        return work(config, flags)
    if flags.profile:
        return profile(config, flags)
    results = {}
    to_run = programs(config, flags, argv)
    for _ in range(flags.rounds):
        for name, (command, environment) in to_run.items():
            results.setdefault(name, []).append(measured(command, environment))
    rows = []
    for (name, threads), found in results.items():
        numbers = {key: statistics.median(r[key] for r in found) for key in found[0] if key != "version"}
        rows.append(
            {key: round(value, 4) for key, value in numbers.items()}
            | {
                "program": name,
                "network": config.network,
                "batch_size": config.batch_size,
                "threads": threads,
                "device": describe_device(config).split(",")[0],
                "version": found[0]["version"],
                "date": date.today().isoformat(),
                "command": "benchmarks/train_step.py " + " ".join(a for a in argv if "/" not in a or ".yaml" in a),
            }
        )
    compare(rows)
    for row in rows:
        log(
            f"{row['program']}, {row['threads']} thread(s): {1000 * row['median_step_s']:.0f} ms per step "
            f"(first {row['first_step_s']:.1f} s), processor time {row['cpu_over_wall']:.2f} of it, "
            f"{row['speedup']:.2f} x, peak memory {row['peak_memory_mb']:.0f} MB"
        )
    if flags.csv_path:
        write_table(flags.csv_path, rows)
    own = [row for row in rows if row["program"].startswith(OURS)]
    return {
        "network": config.network,
        "steps": {row["threads"]: row["median_step_s"] for row in own},
        "ratio_to_pytorch": {row["threads"]: row["ratio"] for row in own if "ratio" in row},
    }


if __name__ == "__main__":
    run(main)
