# SPDX-License-Identifier: Apache-2.0
"""Evaluate a network on the test images of its data set: all, or `test_size` where its config says so.

    python eval.py --ckpt_path outputs/resnet20_cifar10/20261120-101500/best.ckpt --data_path DIR
    python eval.py --model resnet20.adabin --data_path DIR            # in the C++ engine: .mindir or .adabin

--draw N draws N of them, evenly spread, with what is found in them beside what is annotated.

Without both the newest run's best checkpoint is taken; without --config_path the config beside the checkpoint, or the
.yaml that export.py writes beside a model.
The last line on standard output is JSON: `images` and what the task measures, such as `top1`, `loss`, or `map`.
"""

import src  # noqa: F401 - makes adabin importable, and prepares the environment for MindSpore

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.utils import stopping

    stopping.install()

import sys
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from adabin.inference import evaluate
from adabin.opening import choose_checkpoint, open_checkpoint, open_exported_on_tests
from adabin.shown_tests import KeptOutputs, ShownTests
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder, replacing
from adabin.utils.key import KERNELS, ON_TESTS
from adabin.utils.threads import default_threads


def add_flags(parser):
    parser.add_argument("--ckpt_path", metavar="F.ckpt", help="checkpoint [best one of the newest run in outputs/]")
    parser.add_argument("--model", metavar="F", help=".mindir or .adabin file, run in the C++ engine")
    parser.add_argument("--config_path", metavar="F.yaml", help="config [the .yaml beside the checkpoint or model]")
    parser.add_argument(
        "--logits_path", metavar="F.npy", help="classification: also write the logits, float32 (images, classes)"
    )
    parser.add_argument("--draw", type=int, default=0, metavar="N", help="detection: draw N test pictures [0]")
    parser.add_argument(
        "--draw_path",
        metavar="DIR",
        help="folder for these, and for the curves of precision and recall [outputs/eval/<time>]",
    )


def draw_folder(flags):
    """Where to draw to, or None."""
    if flags.draw_path or not flags.draw:
        return flags.draw_path and Path(flags.draw_path)
    return Path("outputs") / "eval" / time.strftime("%Y%m%d-%H%M%S")


def open_network(flags, overrides):
    """(which flag named it, its path, what there is of it)."""
    if flags.model and flags.ckpt_path:
        raise UserError("--ckpt_path and --model are two ways to the same; give one of them")
    if flags.model:
        return "model", flags.model, open_exported_on_tests(flags.model, flags.config_path, overrides)
    ckpt_path = choose_checkpoint(flags.ckpt_path, overrides)
    return "ckpt", ckpt_path, open_checkpoint(ckpt_path, flags.config_path, overrides, split="test")


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags, uses=(*ON_TESTS, KERNELS))
    if flags.logits_path and Path(flags.logits_path).exists():
        raise UserError(f"--logits_path {flags.logits_path}: exists already; choose another name or remove it")
    if flags.logits_path:
        make_folder(Path(flags.logits_path).parent, "--logits_path")
    if flags.draw < 0:
        raise UserError(f"--draw {flags.draw}: is no number of pictures; give 0 or more")
    kind, path, opened = open_network(flags, overrides)
    config, data = opened.config, opened.data
    model = opened.model(min(config.eval_batch_size, data.num_images))
    folder = draw_folder(flags)
    shown = ShownTests(data, opened.task, flags.draw, folder) if folder else None
    model = shown.watch(model) if shown else model
    kept = KeptOutputs(model) if flags.logits_path else model
    began = time.monotonic()
    with tqdm(total=data.num_images, unit="img", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        metric = evaluate(kept, data.batches(0), opened.task.metric(), bar.update)
    seconds = time.monotonic() - began
    if flags.logits_path:
        with replacing(flags.logits_path) as temporary, open(temporary, "wb") as handle:
            np.save(handle, kept.joined()[0])
    values, more = metric.result([metric.state()]), {}
    if hasattr(opened.task, "report"):
        lines, more = opened.task.report(metric)
        log("\n".join(lines))
    if shown:
        shown.draw()
        if hasattr(opened.task, "draw_report"):
            opened.task.draw_report(folder, metric)
        more["drawings"] = str(folder)
    return {
        "dataset": config.dataset,
        "network": config.network,
        kind: str(path),
        **values,
        **more,
        "images_per_second": round(data.num_images / seconds, 1),
        "threads": default_threads(),
    }


if __name__ == "__main__":
    run(main)
