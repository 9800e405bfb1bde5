# SPDX-License-Identifier: Apache-2.0
"""Data and a network of one's own through the project's training: run folder, resume, evaluation, export as for any.

python examples/own_data.py train.py --dataset stripes --network tiny --num_classes 4 --image_size 16 --epochs 2
python examples/own_data.py eval.py          # and export.py, predict.py
"""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import src  # noqa: F401 - makes adabin importable; not needed where the wheel is installed

# isort: split
import numpy as np
from mindspore import nn, ops

from adabin.data.class_names import check_classes
from adabin.data.image_dataset import ImageDataset, dataset_options
from adabin.data.registry import DATASETS
from adabin.layers import AdaBinConv2d, Maxout
from adabin.models import MODELS

CLASSES = ("flat", "rows", "columns", "checks")


def stripes(config, split):
    """Noisy patterns of 16 x 16 pixels: images uint8 (N, 16, 16, 3), labels int32 (N,)."""
    check_classes(config, CLASSES)  # refuses a num_classes that contradicts the data
    count = 400 if split == "train" else 100
    rng = np.random.default_rng(len(split))
    labels = (np.arange(count) % len(CLASSES)).astype(np.int32)
    y, x = np.indices((16, 16)) % 2 * 120
    patterns = np.stack([0 * x, y, x, x ^ y])[labels][..., None]
    images = np.clip(patterns + rng.normal(60, 40, (count, 16, 16, 3)), 0, 255).astype(np.uint8)
    return ImageDataset(images, labels, CLASSES, **dataset_options(config, split == "train"))


class Tiny(nn.Cell):
    """One binary convolution between a float one and a float classifier."""

    full_precision = {"stem": "it sees the picture", "head": "the classifier"}

    def __init__(self, classes, settings, nonlinearity, image_size):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, pad_mode="pad", padding=1)
        self.norm1, self.act1 = nn.BatchNorm2d(16), Maxout(16)
        self.conv = AdaBinConv2d(16, 32, 3, stride=2, padding=1, settings=settings)
        self.norm2, self.act2 = nn.BatchNorm2d(32), Maxout(32)
        self.head = nn.Dense(32, classes)

    def construct(self, x):
        x = self.act2(self.norm2(self.conv(self.act1(self.norm1(self.stem(x))))))
        return self.head(ops.mean(x, (2, 3)))


def register():
    """The two lines that make them known."""
    DATASETS["stripes"] = stripes
    MODELS["tiny"] = Tiny


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    import own_data  # this file as a module: __main__ becomes the program that is run

    own_data.register()
    del sys.argv[0]
    sys.argv[0] = str(ROOT / sys.argv[0])
    runpy.run_path(sys.argv[0], run_name="__main__")
