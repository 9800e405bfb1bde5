# SPDX-License-Identifier: Apache-2.0
"""VGG-small for small pictures, as in the authors' first release: six convolutions, pooling before BatchNorm."""

from mindspore import nn, ops

from adabin.models.blocks import Style, he_normal
from adabin.utils.phase import KeepsPhase

WIDTHS = (128, 128, 256, 256, 512, 512)  # output channels of conv0 to conv5


class VggSmall(KeepsPhase):
    """conv 3x3 (128) -> five binary convolutions 3x3 (128 to 512), pooled after the 1st, 3rd and 5th -> linear.

    Args:
        num_classes (int): outputs.
        style (Style): of all layers.
        image_size (int): H = W of the input, at least 8; the linear layer sees every pixel of the last map.
        widths (sequence of 6 int): output channels of the convolutions.

    Inputs: float32 (N, 3, H, W). Output: logits (N, num_classes).
    """

    full_precision = {"conv0": "first layer: sees the picture", "fc": "last layer: the class scores"}

    def __init__(self, num_classes, style, image_size=32, widths=WIDTHS):
        super().__init__()
        if image_size < 8:
            raise ValueError(f"image_size: {image_size} is too small for vgg_small; give 8 or more")
        self.pooling = nn.MaxPool2d(kernel_size=2, stride=2)
        before = 3
        for number, channels in enumerate(widths):
            conv = style.binary_conv(before, channels) if number else style.first_conv(before, channels, 3)
            setattr(self, f"conv{number}", conv)
            setattr(self, f"join{number}", style.norm_act(channels, number))
            before = channels
        self.flatten = ops.Flatten()
        self.fc = style.dense(before * (image_size // 8) ** 2, num_classes)

    def construct(self, x):
        x = self.join0(self.conv0(x))
        x = self.join1(self.pooling(self.conv1(x)))
        x = self.join2(self.conv2(x))
        x = self.join3(self.pooling(self.conv3(x)))
        x = self.join4(self.conv4(x))
        x = self.join5(self.pooling(self.conv5(x)))
        return self.fc(self.flatten(x))


def vgg_small(num_classes, settings, nonlinearity="maxout", image_size=32):
    """AdaBin VGG-small: 5 binary convolutions, 4,571,136 of 4,663,700 parameters binary (10 classes, 32x32)."""
    return VggSmall(num_classes, Style(settings, nonlinearity, he_normal, he_normal), image_size)
