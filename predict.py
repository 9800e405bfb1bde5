# SPDX-License-Identifier: Apache-2.0
"""Classify pictures with a trained network, or find the objects in them.

    python predict.py --ckpt_path outputs/resnet20_image_folder/20261120-101500/best.ckpt --image photo.jpg folder/
    python predict.py --model resnet20.adabin --image photo.jpg       # in the C++ engine: .mindir or .adabin

Without --ckpt_path and --model the newest run's best checkpoint is taken, and where there is no run the model that
comes with the project, in models/; the first line says which. A picture of a folder that cannot be read is left out and
named; one that was named itself is an error. Classes and preparation of the pictures come from
config.yaml beside the checkpoint, or from the .yaml that export.py writes beside a model. Every picture is drawn with
its five best classes, or its objects, into --output_path. The last line on standard output is JSON with all scores.
"""

import src  # noqa: F401 - makes adabin importable, and prepares the environment for MindSpore

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.utils import stopping

    stopping.install()

import time
from pathlib import Path

from adabin.data.picture_files import named
from adabin.engine import open_exported
from adabin.predict import find_pictures, predict_files, table
from adabin.tasks import build_task
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags
from adabin.utils.errors import UserError
from adabin.utils.key import DEVICE, NETWORK, PICTURES, WEIGHTS


def add_flags(parser):
    parser.add_argument(
        "--ckpt_path",
        metavar="F.ckpt",
        help="checkpoint, run in MindSpore [best one of the newest run in outputs/, else the one in models/]",
    )
    parser.add_argument("--model", metavar="F", help=".mindir or .adabin file, run in the C++ engine")
    parser.add_argument("--config_path", metavar="F.yaml", help="config [the .yaml beside the checkpoint or model]")
    parser.add_argument("--image", nargs="+", required=True, metavar="PATH", help="pictures and folders of pictures")
    parser.add_argument(
        "--output_path",
        metavar="DIR",
        help="folder for the drawn pictures; '' draws none [outputs/predict/<time>]",
    )
    parser.add_argument("--force", action="store_true", help="replace pictures that are in --output_path already")


def open_model(flags, overrides):
    """(which flag named it, its path, the model, its config)."""
    if flags.model and flags.ckpt_path:
        raise UserError("--ckpt_path and --model are two ways to the same; give one of them")
    if flags.model:
        model, config = open_exported(flags.model, flags.config_path, overrides, PICTURES)
        return "model", flags.model, model, config
    # Here, as loading MindSpore takes seconds that the C++ engine does not need.
    from adabin.inference import CellModel
    from adabin.opening import choose_checkpoint, open_checkpoint

    ckpt_path = choose_checkpoint(flags.ckpt_path, overrides, or_published=True)
    opened = open_checkpoint(ckpt_path, flags.config_path, overrides)
    return "ckpt", str(ckpt_path), CellModel(opened.network), opened.config


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags, uses=(NETWORK, WEIGHTS, PICTURES, DEVICE))
    files, given = find_pictures(flags.image)
    folder = flags.output_path
    if folder is None:
        folder = Path("outputs") / "predict" / time.strftime("%Y%m%d-%H%M%S")
    kind, path, model, config = open_model(flags, overrides)
    task = build_task(config, model if kind == "model" else None)
    began = time.monotonic()
    predictions, corrupt = predict_files(model, task, config, files, folder, flags.force, given)
    seconds = time.monotonic() - began
    for line in table(predictions, task):
        log(line)
    if corrupt:
        log(f"left out: {named(corrupt, len(corrupt))}")
    return {
        "network": config.network,
        kind: path,
        "images": len(predictions),
        "left_out": len(corrupt),
        "images_per_second": round(len(predictions) / seconds, 1),
        "predictions": predictions,
    }


if __name__ == "__main__":
    run(main)
