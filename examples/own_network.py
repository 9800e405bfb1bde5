# SPDX-License-Identifier: Apache-2.0
"""A network of one's own, trained with plain MindSpore, exported to MindIR and packed for the C++ engine.

python examples/own_network.py FOLDER [EPOCHS]
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import src  # noqa: F401 - makes adabin importable; not needed where the wheel is installed

# isort: split
import mindspore as ms
import mindspore.dataset as ds
from mindspore import nn, ops

from adabin.binarize import Binarization
from adabin.cpu import accelerate
from adabin.data.shapes import draw_shapes
from adabin.data.transforms import normalize
from adabin.deploy import to_deploy
from adabin.export import write
from adabin.layers import AdaBinConv2d, Maxout
from adabin.training.callback import EstimatorSchedule


class Small(nn.Cell):
    """A float convolution, two binary ones with weights and activations of 1 bit, and a float classifier."""

    def __init__(self, classes=10):
        super().__init__()
        bits = Binarization(w_bits=1, a_bits=1)
        self.stem = nn.SequentialCell(
            nn.Conv2d(3, 32, 3, 2, "pad", 1), nn.BatchNorm2d(32), AdaBinConv2d(32, 64, 3, padding=1, settings=bits),
            nn.BatchNorm2d(64), Maxout(64), AdaBinConv2d(64, 64, 3, stride=2, padding=1, settings=bits),
            nn.BatchNorm2d(64), Maxout(64),
        )  # fmt: skip
        self.head = nn.Dense(64, classes)

    def construct(self, x):
        return self.head(ops.mean(self.stem(x), (2, 3)))


def batches(split, count):
    """Pictures that the project draws, as MindSpore's data engine delivers any."""
    images, labels = draw_shapes(split, count, 0)
    images = normalize(images, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return ds.NumpySlicesDataset((images, labels), ["image", "label"], shuffle=split == "train").batch(50)


def main(folder, epochs):
    """Train, test, export, pack."""
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_seed(1)
    network = accelerate(Small())  # the CPU kernels; other devices keep MindSpore's operators
    optimizer = nn.Momentum(network.trainable_params(), 0.05, 0.9, weight_decay=1e-4)
    model = ms.train.Model(network, nn.CrossEntropyLoss(), optimizer, metrics={"accuracy"})
    model.train(epochs, batches("train", 6000), callbacks=[EstimatorSchedule(epochs)], dataset_sink_mode=False)
    print(model.eval(batches("test", 500), dataset_sink_mode=False))

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write(to_deploy(network), folder / "small.mindir", "MINDIR", (1, 3, 32, 32))
    packer = ROOT / "ascend310_infer" / "build" / "adabin_pack"  # bash ascend310_infer/build.sh
    subprocess.run([packer, "--model", folder / "small.mindir", "--output", folder / "small.adabin"], check=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5)
