# SPDX-License-Identifier: Apache-2.0
"""What the residual networks share: the block with a shortcut around every convolution, and the frame around it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from mindspore import nn
from mindspore.common.initializer import HeNormal, HeUniform, Initializer, Uniform

from adabin.binarize import Binarization
from adabin.layers import AdaBinConv2d, NormAct, SpatialMean, build_nonlinearity
from adabin.utils.phase import KeepsPhase

# nn.BatchNorm2d's momentum weighs the old value: 0.9 here is PyTorch's 0.1.
BATCH_NORM = {"eps": 1e-5, "momentum": 0.9}


def he_normal():
    """Kaiming normal, fan in, as the authors' ResNet-20 and VGG-small use it for convolutions and linear layers."""
    return HeNormal(mode="fan_in", nonlinearity="relu")


def he_normal_fan_out():
    """N(0, 2 / (k_h k_w C_out)), as the authors' ImageNet networks use it for convolutions."""
    return HeNormal(mode="fan_out", nonlinearity="relu")


def torch_default():
    """U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)): what PyTorch gives a layer that no one initializes."""
    return HeUniform(negative_slope=math.sqrt(5))


@dataclass(frozen=True)
class Style:
    """What all layers of a network have in common.

    Attributes:
        settings: of the binary convolutions.
        nonlinearity: see `build_nonlinearity`.
        conv_init: makes the initializer of a convolution, binary or not.
        dense_init: makes the initializer of a linear layer's weights.
    """

    settings: Binarization
    nonlinearity: str = "maxout"
    conv_init: Callable[[], Initializer] = he_normal
    dense_init: Callable[[], Initializer] = torch_default

    def binary_conv(self, in_channels, channels, stride=1, kernel_size=3, padding=1, dilation=1):
        """Binary convolution; as it is, 3x3, it keeps the map's size at stride 1."""
        return AdaBinConv2d(
            in_channels,
            channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            settings=self.settings,
            weight_init=self.conv_init(),
        )

    def float_conv(self, in_channels, channels, kernel_size, stride=1, bias=False):
        """Full-precision convolution, padded by half its size; a bias starts at 0."""
        return nn.Conv2d(
            in_channels,
            channels,
            kernel_size,
            stride=stride,
            pad_mode="pad",
            padding=kernel_size // 2,
            has_bias=bias,
            weight_init=self.conv_init(),
            bias_init="zeros" if bias else None,
        )

    def first_conv(self, in_channels, channels, kernel_size, stride=1):
        """Full-precision convolution of the picture, whose gradient no one needs: a CPU form leaves it out."""
        conv = self.float_conv(in_channels, channels, kernel_size, stride)
        conv.sees_picture = True
        return conv

    def dense(self, in_channels, channels):
        """Full-precision linear layer; its bias starts in U(-1 / sqrt(C_in), 1 / sqrt(C_in))."""
        bias = Uniform(1 / math.sqrt(in_channels))
        return nn.Dense(in_channels, channels, weight_init=self.dense_init(), bias_init=bias)

    def act(self, channels):
        """The network's nonlinearity."""
        return build_nonlinearity(self.nonlinearity, channels)

    def norm_act(self, channels, number=""):
        """BatchNorm (+ shortcut) and the nonlinearity; their names are those of the authors' code."""
        norm = nn.BatchNorm2d(channels, **BATCH_NORM)
        return NormAct(norm, self.act(channels), names=(f"bn{number}", f"nonlinear{number}"))


class ResidualBlock(nn.Cell):
    """Two binary convolutions, each conv -> BatchNorm -> + its shortcut -> nonlinearity.

    Args:
        in_channels, channels (int): of the input and of both convolutions.
        stride (int): of the first convolution.
        style (Style): of all layers.

    A subclass says what lies around the first convolution where that changes the map's shape (`between_stages`), and
    under which name, that of the authors' code (`shortcut_name`, `skip`).
    """

    shortcut_name = "shortcut"

    def __init__(self, in_channels, channels, stride, style):
        super().__init__()
        self.conv1 = style.binary_conv(in_channels, channels, stride)
        self.join1 = style.norm_act(channels, 1)
        self.conv2 = style.binary_conv(channels, channels)
        self.join2 = style.norm_act(channels, 2)
        changes_shape = stride != 1 or in_channels != channels
        shortcut = self.between_stages(in_channels, channels, stride, style) if changes_shape else nn.Identity()
        setattr(self, self.shortcut_name, shortcut)

    @staticmethod
    def between_stages(in_channels, channels, stride, style):
        """Shortcut around a convolution that changes the map's shape."""
        raise NotImplementedError

    def skip(self, x):
        """The input in the shape of the first convolution's output."""
        return self.shortcut(x)

    def construct(self, x):
        y, x = self.conv1(x, True)
        y, x = self.conv2(self.join1(y, self.skip(x)), True)
        return self.join2(y, x)


class ResNet(KeepsPhase):
    """conv -> BatchNorm -> nonlinearity -> (pooling) -> stages -> mean over space -> BatchNorm -> linear.

    Args:
        conv1 (Cell): first convolution.
        block: class of the blocks, a `ResidualBlock`.
        widths, num_blocks (sequence of int): channels and blocks of each of the 3 or 4 stages; each but the first
            begins with stride 2.
        num_classes (int): outputs.
        style (Style): of all layers.
        head (str): name of the linear layer.
        pool (Cell): between the first layers and the stages, or None.

    Inputs: float32 (N, 3, H, W). Output: logits (N, num_classes).

    `full_precision`, set by subclasses, names the layers that compute in float32 although the network is binary:
    pattern of their names to the reason. The summary prints it, and tests hold the network to it.
    """

    full_precision: dict = {}

    def __init__(self, conv1, block, widths, num_blocks, num_classes, style, head, pool=None):
        super().__init__()
        self.conv1 = conv1
        self.join1 = style.norm_act(widths[0], 1)
        self.maxpool = pool or nn.Identity()
        before = widths[0]
        for stage, (channels, blocks) in enumerate(zip(widths, num_blocks, strict=True), 1):
            first = block(before, channels, 1 if stage == 1 else 2, style)
            rest = [block(channels, channels, 1, style) for _ in range(blocks - 1)]
            setattr(self, f"layer{stage}", nn.SequentialCell([first, *rest]))
            before = channels
        if len(widths) == 3:
            self.layer4 = nn.Identity()
        self.mean = SpatialMean()
        self.bn2 = nn.BatchNorm1d(before, **BATCH_NORM)
        setattr(self, head, style.dense(before, num_classes))

    def classify(self, features):
        """Logits of the features, by the linear layer under its name in the authors' code."""
        raise NotImplementedError

    def construct(self, x):
        x = self.maxpool(self.join1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.classify(self.bn2(self.mean(x)))
