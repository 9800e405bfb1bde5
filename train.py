# SPDX-License-Identifier: Apache-2.0
"""Train a network.

    python train.py --config_path config/resnet20_cifar10.yaml --data_path DIR
    python train.py --config_path config/resnet20_pictures.yaml --data_path DIR --pretrained F.ckpt
    python train.py --resume outputs/resnet20_cifar10/20261120-101500

The run's folder gets config.yaml, metrics.csv, curves.png, train.log, best.ckpt and last.ckpt. The last line on
standard output is JSON: accuracy of the last and of the best epoch, and the folder.
"""

import signal
from pathlib import Path

from src.data import build_dataset, settle_classes
from src.models import build_model
from src.training.distributed import World, average_gradients, serve_as_scheduler
from src.training.follower import FollowedRun
from src.training.loop import train
from src.training.pretrained import load_pretrained
from src.training.run_folder import RunFolder
from src.training.step import TrainStep, build_optimizer
from src.utils.cli import log, run
from src.utils.config import parse_flags, read_config
from src.utils.device import describe_device, init_device
from src.utils.errors import UserError

DEFAULT_CONFIG = Path(__file__).with_name("config") / "resnet20_shapes.yaml"


def add_flags(parser):
    parser.add_argument("--config_path", metavar="F.yaml", help="recipe [config/resnet20_shapes.yaml]")
    parser.add_argument("--resume", metavar="RUN_DIR", help="go on with the run in this folder, with its own config")


def interrupt(signum, frame):
    """A job scheduler's SIGTERM ends a run as Ctrl-C does."""
    raise KeyboardInterrupt


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    serve_as_scheduler()
    world = World.of_environment()
    folder_class = RunFolder if world.is_main else FollowedRun
    if flags.resume and flags.config_path:
        raise UserError("--config_path: the run to resume has its own config; leave it out")
    if flags.resume:
        folder, config = folder_class.open(flags.resume, overrides)
    else:
        folder, config = None, read_config(flags.config_path or DEFAULT_CONFIG, overrides)
    init_device(config)
    train_data, test_data = (build_dataset(config, s).part_of(world.rank, world.size) for s in ("train", "test"))
    world.join()
    settle_classes(config, train_data)
    network = build_model(config)
    # A run with a checkpoint of its own goes on from there.
    fresh = not (folder and folder.last.is_file())
    report = load_pretrained(config.pretrained, network, config) if config.pretrained and fresh else None
    step = TrainStep(network, build_optimizer(network, config))
    average_gradients(step, world)
    folder = folder or folder_class.create(config)
    signal.signal(signal.SIGTERM, interrupt)
    folder.log(
        f"{config.network} on {config.dataset}: {train_data.num_images} training and {test_data.num_images} "
        f"test images, {config.epochs} epochs, {describe_device(config)}"
    )
    if report:
        folder.log(report.text())
    folder.log(f"results in {folder.path}")
    try:
        result = train(network, step, train_data, test_data, config, folder, world)
        return result | ({"pretrained": report.counts()} if report else {})
    except KeyboardInterrupt:
        log(f"stopped; go on with: python train.py --resume {folder.path}")
        raise


if __name__ == "__main__":
    run(main)
