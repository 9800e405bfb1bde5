# SPDX-License-Identifier: Apache-2.0
"""Export a checkpoint in deploy form: standard operators and constants only.

    python export.py --ckpt_path outputs/resnet20_cifar10/20261120-101500/best.ckpt --file_format MINDIR

Beside the file comes <name>.yaml: network, classes, image size and normalization, for predict.py and preprocess.py.
The written MindIR is loaded back and compared with the training form on test images of the data set. For ONNX and AIR,
which MindSpore cannot load, the deploy form that went into the file is compared. Without --ckpt_path the newest run's
best checkpoint is taken. The last line on standard output is JSON.
"""

import src  # noqa: F401 - makes adabin importable, and prepares the environment for MindSpore

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.utils import stopping

    stopping.install()

from pathlib import Path

import numpy as np

from adabin.deploy import to_deploy
from adabin.export import (
    SUFFIXES,
    compare,
    description_path,
    target_path,
    write,
    write_description,
)
from adabin.inference import CellModel, load_mindir, outputs_of
from adabin.layers import AdaBinConv2d
from adabin.opening import choose_checkpoint, open_checkpoint
from adabin.utils.cli import run
from adabin.utils.config import parse_flags
from adabin.utils.errors import UserError
from adabin.utils.files import replacing
from adabin.utils.key import ON_TESTS
from adabin.utils.schema import KEYS


def add_flags(parser):
    parser.add_argument("--ckpt_path", metavar="F.ckpt", help="checkpoint [best one of the newest run in outputs/]")
    parser.add_argument("--config_path", metavar="F.yaml", help="config [config.yaml beside the checkpoint]")
    parser.add_argument("--file_format", default="MINDIR", choices=tuple(SUFFIXES), help="[%(default)s]")
    parser.add_argument(
        "--file_name", metavar="NAME", help="file to write [<network>_<dataset> + suffix, beside the checkpoint]"
    )
    parser.add_argument("--batch_size", type=int, default=1, metavar="N", help="images per call, fixed in the file [1]")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument(
        "--check_images",
        type=int,
        default=256,
        metavar="N",
        help="test images to compare on; 0 exports without data and without proof [%(default)s]",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-4,
        metavar="R",
        help="largest difference allowed, relative to the largest logit [%(default)s]",
    )


def first_images(data, count):
    """The first images of a data set, normalized, as float32 (n, 3, H, W)."""
    images, found = [], 0
    for batch, *_ in data.batches(0):
        images.append(batch.asnumpy())
        found += len(images[-1])
        if found >= count:
            break
    return np.concatenate(images)[:count]


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags, uses=ON_TESTS)
    most = KEYS["batch_size"].at_most
    if not 1 <= flags.batch_size <= most or flags.check_images < 0:
        raise UserError(f"--batch_size takes 1 to {most}, --check_images 0 or more")
    if not flags.tolerance >= 0:
        raise UserError(f"--tolerance {flags.tolerance}: is no allowed difference; give 0 or more")
    ckpt_path = choose_checkpoint(flags.ckpt_path, overrides)
    path = None
    if flags.file_name is not None:  # refused before any work
        path = target_path(flags.file_name, flags.file_format, flags.force)
    opened = open_checkpoint(ckpt_path, flags.config_path, overrides, split="test" if flags.check_images else None)
    config, network = opened.config, opened.network
    default_name = str(Path(ckpt_path).with_name(f"{config.network}_{config.dataset}"))
    path = path or target_path(default_name, flags.file_format, flags.force)
    description = description_path(path, config, flags.force)
    result = {
        "file": str(path),
        "description": str(description),
        "file_format": flags.file_format,
        "batch_size": flags.batch_size,
        "binary_layers": sum(
            isinstance(cell, AdaBinConv2d) and cell.binarizes_input and cell.binarizes_weight
            for _, cell in network.cells_and_names()
        ),
    }
    images = np.zeros((0,))
    if flags.check_images:
        images = first_images(opened.data, flags.check_images)
        if images.shape[1:] != (3, config.image_size, config.image_size):
            raise UserError(
                f"config: image_size: {config.image_size} is not the size of the images of {config.dataset}, "
                f"{images.shape[-1]}; correct it, or export without comparing with --check_images 0"
            )
        expected = outputs_of(CellModel(network, flags.batch_size), images, flags.batch_size)
    try:
        deployed = to_deploy(network)
    except ValueError as error:  # it names the layer, and what that lacks
        raise UserError(f"{config.network}: cannot be exported: {error}") from error
    shape = (flags.batch_size, 3, config.image_size, config.image_size)
    with replacing(path, anew=not flags.force) as temporary:  # the file gets its name when it has passed the comparison
        write(deployed, temporary, flags.file_format, shape)
        result["bytes"] = temporary.stat().st_size
        if flags.check_images:
            size, is_mindir = flags.batch_size, flags.file_format == "MINDIR"
            model = load_mindir(temporary, size) if is_mindir else CellModel(deployed, size)
            what = str(path) if is_mindir else f"the deploy form in {path}"
            result |= compare(model, expected, images, size, flags.tolerance, opened.task, what)
    write_description(description, config)
    return result


if __name__ == "__main__":
    run(main)
