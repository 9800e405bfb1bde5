# SPDX-License-Identifier: Apache-2.0
"""ResNet-18 and ResNet-34 for ImageNet, as in the authors' code (deep_stem=False, avg_down=True)."""

from mindspore import nn

from adabin.layers import MaxPool3x3
from adabin.models.blocks import BATCH_NORM, ResidualBlock, ResNet, Style, he_normal_fan_out, torch_default


class ImageNetBlock(ResidualBlock):
    """Residual block; the shortcut between stages averages before it convolves. Arguments: `ResidualBlock`'s."""

    shortcut_name = "downsample"

    @staticmethod
    def between_stages(in_channels, channels, stride, style):
        """Mean over 2x2 pixels -> full-precision convolution 1x1 -> BatchNorm."""
        return nn.SequentialCell(
            # "same": a window over the border takes the mean of what lies inside (ceil mode, padding not counted).
            nn.AvgPool2d(kernel_size=stride, stride=stride, pad_mode="same"),
            style.float_conv(in_channels, channels, 1),
            nn.BatchNorm2d(channels, **BATCH_NORM),
        )

    def skip(self, x):
        """The input in the shape of the first convolution's output."""
        return self.downsample(x)


class ImageNetResNet(ResNet):
    """conv 7x7, stride 2 -> BatchNorm -> nonlinearity -> max pooling -> four stages -> mean -> BatchNorm -> linear.

    Args:
        num_blocks, num_classes, style, widths: see `ResNet`.
    """

    full_precision = {
        "conv1": "first layer: sees the picture",
        "layer?.0.downsample.1": "1x1 between stages: carries the float shortcut",
        "fc": "last layer: the class scores",
    }
    # Of layers that the authors' code makes and never calls: they lie in its checkpoints and have no place here.
    unused_by_authors = (
        "nonlinear2.pos_scale",
        "nonlinear2.neg_scale",
        "bn3.gamma",
        "bn3.beta",
        "bn3.moving_mean",
        "bn3.moving_variance",
    )

    def __init__(self, num_blocks, num_classes, style, widths=(64, 128, 256, 512)):
        conv1 = style.first_conv(3, widths[0], 7, 2)
        super().__init__(conv1, ImageNetBlock, widths, num_blocks, num_classes, style, "fc", MaxPool3x3())

    def classify(self, features):
        """Logits."""
        return self.fc(features)


def _style(settings, nonlinearity):
    return Style(settings, nonlinearity, he_normal_fan_out, torch_default)


def resnet18(num_classes, settings, nonlinearity="maxout", image_size=224):
    """AdaBin ResNet-18: 16 binary convolutions, 10,985,472 of 11,698,376 parameters binary (1000 classes)."""
    return ImageNetResNet((2, 2, 2, 2), num_classes, _style(settings, nonlinearity))


def resnet34(num_classes, settings, nonlinearity="maxout", image_size=224):
    """AdaBin ResNet-34: 32 binary convolutions, 21,086,208 of 21,813,992 parameters binary (1000 classes)."""
    return ImageNetResNet((3, 4, 6, 3), num_classes, _style(settings, nonlinearity))
