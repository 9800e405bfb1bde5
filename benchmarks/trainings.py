# SPDX-License-Identifier: Apache-2.0
"""Many trainings one after the other, each in a folder of its own, resumable: for the comparisons beside this file."""

import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.utils.cli import log  # noqa: E402
from adabin.utils.errors import RunError, UserError  # noqa: E402
from adabin.utils.files import make_folder, replacing  # noqa: E402

HEADINGS = {"top1": "top-1", "map": "mAP"}  # of tables


def as_flags(keys):
    """Config keys as flags of train.py."""
    # JSON is YAML that stays on one line.
    return [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in keys.items()]


def train(folder, recipe, keys):
    """Train into `folder`, or go on with the training that is there; a finished one is only looked up.

    Args:
        folder (Path): holds this training alone.
        recipe: file of config/.
        keys (dict): config keys that differ.

    Returns:
        dict: the JSON line of train.py.

    Raises:
        RunError: the training failed; train.py has said why.
    """
    done = folder / "result.json"
    if done.is_file():
        return json.loads(done.read_text(encoding="utf-8"))
    make_folder(folder, "--output_path")
    runs = sorted(folder.glob("runs/*/*/config.yaml"))
    if len(runs) > 1:
        raise UserError(f"{folder}: holds {len(runs)} runs; remove all but one, or the folder")
    arguments = ["--resume", str(runs[0].parent)] if runs else ["--config_path", str(recipe), *as_flags(keys)]
    arguments += [] if runs else ["--output_path", str(folder / "runs")]
    ended = subprocess.run([sys.executable, str(ROOT / "train.py"), *arguments], stdout=subprocess.PIPE, text=True)
    if ended.returncode:
        raise RunError(f"{folder}: the training ended with status {ended.returncode}; start again to go on with it")
    line = ended.stdout.strip().splitlines()[-1]
    with replacing(done) as temporary:
        temporary.write_text(line + "\n", encoding="utf-8")
    return json.loads(line)


def result_row(variant, seed, result):
    """Row of results.csv from the result of a training."""
    steps = result.get("steps", [result])
    with open(Path(steps[-1]["run"]) / "metrics.csv", newline="", encoding="utf-8") as handle:
        last = list(csv.DictReader(handle))[-1]
    epochs = sum(step["epochs"] for step in steps)
    (score,) = [name for name in HEADINGS if name in result]
    row = {"variant": variant, "seed": seed, "epochs": epochs, score: result[score]}
    row |= {f"best_{score}": result[f"best_{score}"], "final_train_loss": float(last["train_loss"])}
    return row | {"run": result["run"]}


def write_results(folder, rows, about):
    """results.csv, and results.md with mean and deviation over the seeds.

    Args:
        folder (Path): for the two files.
        rows (list of dict): of `result_row`.
        about (dict): variant to a sentence for the table.
    """
    with replacing(folder / "results.csv") as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (score,) = [name for name in HEADINGS if name in rows[0]]
    heading = f"| variant | what | epochs | {HEADINGS[score]} [%], mean (± deviation) | seeds |"
    lines = [heading, "|---|---|---|---|---|"]
    for variant, what in about.items():
        own = [row for row in rows if row["variant"] == variant]
        if own:
            values = [100 * row[score] for row in own]
            spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
            seeds = ", ".join(str(row["seed"]) for row in own)
            epochs = "/".join(dict.fromkeys(str(row["epochs"]) for row in own))
            lines.append(f"| {variant} | {what} | {epochs} | {statistics.mean(values):.2f}{spread} | {seeds} |")
    text = "\n".join(lines) + "\n"
    with replacing(folder / "results.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    log(text)


def parse_seeds(text):
    """Numbers of a list such as 1,2,3."""
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UserError(f"--seeds {text}: is no list of numbers such as 1,2,3") from error
    return list(dict.fromkeys(seeds))
