# SPDX-License-Identifier: Apache-2.0
"""A second task, made for the tests alone: say where the bright dots of a picture are, and how many.

It has what classification has not: two outputs, targets of varying number (padded, with a mask), and a metric that
needs the predictions of all pictures at once. `register` makes it known from outside the package.
"""

import src  # isort: skip  # noqa: F401 - makes adabin importable

import numpy as np
from mindspore import dtype as mstype
from mindspore import nn, ops

from adabin.data.image_dataset import ImageDataset, dataset_options
from adabin.data.registry import DATASETS
from adabin.layers import AdaBinConv2d
from adabin.models import MODELS
from adabin.tasks import TASKS
from adabin.utils.files import replacing

SIDE, MOST = 16, 5
COUNTS = {"train": 60, "test": 23}


def dots(config, split):
    """Dark pictures with 0 to 5 bright dots; a picture's annotation is the list of their places, (n, 2) in 0..1."""
    rng = np.random.default_rng(len(split))
    images = rng.integers(0, 60, (COUNTS[split], SIDE, SIDE, 3)).astype(np.uint8)
    places = []
    for image in images:
        rows = rng.permutation(SIDE * SIDE)[: rng.integers(0, MOST + 1)]
        image.reshape(-1, 3)[rows] = 255
        places.append(np.stack([rows // SIDE, rows % SIDE], 1).astype(np.float32) / SIDE)
    return ImageDataset(images, places, ("dot",), **dataset_options(config, split == "train"))


class Dotted(nn.Cell):
    """Binary convolution, then two heads: a map of scores (B, 1, S, S), and the number of dots (B, 1)."""

    full_precision = {"head": "it speaks of places", "count": "it speaks of a number"}

    def __init__(self, settings):
        super().__init__()
        self.conv = AdaBinConv2d(3, 8, 3, padding=1, settings=settings)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Conv2d(8, 1, 1, has_bias=True)
        self.count = nn.Dense(8, 1)

    def construct(self, x):
        x = self.norm(self.conv(x))
        return self.head(x), self.count(ops.mean(x, (2, 3)))


class DotLoss(nn.Cell):
    """Squared errors: of the score at each dot's place, those that only fill up masked, and of the number of dots."""

    statistics = ("found", "count_error")

    def construct(self, outputs, images, places, mask):
        scores, number = outputs
        flat = ops.reshape(scores, (scores.shape[0], -1))
        at = ops.cast(ops.round(places * SIDE), mstype.int32)
        own = ops.gather_elements(flat, 1, at[:, :, 0] * SIDE + at[:, :, 1])
        true = ops.sum(mask, 1, keepdim=True)
        loss = ops.mean(ops.sum(ops.square(own - 1) * mask, 1)) + ops.mean(ops.square(number - true))
        found = ops.sum(ops.cast(own > 0.5, mstype.float32) * mask)
        return loss, (found, ops.sum(ops.abs(number - true)))


class DotMetric:
    """Average precision of all scores of all pictures together, which no sum over batches gives."""

    def __init__(self):
        self.scores, self.true, self.images = [], [], 0

    def update(self, outputs, places, mask):
        scores, _ = outputs
        self.images += len(scores)
        for row, own, kept in zip(scores.reshape(len(scores), -1), places, mask, strict=True):
            at = np.round(own[kept > 0] * SIDE).astype(int)
            keep = np.argsort(-row, kind="stable")[: 3 + len(at)]  # another number for every picture
            self.scores.append(row[keep])
            self.true.append(np.isin(keep, at[:, 0] * SIDE + at[:, 1]))

    def state(self):
        scores, true = np.concatenate(self.scores), np.concatenate(self.true)
        return {"scores": scores.astype(np.float32), "true": true, "images": np.array([self.images])}

    @staticmethod
    def result(states):
        scores, true = (np.concatenate([state[name] for state in states]) for name in ("scores", "true"))
        true = true[np.argsort(-scores, kind="stable")]
        precision = np.cumsum(true) / np.arange(1, len(true) + 1)
        images = sum(int(state["images"][0]) for state in states)
        return {"images": images, "kept": len(true), "ap": float(np.sum(precision * true) / max(1, true.sum()))}


class Counting:
    """The task; see adabin.tasks."""

    score = "ap"
    names_places = True
    recorded = ("ap", "kept")
    plots = (("loss", "squared error", 1), ("ap", "AP", 1))

    def __init__(self, config):
        self.config = config

    @staticmethod
    def columns(train):
        return ("places", "mask")

    @staticmethod
    def targets(places, train):
        padded, mask = np.zeros((len(places), MOST, 2), np.float32), np.zeros((len(places), MOST), np.float32)
        for row, own in enumerate(places):
            padded[row, : len(own)], mask[row, : len(own)] = own, 1
        return padded, mask

    def loss(self, teacher=None):
        return DotLoss()

    metric = DotMetric

    @staticmethod
    def text(values):
        return " ".join(f"{name} {values[name]:.4f}" for name in ("loss", "ap") if name in values)

    @staticmethod
    def decisions(outputs):
        return np.round(outputs[1]).astype(int)

    @staticmethod
    def predict(outputs, sizes):
        places = [divmod(int(score.argmax()), SIDE) for score in outputs[0]]
        return [{"y": y / SIDE * h, "x": x / SIDE * w} for (y, x), (h, w) in zip(places, sizes, strict=True)]

    @staticmethod
    def line(prediction):
        return f"dot at {prediction['x']:.0f}, {prediction['y']:.0f}"

    @staticmethod
    def draw(path, picture, prediction):
        with replacing(path) as temporary:
            temporary.write_bytes(repr(prediction).encode())


def register():
    """Make task, data set and network known."""
    TASKS["counting"] = Counting
    DATASETS["dots"] = dots
    MODELS["dotted"] = lambda classes, settings, nonlinearity, size: Dotted(settings)


FLAGS = (
    "--task=counting", "--dataset=dots", "--network=dotted", f"--image_size={SIDE}", "--num_classes=1", "--epochs=2",
    "--batch_size=12", "--eval_batch_size=10", "--log_steps=2", "--nonlinearity=relu", "--augment=false", "--lr=1e-3",
)  # fmt: skip

if __name__ == "__main__":  # a program of the package with this task: python tests/counting.py train.py FLAGS
    import runpy
    import sys

    from tests import counting  # not as __main__, whose place the program takes

    counting.register()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
