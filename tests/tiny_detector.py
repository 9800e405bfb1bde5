# SPDX-License-Identifier: Apache-2.0
"""A detector and a data set as small as they get, for tests of what is around a detector.

python tests/tiny_detector.py train.py FLAGS    a program of the package, with this network known
"""

import src  # isort: skip  # noqa: F401 - makes adabin importable

import cv2
import numpy as np
from mindspore import nn, ops

from adabin.detection.priors import BOXES_PER_CELL, ssd_maps
from adabin.layers import AdaBinConv2d
from adabin.models import MODELS

SIDE, CHANNELS = 64, 16
CLASSES = ("blue", "green", "red")
COLORS = {"blue": (30, 60, 230), "green": (20, 200, 40), "red": (230, 40, 30)}  # RGB
COUNTS = {"train": 24, "test": 10}


class TinyDetector(nn.Cell):
    """Two convolutions, the second one binary; a map of 8x8 from 64x64, poolings for the others, heads."""

    full_precision = {"conv": "first", "locations.?": "head", "scores.?": "head"}

    def __init__(self, num_classes, settings, image_size):
        super().__init__()
        maps = len(ssd_maps(image_size))
        self.conv = nn.Conv2d(3, CHANNELS, 8, 4, pad_mode="pad", padding=2)
        self.binary = AdaBinConv2d(CHANNELS, CHANNELS, 3, stride=2, padding=1, settings=settings)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.pools = nn.CellList([nn.AvgPool2d(2**number, 2**number) for number in range(maps)])
        heads = BOXES_PER_CELL[:maps]
        self.locations = nn.CellList([nn.Conv2d(CHANNELS, 4 * count, 1, has_bias=True) for count in heads])
        self.scores = nn.CellList([nn.Conv2d(CHANNELS, (1 + num_classes) * count, 1, has_bias=True) for count in heads])
        self.count = 1 + num_classes

    def construct(self, x):
        x = ops.relu(self.norm(self.binary(self.conv(x))))
        locations, scores = (), ()
        for number, pool in enumerate(self.pools):
            small = pool(x)
            locations += (self.by_box(self.locations[number](small), 4),)
            scores += (self.by_box(self.scores[number](small), self.count),)
        return ops.concat(locations, 1), ops.concat(scores, 1)

    def by_box(self, x, length):
        return ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (x.shape[0], -1, length))


def register():
    MODELS["tiny_detector"] = lambda classes, settings, nonlinearity, size: TinyDetector(classes, settings, size)


def fill(folder, classes=CLASSES):
    """A folder in VOC's layout: gray pictures of several sizes with 0 to 4 colored rectangles; one has 60."""
    rng = np.random.default_rng(5)
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    (folder / "classes.txt").write_text("\n".join(classes))
    for split, count in COUNTS.items():
        names = [f"{split}{number:02}" for number in range(count)]
        (folder / "ImageSets" / "Main" / f"{'trainval' if split == 'train' else 'test'}.txt").write_text(
            "\n".join(names)
        )
        for number, name in enumerate(names):
            height, width = int(rng.integers(60, 140)), int(rng.integers(60, 140))
            picture = rng.integers(100, 140, (height, width, 3)).astype(np.uint8)
            objects = []
            for _ in range(60 if number == 3 else number % 5):
                w, h = (int(rng.integers(10, side // 2)) for side in (width, height))
                x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
                color = classes[rng.integers(len(classes))]
                picture[y : y + h, x : x + w] = COLORS[color]
                box = f"<xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax>"
                hard = int(rng.random() < 0.2)
                objects.append(
                    f"<object><name>{color}</name><difficult>{hard}</difficult><bndbox>{box}</bndbox></object>"
                )
            size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
            text = f"<annotation><filename>{name}.png</filename>{size}{''.join(objects)}</annotation>"
            (folder / "Annotations" / f"{name}.xml").write_text(text)
            cv2.imwrite(str(folder / "JPEGImages" / f"{name}.png"), picture[..., ::-1])


FLAGS = (
    "--task=detection", "--dataset=voc", "--network=tiny_detector", f"--image_size={SIDE}", "--num_classes=0",
    "--epochs=3", "--batch_size=8", "--eval_batch_size=4", "--log_steps=1", "--nonlinearity=relu", "--optimizer=adam",
    "--lr=1e-2", "--weight_decay=0", "--data_path=pictures",
)  # fmt: skip

if __name__ == "__main__":
    import runpy
    import sys

    from tests import tiny_detector  # not as __main__, whose place the program takes

    tiny_detector.register()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
