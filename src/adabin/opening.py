# SPDX-License-Identifier: Apache-2.0
"""The one way to a trained network: from a checkpoint to config, task, network and data."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from mindspore import nn

from adabin.cpu import accelerate
from adabin.data import build_dataset, settle_classes
from adabin.engine import open_exported
from adabin.estimators import ESTIMATORS
from adabin.inference import CellModel
from adabin.models import build_model, check_task
from adabin.published import published
from adabin.tasks import TASKS, build_task
from adabin.utils.checkpoint import DESCRIBED_KEYS, adopt_classes, load_network
from adabin.utils.cli import log
from adabin.utils.config import Config, read_config
from adabin.utils.device import init_device
from adabin.utils.effect import refuse_without_effect, without_keys_of_other_data
from adabin.utils.errors import UserError
from adabin.utils.key import TEST
from adabin.utils.schema import KEYS


@dataclass(frozen=True)
class Opened:
    """A trained network and what belongs to it.

    Attributes:
        path (Path): of the checkpoint.
        config (Config): its config, with the classes of checkpoint and data.
        task: what its outputs mean (adabin.tasks).
        network (Cell): in training form, with the checkpoint's values.
        data (ImageDataset): the split that was asked for, or None.
        metadata (dict): what the checkpoint says of itself; {} for a file of another origin.
    """

    path: Path
    config: Config
    task: object
    network: nn.Cell
    data: object = None
    metadata: dict = field(default_factory=dict)

    def model(self, batch_size=0):
        """The network as a callable (adabin.inference), with the CPU kernels where the config wants them."""
        return CellModel(accelerate(self.network, self.config), batch_size)


def open_checkpoint(path, config_path=None, overrides=None, split=None):
    """Open a checkpoint, and the data it is to be used with.

    Args:
        path: of the checkpoint.
        config_path: its config; config.yaml beside it where this is None.
        overrides (dict): config keys that flags gave.
        split (str): "train" or "test": of the config's data set, to be built; None builds none.

    Returns:
        Opened.

    Raises:
        UserError: a file is missing or unreadable, or checkpoint, config and data contradict each other.
    """
    config = config_beside(path, config_path, overrides)
    # Without data, keys such as skip_corrupt speak of other pictures.
    refuse_without_effect(
        overrides or {}, config, besides=DESCRIBED_KEYS, of=None if split else ("task", "device_target")
    )
    config = without_keys_of_other_data(config, overrides or {})
    check_task(config)
    # Without effect outside training, where one's own may be unknown to the program that runs.
    unknown = [key for key in ("weight_estimator", "activation_estimator") if getattr(config, key) not in ESTIMATORS]
    config = config.changed(**{key: KEYS[key].default for key in unknown})
    init_device(config)
    config = adopt_classes(config, path)
    task = build_task(config)
    data = build_dataset(config, split, task) if split else None
    if data:
        config = settle_classes(config, data)
    network = build_model(config)
    metadata = load_network(path, network, config)
    return Opened(Path(path), config, task, network, data, metadata)


@dataclass(frozen=True)
class OpenedExport:
    """An exported file and what belongs to it: `path`, `config`, `task` and `data` as of `Opened`."""

    path: Path
    config: Config
    task: object
    engine: object
    data: object

    def model(self, batch_size=0):
        """The network as a callable; it takes batches of any size."""
        return self.engine


def open_exported_on_tests(path, config_path=None, overrides=None):
    """Open an exported file in the C++ engine, and the test images of its data set; arguments as of `open_checkpoint`.

    Returns:
        OpenedExport.

    Raises:
        UserError: a file is missing or unreadable, or flags, file and data contradict each other.
    """
    engine, config = open_exported(path, config_path, overrides or {}, TEST)
    refuse_without_effect(overrides or {}, config, besides=DESCRIBED_KEYS)
    init_device(config)
    config = without_keys_of_other_data(config, overrides or {})
    task = build_task(config, engine)
    data = build_dataset(config, "test", task)
    return OpenedExport(Path(path), settle_classes(config, data), task, engine, data)


def choose_checkpoint(ckpt_path, overrides, or_published=False):
    """The given checkpoint, or the best one of the newest run below the output path.

    That is then named with its score, and with the best run on the same data where that is another.

    Args:
        ckpt_path, overrides: what the flags say.
        or_published (bool): where there is no run, take the model that comes with the project; what is taken is then
            said with how to choose another.

    Raises:
        UserError: none is given and there is none to take.
    """
    if ckpt_path:
        return Path(ckpt_path)
    output_path, model = overrides.get("output_path", "outputs"), published()
    found = (*Path(output_path).glob("*/*/best.ckpt"), *Path(output_path).glob("*/*/step*/best.ckpt"))
    newest = max(found, key=lambda path: path.relative_to(output_path).parts[1:], default=None)  # time, then step
    such = f", such as {model}" if model else ""
    if newest is None and not (model and or_published):
        raise UserError(
            f"--ckpt_path: is not given and {output_path} holds no run; give a checkpoint{such}, or train first"
        )
    what = f"{newest}, the newest run" if newest else f"{model}, the model that comes with the project"
    what += _beside_others(newest, found) if newest else ""
    another = f"; --ckpt_path or --model takes another{such if newest else ''}" if or_published else ""
    log(f"taking {what}{another}")
    return newest or model


def _recorded(ckpt_path):
    """(data set, name of the score, its highest value) of a run, from the files beside a checkpoint, or None."""
    try:
        config = read_config(ckpt_path.with_name("config.yaml"))
        name = TASKS[config.task].score
        with open(ckpt_path.with_name("metrics.csv"), newline="", encoding="utf-8") as handle:
            return config.dataset, name, max(float(row[f"test_{name}"]) for row in csv.DictReader(handle))
    except (OSError, ValueError, LookupError, TypeError, csv.Error, UserError):
        return None


def _beside_others(newest, found):
    """' (top1 0.3312; the best on shapes is ...)': what the newest run reached, and who reached more."""
    own = _recorded(newest)
    if own is None:
        return ""
    text = f" ({own[1]} {own[2]:.4f}"
    better = [(other[2], path) for path in found if (other := _recorded(path)) and other[:2] == own[:2]]
    score, path = max(better, key=lambda pair: (pair[0], pair[1] == newest))
    best = "" if path == newest or score == own[2] else f"; the best on {own[0]} is {path} with {score:.4f}"
    return f"{text}{best})"


def config_beside(ckpt_path, config_path, overrides):
    """Config for a checkpoint: the given file, else config.yaml beside the checkpoint.

    Raises:
        UserError: no checkpoint there, or no config is given and none lies beside it.
    """
    if Path(ckpt_path).is_dir():
        best = Path(ckpt_path) / "best.ckpt"
        raise UserError(f"--ckpt_path {ckpt_path}: is a folder; give a checkpoint in it, such as {best}")
    if not Path(ckpt_path).is_file():
        raise UserError(f"--ckpt_path {ckpt_path}: no such file; give an existing checkpoint")
    if not config_path:
        config_path = Path(ckpt_path).with_name("config.yaml")
        if not config_path.is_file():
            raise UserError(f"--ckpt_path {ckpt_path}: has no config.yaml beside it; give it with --config_path")
    return read_config(config_path, overrides)
