# SPDX-License-Identifier: Apache-2.0
"""ResNets for small pictures, as in the authors' code: a shortcut around every convolution, Maxout after it."""

from mindspore import nn

from adabin.layers import SubsampleAndPad
from adabin.models.blocks import BATCH_NORM, ResidualBlock, ResNet, Style, he_normal, torch_default


class BasicBlock(ResidualBlock):
    """Residual block of ResNet-20; the shortcut between stages has no parameters. Arguments: `ResidualBlock`'s."""

    @staticmethod
    def between_stages(in_channels, channels, stride, style):
        """Every stride-th pixel, zero channels added."""
        return SubsampleAndPad(stride, channels - in_channels)


class ProjectionBlock(ResidualBlock):
    """Residual block of ResNet-18; the shortcut between stages is a convolution. Arguments: `ResidualBlock`'s."""

    @staticmethod
    def between_stages(in_channels, channels, stride, style):
        """Full-precision convolution 1x1 -> BatchNorm."""
        conv = style.float_conv(in_channels, channels, 1, stride)
        return nn.SequentialCell(conv, nn.BatchNorm2d(channels, **BATCH_NORM))


class CifarResNet(ResNet):
    """conv 3x3 -> stages -> mean over space -> BatchNorm -> linear; H and W at least 4.

    Args:
        block, widths, num_blocks, num_classes, style: see `ResNet`.
    """

    full_precision = {
        "conv1": "first layer: sees the picture",
        "layer?.0.shortcut.0": "1x1 between stages: carries the float shortcut",
        "linear": "last layer: the class scores",
    }

    def __init__(self, block, widths, num_blocks, num_classes, style):
        conv1 = style.first_conv(3, widths[0], 3)
        super().__init__(conv1, block, widths, num_blocks, num_classes, style, "linear")

    def classify(self, features):
        """Logits."""
        return self.linear(features)


def _small(num_blocks, num_classes, settings, nonlinearity):
    style = Style(settings, nonlinearity, he_normal, he_normal)
    return CifarResNet(BasicBlock, (16, 32, 64), num_blocks, num_classes, style)


def resnet20(num_classes, settings, nonlinearity="maxout", image_size=32):
    """AdaBin ResNet-20: 18 binary convolutions, 267,264 of 271,262 parameters binary (10 classes)."""
    return _small((3, 3, 3), num_classes, settings, nonlinearity)


def resnet8(num_classes, settings, nonlinearity="maxout", image_size=32):
    """One block per stage, 6 binary convolutions: for smoke tests and first tries."""
    return _small((1, 1, 1), num_classes, settings, nonlinearity)


def resnet18_cifar(num_classes, settings, nonlinearity="maxout", image_size=32):
    """AdaBin ResNet-18 for CIFAR: 16 binary convolutions, 10,985,472 of 11,182,826 parameters binary (10 classes)."""
    style = Style(settings, nonlinearity, torch_default, torch_default)
    return CifarResNet(ProjectionBlock, (64, 128, 256, 512), (2, 2, 2, 2), num_classes, style)
