# SPDX-License-Identifier: Apache-2.0
"""Train a network.

    python train.py --config_path config/resnet20_cifar10.yaml --data_path DIR
    python train.py --config_path config/resnet20_pictures.yaml --data_path DIR --pretrained F.ckpt
    python train.py --config_path config/resnet20_shapes_two_step.yaml --teacher F.ckpt
    python train.py --resume outputs/resnet20_cifar10/20261120-101500

The run's folder gets config.yaml, metrics.csv, curves.png, train.log, best.ckpt and last.ckpt; a training
in stages gets a folder of that kind for each stage. The last line on standard output is JSON: accuracy of the last and
of the best epoch, and the folder.
"""

import src  # noqa: F401 - makes adabin importable, and prepares the environment for MindSpore

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.training.going_on import end_in_one_line

    end_in_one_line()

from adabin.training.distributed import serve_as_scheduler
from adabin.training.opened_run import open_run, train_run
from adabin.utils.cli import run
from adabin.utils.config import parse_flags
from adabin.utils.errors import UserError
from adabin.utils.places import RECIPES


def add_flags(parser):
    parser.add_argument("--config_path", metavar="F.yaml", help="recipe [config/resnet20_shapes.yaml]")
    parser.add_argument("--resume", metavar="RUN_DIR", help="go on with the run in this folder, with its own config")


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    serve_as_scheduler()
    if flags.resume and flags.config_path:
        raise UserError("--config_path: the run to resume has its own config; leave it out")
    return train_run(open_run(flags.config_path or RECIPES / "resnet20_shapes.yaml", flags.resume, overrides))


if __name__ == "__main__":
    run(main)
