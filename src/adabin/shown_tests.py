# SPDX-License-Identifier: Apache-2.0
"""Test pictures, drawn with what a network sees in them beside what is annotated, while they are evaluated."""

from pathlib import Path

import numpy as np

from adabin.predict import drawing_paths
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder


class KeptOutputs:
    """A model whose outputs for some of the images that it is given are kept.

    Args:
        model: callable, images -> tuple of arrays; it gets every image once, in order.
        chosen: numbers of the images, ascending; None: all, of a network with one output.

    Attributes:
        outputs: a list of the tuples of arrays kept so far.

    Raises:
        UserError: all are to be kept of a network with several outputs.
    """

    def __init__(self, model, chosen=None):
        self.model, self.chosen = model, chosen
        self.outputs, self.seen = [], 0

    def __call__(self, images):
        outputs, first = self.model(images), self.seen
        self.seen += len(images)
        if self.chosen is None:
            if len(outputs) != 1:
                raise UserError(
                    f"--logits_path: is for networks with one output, this one has {len(outputs)}; leave it out"
                )
            self.outputs.append(outputs)
        else:
            rows = self.chosen[(self.chosen >= first) & (self.chosen < self.seen)] - first
            self.outputs.append(tuple(output[rows] for output in outputs))
        return outputs

    def joined(self):
        """What was kept, a tuple of arrays (N, ...)."""
        return tuple(np.concatenate(part) for part in zip(*self.outputs, strict=True))


class ShownTests:
    """Some pictures of a test split, evenly spread over it.

    Args:
        data (ImageDataset): the split.
        task: has `draw_beside`.
        count (int): how many; of a smaller split all.
        folder: for the drawings.

    Raises:
        UserError: the task draws none, the folder cannot be made, or a drawing exists.
    """

    def __init__(self, data, task, count, folder):
        if not hasattr(task, "draw_beside"):
            raise UserError("--draw: this task draws no test pictures; leave it out, or use predict.py on some of them")
        self.data, self.task, self.kept = data, task, None
        count = min(count, data.num_images)
        self.numbers = np.arange(count) * data.num_images // max(1, count)
        names = [Path(data.name_of(number)) for number in self.numbers]
        hint = "give a new folder with --draw_path"
        self.paths = drawing_paths(names, make_folder(folder, "--draw_path"), hint=hint)

    def watch(self, model):
        """The model to evaluate in place of this one: it also keeps what it says of the chosen pictures."""
        self.kept = KeptOutputs(model, self.numbers)
        return self.kept

    def draw(self):
        """Draw them, one at a time in memory."""
        outputs = self.kept.joined()
        for row, (number, path) in enumerate(zip(self.numbers, self.paths, strict=True)):
            picture, (annotation,) = self.data.original(number), self.data.annotations([number])
            (prediction,) = self.task.predict(tuple(output[row : row + 1] for output in outputs), [picture.shape[:2]])
            self.task.draw_beside(path, picture, prediction, annotation)
