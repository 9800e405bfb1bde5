# SPDX-License-Identifier: Apache-2.0
"""An exported file, its description, and the engine that runs it."""

from pathlib import Path

import numpy as np

from adabin.engine.model import Model
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from adabin.utils.schema import KEYS


def check_exported(path):
    """Refuse what cannot be an exported file.

    Raises:
        UserError: no file there, or one of another kind.
    """
    if not Path(path).is_file():
        raise UserError(f"--model {path}: no such file; make one with export.py")
    if Path(path).suffix not in (".mindir", ".adabin"):
        raise UserError(f"--model {path}: is neither .mindir nor .adabin; give checkpoints with --ckpt_path")


def description_of(model, config_path, overrides, text=""):
    """Config for an exported file: the given one, else its own, else <name>.yaml beside it, else config.yaml.

    Args:
        model: path of the file.
        config_path, overrides: what flags say, as for `read_config`.
        text (str): the description that a packed file holds (`Model.description`).

    Raises:
        UserError: there is none of these, or one cannot be used.
    """
    model = Path(model)
    if not config_path:
        if text and model.suffix == ".adabin":
            return read_config(model, overrides, text)
        beside = model.with_suffix(".yaml"), model.with_name("config.yaml")
        config_path = next((path for path in beside if path.is_file()), None)
        if config_path is None:
            raise UserError(
                f"--model {model}: has no {beside[0].name} beside it, which export.py writes; "
                "give the config that it was trained with, --config_path"
            )
    return read_config(config_path, overrides)


def open_exported(path, config_path, overrides, use):
    """(`EngineModel`, config) of an exported file.

    Args:
        path: .mindir or .adabin.
        config_path, overrides: what flags say, as for `description_of`.
        use (str): what a config key has to have an effect on (adabin.utils.key) for a flag to be taken.

    Raises:
        UserError: a flag has no effect, or the file cannot be run.
    """
    for key in overrides:
        if use not in KEYS[key].uses:
            raise UserError(f"--{key}: has no effect on --model, which runs in the C++ engine; leave it out")
    check_exported(path)
    model = EngineModel(path)
    return model, description_of(path, config_path, overrides, model.description)


class EngineModel:
    """An exported file as a callable, run in the C++ engine.

    Args:
        path: .mindir or .adabin.
        threads (int): see `Session`.

    Attributes:
        description (str): see `Model`.

    Raises:
        UserError: the engine's library is missing, or the file cannot be run.
    """

    flag = "model"

    def __init__(self, path, threads=0):
        self.path = str(path)
        with Model(path) as model:
            (self.image,) = model.inputs
            self.description = model.description
            self.session = model.session(threads=threads)

    def __call__(self, images):
        """Outputs, a tuple of arrays float32 (N, ...), of normalized images float32 (N, 3, S, S).

        Raises:
            UserError: the network takes images of another size.
            RunError: the engine failed.
        """
        if images.shape[1:] != self.image.shape[1:]:
            height, width = self.image.shape[2:]
            raise UserError(
                f"--model {self.path}: takes images of {height} x {width}, the config has "
                f"image_size={images.shape[-1]}; give the config that belongs to it with --config_path"
            )
        return self.session.run(np.asarray(images, np.float32))
