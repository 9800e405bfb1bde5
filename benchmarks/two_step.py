# SPDX-License-Identifier: Apache-2.0
"""Two-step training against one step of as many epochs, over several seeds.

    python benchmarks/two_step.py --output_path results_of_mine --seeds 1,2,3

First the teacher is trained, once. Then for every seed: in two steps; in one step from the same teacher, with the same
optimizer and as many epochs as both steps together; and in one step from the labels by the recipe --one_step_path.
Any config key is a flag and holds for the students (--epochs: of each step). Stopped at any moment, the same command
goes on. Writes results.csv and results.md; the last line on standard output is JSON.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.training.steps import parse_step
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder
from adabin.utils.schema import GROUPS
from benchmarks.trainings import ROOT, parse_seeds, result_row, train, write_results

CONFIG = ROOT / "config"
ABOUT = {
    "teacher": "the float teacher",
    "two_step": "float weights first, then binary ones; soft labels of the teacher",
    "one_step_teacher": "binary from the start; soft labels, the same optimizer and epochs",
    "one_step": "binary from the start; labels, the one-step recipe, the same epochs",
}
# What the teacher must share with its students: everything about data and device.
SHARED = ("num_classes", "image_size", "batch_size", "eval_batch_size", *GROUPS["data"], *GROUPS["run"])


def add_flags(parser):
    parser.add_argument("--teacher_path", default=str(CONFIG / "teacher_resnet20_shapes.yaml"), help="teacher's recipe")
    parser.add_argument("--config_path", default=str(CONFIG / "resnet20_shapes_two_step.yaml"), help="two-step recipe")
    parser.add_argument("--one_step_path", default=str(CONFIG / "resnet20_shapes.yaml"), help="one-step recipe")
    parser.add_argument("--teacher_epochs", type=int, metavar="N", help="[those of its recipe]")
    parser.add_argument("--seeds", default="1,2,3", metavar="LIST", help="seeds of the students [%(default)s]")


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    for key in ("seed", "stages", "teacher", "network"):
        if key in overrides:
            raise UserError(f"--{key}: is set by this program; leave it out, or give other recipes")
    seeds = parse_seeds(flags.seeds)
    folder = make_folder(overrides.pop("output_path", "outputs/two_step"), "--output_path")
    config = read_config(flags.config_path, overrides)
    steps = [parse_step(text) for text in config.stages]
    if len(steps) < 2:
        raise UserError(f"--config_path {flags.config_path}: is no recipe in two steps; its `stages` has {len(steps)}")
    epochs = sum(step.get("epochs", config.epochs) for step in steps)
    shared = {key: value for key, value in overrides.items() if key in SHARED}
    rows = []

    def add(variant, seed, recipe, keys):
        log(f"==> {variant}, seed {seed}")
        result = train(folder / f"{variant}_seed{seed}", recipe, keys)
        rows.append(result_row(variant, seed, result))
        write_results(folder, rows, ABOUT)
        return result

    more = {"epochs": flags.teacher_epochs} if flags.teacher_epochs else {}
    teacher = add("teacher", 1, flags.teacher_path, shared | more | {"seed": 1})
    teacher = str((Path(teacher["run"]) / "best.ckpt").absolute())
    for seed in seeds:
        keys = overrides | {"teacher": teacher, "seed": seed}
        add("two_step", seed, flags.config_path, keys)
        one = keys | {"stages": [], "epochs": epochs, **{k: v for k, v in steps[-1].items() if k != "epochs"}}
        add("one_step_teacher", seed, flags.config_path, one)
        add("one_step", seed, flags.one_step_path, shared | {"epochs": epochs, "seed": seed})
    return {"results": str(folder / "results.csv"), "trainings": len(rows)}


if __name__ == "__main__":
    run(main)
