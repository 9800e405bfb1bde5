# SPDX-License-Identifier: Apache-2.0
"""What a run folder, git and the files themselves say of a model that is to be published."""

import csv
import hashlib
import re
import statistics
import subprocess
from datetime import datetime
from pathlib import Path

from adabin.tasks import TASKS
from adabin.utils.config import BASE_PATH, read_config
from adabin.utils.effect import missing_need
from adabin.utils.errors import UserError

ROOT = BASE_PATH.parents[1]
# Of the machine, or taken from the data set: no part of a recipe.
NOT_IN_COMMAND = ("data_path", "output_path", "download", "num_workers", "num_classes", "class_names")
LOG_BEGIN = re.compile(r"^(\S+ \S+) .* epochs, (.+)$")  # time; device and version


def command_of(config):
    """The command line that trains with this config: its recipe, and a flag for every key that differs from it."""
    size = config.image_size if config.task == "detection" else ""  # ssd_vgg16 becomes ssd300_vgg16
    recipe = f"config/{config.network.replace('_', f'{size}_', 1)}_{config.dataset}.yaml"
    if not (ROOT / recipe).is_file():
        raise UserError(f"--run: there is no recipe {recipe}, from which the card derives the command")
    default = read_config(ROOT / recipe)
    differ = {key: value for key, value in vars(config).items() if value != getattr(default, key)}
    differ = {key: value for key, value in differ.items() if not missing_need(key, [config])}  # has no effect
    differ |= {"pretrained": "F.ckpt"} if config.pretrained else {}
    flags = "".join(f" --{key}={value}" for key, value in differ.items() if key not in NOT_IN_COMMAND)
    return f"python train.py --config_path {recipe}{flags}{' --data_path DIR' if config.data_path else ''}"


def run_facts(folder, config, unfinished):
    """Command, course, time and device of a training.

    Args:
        folder (Path): of the run.
        config (Config): of the run.
        unfinished (bool): accept a run that has not ended.

    Raises:
        UserError: the run has not ended, or its files do not say what they should.
    """
    with open(folder / "metrics.csv", newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    if not rows or (len(rows) < config.epochs and not unfinished):
        raise UserError(
            f"--run {folder}: has {len(rows)} of {config.epochs} epochs; wait for its end, or publish what is there "
            "with --unfinished"
        )
    lines = (folder / "train.log").read_text(encoding="utf-8").splitlines()
    begin = LOG_BEGIN.match(lines[0]) if lines else None
    if not begin:
        raise UserError(f"--run {folder}: the first line of train.log does not name the device; the file is damaged")
    times = [datetime.fromisoformat(line[:19]) for line in (lines[0], lines[-1])]
    score = TASKS[config.task].score
    best = max(rows, key=lambda row: float(row[f"test_{score}"]))  # the first of equals, as train.py keeps it
    trained = {f"last_train_{score}": float(rows[-1][f"train_{score}"])} if f"train_{score}" in rows[-1] else {}
    return {
        "command": command_of(config),
        "seed": config.seed,
        **({"train_size": config.train_size} if config.task == "detection" else {}),
        "epochs": config.epochs,
        "finished_epochs": len(rows),
        "best_epoch": int(best["epoch"]),
        f"best_{score}": float(best[f"test_{score}"]),
        f"last_{score}": float(rows[-1][f"test_{score}"]),
        **trained,
        "median_epoch_seconds": statistics.median(float(row["seconds"]) for row in rows),
        "minutes": round((times[1] - times[0]).total_seconds() / 60),
        "date": times[1].date().isoformat(),
        "device": begin.group(2),
    }


def commit_facts(commit):
    """The full name and the day of a commit.

    Raises:
        UserError: git does not know it.
    """
    command = ["git", "-C", str(ROOT), "show", "--no-patch", "--format=%H %cs", f"{commit}^{{commit}}"]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        raise UserError(f"--commit {commit}: is no commit of this repository; git log lists them")
    name, day = ended.stdout.split()
    return {"commit": name, "commit_date": day}


def file_facts(files, pictures):
    """Name within the model's folder to bytes and SHA-256."""
    named = {path.name: path for path in files} | {f"{path.parent.name}/{path.name}": path for path in pictures}
    return {
        name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
        for name, path in named.items()
    }
