# SPDX-License-Identifier: Apache-2.0
"""An exported file, its description, and the engine that runs it."""

from pathlib import Path

import numpy as np

from adabin.engine.detector import Detector
from adabin.engine.model import Model
from adabin.utils.cli import log
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
        device (str): see `Model`.

    Attributes:
        description (str): see `Model`.

    Raises:
        UserError: the engine's library is missing, or the file cannot be run.
    """

    flag = "model"

    def __init__(self, path, threads=0, device="CPU"):
        self.path = str(path)
        self.opened = Model(path, device=device)
        self.description = self.opened.description
        self.session = self.opened.session(threads=threads)

    def __call__(self, *arrays):
        """Outputs, a tuple of arrays float32 (N, ...), of normalized images float32 (N, 3, S, S).

        Args:
            arrays: images; of a network of several inputs one array for each, (N, ...) as `Model.inputs` says.

        Raises:
            UserError: the network takes images of another size, or other inputs.
            RunError: the engine failed.
        """
        inputs = self.opened.inputs
        if len(arrays) != len(inputs):
            names = ", ".join(tensor.name for tensor in inputs)
            raise UserError(f"--model {self.path}: takes {len(inputs)} inputs ({names}), not {len(arrays)}")
        images, image = arrays[0], inputs[0]
        if len(inputs) == 1 and len(image.shape) == 4 and images.shape[1:] != image.shape[1:]:
            height, width = image.shape[2:]
            raise UserError(
                f"--model {self.path}: takes images of {height} x {width}, the config has "
                f"image_size={images.shape[-1]}; give the config that belongs to it with --config_path"
            )
        return self.session.run(*(np.asarray(array, np.float32) for array in arrays))

    def decoder(self, limits):
        """What makes boxes of a detector's outputs in the engine.

        Args:
            limits (dict): min_score, nms_iou, max_detections.

        Returns:
            function (locations float32 (P, 4), scores float32 (P, 1 + C)) -> boxes float64 (k, 4) in fractions of the
            picture, classes, scores, as `adabin.detection.decoding.detections` gives them; None where the engine would
            give others, because the file's own description has other limits, or has to be left to Python: a line says
            why.
        """
        described = self.opened.metadata
        if any(float(described.get(key, "nan")) != value for key, value in limits.items()):
            return None
        try:
            detector = Detector(self.opened)
        except UserError as error:
            log(f"boxes are decoded in Python: {error}")
            return None
        return lambda locations, scores: detector.find(locations, scores, (1, 1))
