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

from pathlib import Path

from adabin.cpu import accelerate, accelerate_optimizer
from adabin.data import build_dataset, settle_classes
from adabin.models import build_model
from adabin.tasks import build_task
from adabin.training.distributed import World, average_gradients, serve_as_scheduler
from adabin.training.follower import FollowedRun
from adabin.training.going_on import name_run
from adabin.training.loop import train
from adabin.training.pretrained import load_pretrained
from adabin.training.run_folder import RunFolder
from adabin.training.step import build_step
from adabin.training.steps import run_steps, step_configs
from adabin.training.teacher import load_teacher
from adabin.utils.cli import run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.device import describe_device, init_device
from adabin.utils.effect import refuse_without_effect
from adabin.utils.errors import UserError

DEFAULT_CONFIG = Path(__file__).with_name("config") / "resnet20_shapes.yaml"


def add_flags(parser):
    parser.add_argument("--config_path", metavar="F.yaml", help="recipe [config/resnet20_shapes.yaml]")
    parser.add_argument("--resume", metavar="RUN_DIR", help="go on with the run in this folder, with its own config")


def prepare(config, folder, world):
    """(network, its training step, report on the checkpoint it starts from or None); folder: of a run to go on with."""
    init_device(config)  # also the second step of a training begins with the seed
    network = accelerate(build_model(config), config)
    # A run with a checkpoint of its own goes on from there. The other ranks get what rank 0 has loaded.
    fresh = world.is_main and not (folder and folder.last.is_file())
    report = load_pretrained(config.pretrained, network, config) if config.pretrained and fresh else None
    teacher = load_teacher(config)
    if teacher:
        accelerate(teacher, config)
    step = build_step(network, config, build_task(config).loss(teacher))
    accelerate_optimizer(step.optimizer, config)
    average_gradients(step, world, config)
    return network, step, report


def fit(prepared, config, folder, world, train_data, test_data):
    """Train what `prepare` made, in a run folder."""
    network, step, report = prepared
    if report:
        folder.log(report.text())
    result = train(network, step, train_data, test_data, config, build_task(config), folder, world)
    return result | ({"pretrained": report.counts()} if report else {})


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
    refuse_without_effect(overrides, *step_configs(config, overrides))  # before the work of building data sets
    init_device(config)
    task = build_task(config)
    data = [build_dataset(config, split, task).part_of(world.rank, world.size) for split in ("train", "test")]
    train_data, test_data = data
    world.join()
    settle_classes(config, train_data)
    configs = step_configs(config, overrides)
    prepared = prepare(configs[0], folder, world)  # what cannot be trained is refused before there is a folder
    folder = folder or folder_class.create(config)
    folder.move(world.agree(str(folder.path)))
    name_run(folder.path, folder.path / "train.log" if world.is_main else None)
    folder.log(
        f"{config.network} on {config.dataset}: {train_data.num_images} training and {test_data.num_images} "
        f"test images, {config.epochs} epochs, {describe_device(config)}"
        + (f", {world.size} workers with so many threads each" if world.size > 1 else "")
    )
    folder.log(f"results in {folder.path}")
    if not config.stages:
        return fit(prepared, config, folder, world, *data)
    del prepared  # every step makes its own
    return run_steps(
        configs, folder, lambda config, step: fit(prepare(config, step, world), config, step, world, *data), task.score
    )


if __name__ == "__main__":
    run(main)
