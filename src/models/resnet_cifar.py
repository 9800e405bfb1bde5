# SPDX-License-Identifier: Apache-2.0
"""ResNets for small pictures, as in the authors' code: a shortcut around every convolution, Maxout after it.

Full precision stay: conv1, every BatchNorm and Maxout, linear. The shortcuts between stages have no parameters.
"""

import math

from mindspore import nn, ops
from mindspore.common.initializer import HeNormal, Uniform

from src.layers import AdaBinConv2d, build_nonlinearity

# nn.BatchNorm2d's momentum weighs the old value: 0.9 here is PyTorch's 0.1.
BATCH_NORM = {"eps": 1e-5, "momentum": 0.9}


class SubsampleAndPad(nn.Cell):
    """Shortcut without parameters (option A): every stride-th pixel, and zero channels added on both sides.

    Args:
        stride (int): of the block's first convolution.
        extra_channels (int): channels that are added, half of them in front.

    Inputs: x (N, C, H, W). Output: (N, C + extra_channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, stride, extra_channels):
        super().__init__()
        # A pooling of size 1 takes single pixels; slicing has no backward pass on CPU in PYNATIVE mode.
        self.subsample = nn.AvgPool2d(kernel_size=1, stride=stride)
        front = extra_channels // 2
        self.pad = ops.Pad(((0, 0), (front, extra_channels - front), (0, 0), (0, 0)))

    def construct(self, x):
        return self.pad(self.subsample(x))


class BasicBlock(nn.Cell):
    """Two binary convolutions, each conv -> BatchNorm -> + its shortcut -> nonlinearity.

    Args:
        in_channels, channels (int): of the input and of both convolutions.
        stride (int): of the first convolution; 2 also halves the shortcut.
        settings (Binarization): of both convolutions.
        nonlinearity (str): see `build_nonlinearity`.
    """

    def __init__(self, in_channels, channels, stride, settings, nonlinearity):
        super().__init__()
        self.conv1 = AdaBinConv2d(in_channels, channels, 3, stride=stride, padding=1, settings=settings)
        self.bn1 = nn.BatchNorm2d(channels, **BATCH_NORM)
        self.nonlinear1 = build_nonlinearity(nonlinearity, channels)
        self.conv2 = AdaBinConv2d(channels, channels, 3, padding=1, settings=settings)
        self.bn2 = nn.BatchNorm2d(channels, **BATCH_NORM)
        self.nonlinear2 = build_nonlinearity(nonlinearity, channels)
        changes_shape = stride != 1 or in_channels != channels
        self.shortcut = SubsampleAndPad(stride, channels - in_channels) if changes_shape else nn.Identity()

    def construct(self, x):
        x = self.nonlinear1(self.bn1(self.conv1(x)) + self.shortcut(x))
        return self.nonlinear2(self.bn2(self.conv2(x)) + x)


class CifarResNet(nn.Cell):
    """conv 3x3 (16) -> three stages (16, 32, 64 channels) -> mean over space -> BatchNorm -> linear.

    Args:
        num_blocks (sequence of 3 int): blocks of each stage.
        num_classes (int): outputs.
        settings (Binarization): of the binary layers.
        nonlinearity (str): see `build_nonlinearity`.

    Inputs: float32 (N, 3, H, W), H and W at least 4. Output: logits (N, num_classes).
    """

    def __init__(self, num_blocks, num_classes, settings, nonlinearity="maxout"):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, pad_mode="pad", padding=1, weight_init=HeNormal(nonlinearity="relu"))
        self.bn1 = nn.BatchNorm2d(16, **BATCH_NORM)
        self.nonlinear1 = build_nonlinearity(nonlinearity, 16)
        self.layer1 = self._stage(16, 16, num_blocks[0], 1, settings, nonlinearity)
        self.layer2 = self._stage(16, 32, num_blocks[1], 2, settings, nonlinearity)
        self.layer3 = self._stage(32, 64, num_blocks[2], 2, settings, nonlinearity)
        self.pool = ops.ReduceMean()
        self.bn2 = nn.BatchNorm1d(64, **BATCH_NORM)
        self.linear = nn.Dense(
            64, num_classes, weight_init=HeNormal(nonlinearity="relu"), bias_init=Uniform(1 / math.sqrt(64))
        )

    @staticmethod
    def _stage(in_channels, channels, blocks, stride, settings, nonlinearity):
        cells = [BasicBlock(in_channels, channels, stride, settings, nonlinearity)]
        cells += [BasicBlock(channels, channels, 1, settings, nonlinearity) for _ in range(blocks - 1)]
        return nn.SequentialCell(cells)

    def construct(self, x):
        x = self.nonlinear1(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(self.bn2(self.pool(x, (2, 3))))


def resnet20(num_classes, settings, nonlinearity="maxout"):
    """AdaBin ResNet-20: 18 binary convolutions, 267,264 of 271,262 parameters binary (10 classes)."""
    return CifarResNet((3, 3, 3), num_classes, settings, nonlinearity)


def resnet8(num_classes, settings, nonlinearity="maxout"):
    """One block per stage, 6 binary convolutions: for smoke tests and first tries."""
    return CifarResNet((1, 1, 1), num_classes, settings, nonlinearity)
