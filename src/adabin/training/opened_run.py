# SPDX-License-Identifier: Apache-2.0
"""A training from its flags to its result: config, task and data are opened once, then every stage is trained."""

from dataclasses import dataclass

import mindspore as ms

from adabin.cpu import accelerate, accelerate_optimizer
from adabin.data import build_dataset, settle_classes
from adabin.models import build_model, check_task
from adabin.tasks import build_task
from adabin.training.distributed import World, average_gradients
from adabin.training.follower import Follower
from adabin.training.going_on import name_run
from adabin.training.loop import train
from adabin.training.optimizer import name_idle_kinds
from adabin.training.pretrained import load_pretrained
from adabin.training.run_folder import RunFolder, resumed_config
from adabin.training.step import build_step
from adabin.training.steps import run_steps, step_configs
from adabin.training.teacher import load_teacher, warn_of_split
from adabin.utils import stopping
from adabin.utils.config import Config, read_config
from adabin.utils.device import describe_device, init_device
from adabin.utils.effect import name_without_effect, refuse_without_effect


@dataclass(frozen=True)
class OpenedRun:
    """A training that can begin, or go on.

    Attributes:
        config (Config): of the whole run; stages (list of Config): of each stage, the config itself where it has none.
        task: what the network's outputs mean (adabin.tasks).
        data: (training, test) split, this process's part of them.
        world (World): the processes that train together.
        folder (RunFolder): of a run to go on with; None for a new one, and on other ranks than 0.
    """

    config: Config
    stages: list
    task: object
    data: tuple
    world: World
    folder: RunFolder = None


def open_run(config_path=None, resume=None, overrides=None):
    """Open a training: its config is read, its device chosen and its data found, once.

    Args:
        config_path: recipe; without effect where `resume` is given.
        resume: folder of a run to go on with.
        overrides (dict): config keys that flags gave.

    Returns:
        OpenedRun.

    Raises:
        UserError: whatever is wrong in config, data, device or the folder to resume.
    """
    world, overrides, folder = World.of_environment(), overrides or {}, None
    if resume and world.is_main:
        folder, config = RunFolder.open(resume, overrides)
    else:
        config = resumed_config(resume, overrides) if resume else read_config(config_path, overrides)
    stages = step_configs(config, overrides)
    refuse_without_effect(overrides, *stages)  # before the work of building data sets
    if world.is_main and not resume:
        name_without_effect(config_path, overrides, *stages)
    init_device(config)
    task = build_task(config)
    for stage in stages:  # before the data, too
        check_task(stage)
    data = tuple(build_dataset(config, split, task).part_of(world.rank, world.size) for split in ("train", "test"))
    world.join()
    stages = [settle_classes(stage, data[0]) for stage in stages]
    return OpenedRun(settle_classes(config, data[0]), stages, task, data, world, folder)


def prepare(run, config, folder):
    """What trains a stage: (its config, network, training step, report on the checkpoint it starts from or None).

    Args:
        run (OpenedRun): of the whole training.
        config (Config): of the stage.
        folder (RunFolder): of the stage, where there is one.

    Raises:
        UserError: it cannot be trained.
    """
    ms.set_seed(config.seed)  # every stage begins with it
    network = accelerate(build_model(config), config)
    # A run with a checkpoint of its own goes on from there. The other ranks get what rank 0 has loaded.
    fresh = run.world.is_main and not (folder and folder.last.is_file())
    report = load_pretrained(config.pretrained, network, config) if config.pretrained and fresh else None
    if report:
        warn_of_split("pretrained", config)
    teacher = load_teacher(config)
    if teacher:
        accelerate(teacher, config)
    if run.world.is_main:
        name_idle_kinds(network, config)
    step = build_step(network, config, build_task(config).loss(teacher))
    accelerate_optimizer(step.optimizer, config)
    average_gradients(step, run.world, config)
    return config, network, step, report


def fit(run, prepared, folder):
    """Train what `prepare` made, and record it in a run folder; returns the result."""
    config, network, step, report = prepared
    if report:
        folder.log(report.text())
    result = train(network, step, *run.data, config, run.task, folder, run.world)
    return result | ({"pretrained": report.counts()} if report else {})


def train_run(run):
    """Train all stages of a run; returns the last one's result, see `train` and `run_steps`."""
    own = run.folder.stage(1) if run.folder and run.config.stages else run.folder
    prepared = [prepare(run, run.stages[0], own)]  # what cannot be trained is refused before there is a folder
    if run.world.is_main:
        folder = run.folder or RunFolder.create(run.config)
        name_run(folder.path, folder.path / "train.log")
    else:
        folder = Follower()
        stopping.explain(lambda: "; rank 0 says how to go on")
    config, (train_data, test_data) = run.config, run.data
    folder.log(
        f"{config.network} on {config.dataset}: {train_data.num_images} training and {test_data.num_images} "
        f"test images, {config.epochs} epochs, {describe_device(config)}"
        + (f", {run.world.size} workers with so many threads each" if run.world.size > 1 else "")
    )
    folder.log(f"results in {folder.path}" if run.world.is_main else "rank 0 writes the results")
    if not config.stages:
        return fit(run, prepared.pop(), folder)

    def stage(config, own):
        return fit(run, prepared.pop() if prepared else prepare(run, config, own), own)

    return run_steps(run.stages, folder, stage, run.task.score)
