# SPDX-License-Identifier: Apache-2.0
"""Make the golden cases that Python and C++ are both tested on: `python -m tests.golden.make_golden`.

Each case is a folder with model.mindir (deploy form), input.bin and output.bin (float32, what MindSpore computes from
the training form) and, for every binary layer K in execution order, bits_K.bin (uint8 0/1: 1 where the layer's
input lies above its threshold, NCHW) and conv_K.bin (float32, its output before BatchNorm).
"""

import src  # noqa: F401 - makes adabin importable

# isort: split
from pathlib import Path
from types import SimpleNamespace

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from adabin.binarize import Binarization
from adabin.deploy import to_deploy
from adabin.export import write
from adabin.layers import AdaBinConv2d, Maxout
from adabin.layers.binary_conv import DeployConv2d
from adabin.models.blocks import Style
from adabin.models.resnet_cifar import BasicBlock
from adabin.models.resnet_imagenet import ImageNetResNet
from adabin.models.vgg_small import VggSmall
from adabin.utils.device import init_device


class LayerCase(nn.Cell):
    """Binary convolution -> BatchNorm -> Maxout."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.conv = AdaBinConv2d(*args, **kwargs)
        self.bn = nn.BatchNorm2d(args[1])
        self.nonlinear = Maxout(args[1])

    def construct(self, x):
        return self.nonlinear(self.bn(self.conv(x)))


class ResidualCase(nn.Cell):
    """Two binary convolutions, the second with a shortcut around it."""

    def __init__(self, channels, settings):
        super().__init__()
        self.conv1 = AdaBinConv2d(channels, channels, 3, padding=1, settings=settings)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = AdaBinConv2d(channels, channels, 1, settings=settings)
        self.bn2 = nn.BatchNorm2d(channels)
        self.nonlinear = Maxout(channels)

    def construct(self, x):
        x = self.bn1(self.conv1(x))
        return self.nonlinear(self.bn2(self.conv2(x)) + x)


class NetworkCase(nn.Cell):
    """A small residual network with every kind of operator that ResNet-20 has."""

    def __init__(self, settings):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, pad_mode="pad", padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.nonlinear1 = Maxout(8)
        self.block1 = BasicBlock(8, 8, 1, Style(settings))
        self.block2 = BasicBlock(8, 16, 2, Style(settings))
        self.pool = ops.ReduceMean()
        self.bn2 = nn.BatchNorm1d(16)
        self.linear = nn.Dense(16, 10)

    def construct(self, x):
        x = self.block2(self.block1(self.nonlinear1(self.bn1(self.conv1(x)))))
        return self.linear(self.bn2(self.pool(x, (2, 3))))


PAPER, RELEASED = Binarization(), Binarization(form="released")
# name: (network, input shape)
CASES = {
    "conv3x3_odd_channels": (lambda: LayerCase(65, 7, 3, padding=1, settings=PAPER), (2, 65, 5, 6)),
    "conv1x1_one_channel": (lambda: LayerCase(1, 3, 1, settings=PAPER), (1, 1, 4, 4)),
    "conv6x6_stride2_asymmetric": (
        lambda: LayerCase(5, 4, 6, stride=2, padding=(0, 3, 2, 1), settings=RELEASED),
        (2, 5, 9, 8),
    ),
    "conv5x5_groups": (lambda: LayerCase(12, 6, 5, padding=2, group=3, settings=RELEASED), (1, 12, 6, 6)),
    "conv3x3_dilation_beyond_image": (
        lambda: LayerCase(64, 3, 3, padding=6, dilation=6, settings=PAPER),
        (1, 64, 4, 4),
    ),
    "residual": (lambda: ResidualCase(16, RELEASED), (2, 16, 6, 6)),
    "network": (lambda: NetworkCase(PAPER), (1, 3, 11, 11)),
    "stem_and_downsample": (
        lambda: ImageNetResNet((1, 1, 1), 10, Style(RELEASED), widths=(8, 16, 24)),
        (2, 3, 26, 19),
    ),
    "vgg_pooling_before_batch_norm": (
        lambda: VggSmall(10, Style(PAPER), 17, widths=(6, 8, 12, 12, 16, 16)),
        (2, 3, 17, 17),
    ),
}


def randomize(network, rng):
    """Parameters as a training might leave them: alpha of both signs, slopes below 0, a filter without variance."""
    for name, parameter in network.parameters_dict().items():
        kind, shape = name.rpartition(".")[2], parameter.shape
        values = {
            "alpha_a": lambda: rng.choice([-1, 1]) * rng.uniform(0.2, 1.5),
            "beta_a": lambda: rng.normal(0, 0.4),
            "gamma": lambda s=shape: rng.normal(1, 0.5, s),
            "beta": lambda s=shape: rng.normal(0, 0.5, s),
            "moving_mean": lambda s=shape: rng.normal(0, 1, s),
            "moving_variance": lambda s=shape: rng.uniform(0.5, 20, s),
            "pos_scale": lambda s=shape: rng.normal(1, 0.5, s),
            "neg_scale": lambda s=shape: rng.normal(0.2, 0.5, s),
            "weight": lambda s=shape: rng.normal(0.05, 0.3, s),
        }.get(kind)
        if values:
            array = np.asarray(values(), np.float32)
            if kind == "weight" and len(shape) == 4:
                array[-1] = 0.125
            parameter.set_data(ms.Tensor(array))


def inputs_of(network, shape, rng):
    """Random inputs that also hold the first layer's threshold and its two neighbors."""
    x = rng.normal(0, 1, shape).astype(np.float32)
    first = next(cell for _, cell in network.cells_and_names() if isinstance(cell, AdaBinConv2d))
    beta = first.binary_a.beta_a.asnumpy()
    neighbors = [np.nextafter(beta, np.float32(side)) for side in (-9, 9)]
    for start, value in enumerate((beta, *neighbors, 0)):
        x.reshape(-1)[start::17] = value
    return x


class Recorder(nn.Cell):
    """Passes a deploy layer through and keeps what it saw."""

    def __init__(self, layer, records):
        super().__init__()
        self.layer, self.records = layer, records

    def construct(self, x, fork=False):
        y = self.layer(x)
        bits = self.layer.decide(x).asnumpy() == self.layer.rising
        self.records.append((x.asnumpy(), bits, y.asnumpy()))
        return (y, x) if fork else y


def record_layers(deployed, x):
    """Inputs, bits and outputs of every binary layer, in execution order (PYNATIVE mode)."""
    records = []
    for _, parent in list(deployed.cells_and_names()):
        for name, cell in list(parent._cells.items()):
            if isinstance(cell, DeployConv2d) and cell.binarizes_input:
                parent._cells[name] = Recorder(cell, records)
    deployed(ms.Tensor(x))
    return records


def make_case(name, folder):
    """Write one case."""
    build, shape = CASES[name]
    rng = np.random.default_rng(sorted(CASES).index(name))
    network = build()
    randomize(network, rng)
    network.set_train(False)
    x = inputs_of(network, shape, rng)
    expected = network(ms.Tensor(x)).asnumpy()
    folder.mkdir(parents=True, exist_ok=True)
    x.tofile(folder / "input.bin")
    expected.tofile(folder / "output.bin")
    deployed = to_deploy(network)
    write(deployed, folder / "model.mindir", "MINDIR", shape)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    for index, (_, bits, y) in enumerate(record_layers(deployed, x)):
        bits.astype(np.uint8).tofile(folder / f"bits_{index}.bin")
        y.tofile(folder / f"conv_{index}.bin")
    ms.set_context(mode=ms.GRAPH_MODE)


def main():
    init_device(SimpleNamespace(device_target="CPU", device_id=0, execution_mode="GRAPH", seed=1))
    for name in CASES:
        make_case(name, Path(__file__).parent / name)
        print(name)


if __name__ == "__main__":
    main()
