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

from adabin.export import export_network, target_path
from adabin.export.description import SUFFIXES
from adabin.opening import choose_checkpoint, open_checkpoint
from adabin.utils.cli import run
from adabin.utils.config import parse_flags
from adabin.utils.effect import refuse_for_tests
from adabin.utils.errors import UserError
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


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags, uses=ON_TESTS)
    most = KEYS["batch_size"].at_most
    if not 1 <= flags.batch_size <= most or flags.check_images < 0:
        raise UserError(f"--batch_size takes 1 to {most}, --check_images 0 or more")
    if not flags.tolerance >= 0:
        raise UserError(f"--tolerance {flags.tolerance}: is no allowed difference; give 0 or more")
    if not flags.check_images:
        refuse_for_tests(overrides, "--check_images 0")
    ckpt_path = choose_checkpoint(flags.ckpt_path, overrides)
    if flags.file_name is not None:  # refused before any work
        target_path(flags.file_name, flags.file_format, flags.force)
    opened = open_checkpoint(ckpt_path, flags.config_path, overrides, split="test" if flags.check_images else None)
    return export_network(
        opened,
        flags.file_name,
        file_format=flags.file_format,
        batch_size=flags.batch_size,
        check_images=flags.check_images,
        tolerance=flags.tolerance,
        force=flags.force,
    )


if __name__ == "__main__":
    run(main)
