# SPDX-License-Identifier: Apache-2.0
"""VGG16 for binary networks, the backbone of SSD: with a shortcut around every binary convolution, and plain.

The first is the structure of BiDet's detector (arXiv 2003.03961, "SC"), the second VGG16 with its max poolings; both
end in SSD's conv6 and conv7 in the place of VGG16's linear layers. A nonlinearity stands behind every BatchNorm, after
the shortcut is added, as in AdaBin's ResNets; BiDet has none but behind conv6 and conv7 (ReLU).
"""

from mindspore import nn

from adabin.layers import MaxPool, MeanPool, SpatialMean
from adabin.models.blocks import BATCH_NORM, Style, he_normal, torch_default
from adabin.utils.phase import KeepsPhase

CHANNELS = (64, 128, 256, 512, 512)  # of the five stages
LAST_CHANNELS = 1024  # of conv6 and conv7
MULTIPLE = 8


def scaled(channels, width):
    """A number of channels times the width multiplier: the nearest multiple of 8, at least 8."""
    return max(MULTIPLE, int(channels * width / MULTIPLE + 0.5) * MULTIPLE)


class ShortcutBlock(nn.Cell):
    """Binary convolution 3x3 -> BatchNorm -> + shortcut -> nonlinearity.

    The shortcut is the input, or, where that changes size or channels, its mean over 2x2 pixels -> full-precision
    convolution 1x1 -> BatchNorm; a window over the border takes the mean of what lies inside.

    Args:
        in_channels, channels, stride (int): of the convolution.
        style (Style): of all layers.
    """

    def __init__(self, in_channels, channels, stride, style):
        super().__init__()
        self.conv = style.binary_conv(in_channels, channels, stride)
        self.join = style.norm_act(channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.SequentialCell(
                MeanPool(stride, stride),
                style.float_conv(in_channels, channels, 1),
                nn.BatchNorm2d(channels, **BATCH_NORM),
            )

    def construct(self, x):
        y, x = self.conv(x, True)
        return self.join(y, self.shortcut(x))


class PlainBlock(nn.Cell):
    """Binary convolution 3x3 -> (max pooling) -> BatchNorm -> nonlinearity, in the order of VGG-small.

    Args:
        in_channels, channels (int): of the convolution.
        pools (bool): the maximum over 2x2 pixels is taken, rounding the map's size up.
        style (Style): of all layers.
    """

    def __init__(self, in_channels, channels, pools, style):
        super().__init__()
        self.conv = style.binary_conv(in_channels, channels)
        self.pooling = MaxPool(2, 2) if pools else nn.Identity()
        self.join = style.norm_act(channels)

    def construct(self, x):
        return self.join(self.pooling(self.conv(x)))


class Vgg16Backbone(nn.Cell):
    """conv1 -> five stages -> max pooling 3x3 of stride 1 -> conv6 (binary, 3x3, dilation 6) -> conv7 (float, 1x1).

    Args:
        style (Style): of all layers.
        width (float): multiplies every number of channels.
        shortcuts (bool): `ShortcutBlock`s, where each stage but the first begins with an additional one that halves
            the map; otherwise `PlainBlock`s and max poolings between stages.

    Inputs: float32 (N, 3, H, W). Outputs: the maps of stage 4, H / 8, and of conv7, H / 16, both rounded up.
    """

    def __init__(self, style, width, shortcuts):
        super().__init__()
        channels = [scaled(count, width) for count in CHANNELS]
        self.channels = channels[3], scaled(LAST_CHANNELS, width)
        self.conv1 = style.first_conv(3, channels[0], 3)
        self.join1 = style.norm_act(channels[0], 1)
        self.pooling = nn.Identity()
        if shortcuts:
            self._shortcut_stages(channels, style)
        else:
            self._plain_stages(channels, style)
        self.pooling5 = MaxPool(3, 1)
        last = self.channels[1]
        self.conv6 = style.binary_conv(channels[4], last, padding=6, dilation=6)
        self.join6 = style.norm_act(last, 6)
        # No bias, which BatchNorm would take away again.
        self.conv7 = style.float_conv(last, last, 1)
        self.join7 = style.norm_act(last, 7)

    def _shortcut_stages(self, channels, style):
        before = channels[0]
        for stage, (count, blocks) in enumerate(zip(channels, (1, 3, 4, 4, 4), strict=True), 1):
            first = ShortcutBlock(before, count, 1 if stage == 1 else 2, style)
            rest = [ShortcutBlock(count, count, 1, style) for _ in range(blocks - 1)]
            setattr(self, f"stage{stage}", nn.SequentialCell([first, *rest]))
            before = count

    def _plain_stages(self, channels, style):
        before = channels[0]
        for stage, (count, blocks) in enumerate(zip(channels, (1, 2, 3, 3, 3), strict=True), 1):
            cells = []
            for block in range(blocks):
                pools = stage <= 3 and block == blocks - 1
                cells.append(PlainBlock(before, count, pools, style))
                before = count
            setattr(self, f"stage{stage}", nn.SequentialCell(cells))
        # Behind stage 4, whose map is looked at as it is before.
        self.pooling = MaxPool(2, 2)

    def construct(self, x):
        x = self.join1(self.conv1(x))
        fourth = self.stage4(self.stage3(self.stage2(self.stage1(x))))
        x = self.pooling5(self.stage5(self.pooling(fourth)))
        x = self.join6(self.conv6(x))
        return fourth, self.join7(self.conv7(x))


def full_precision_of(shortcuts):
    """Pattern to reason of the backbone's float layers, see `ResNet`."""
    reasons = {
        "backbone.conv1": "first layer: sees the picture",
        "backbone.conv7": "1x1 on most channels: binary, it costs the most accuracy (BiDet, issue 21)",
    }
    if shortcuts:
        reasons["backbone.stage?.0.shortcut.1"] = "1x1 between stages: carries the float shortcut"
    return reasons


def backbone_of(settings, nonlinearity, width, shortcuts):
    """(style, backbone) of a network.

    Raises:
        ValueError: the width is not positive.
    """
    if not width > 0:
        raise ValueError(f"width: {width} is not above 0")
    style = Style(settings, nonlinearity, he_normal, torch_default)
    return style, Vgg16Backbone(style, width, shortcuts)


class Vgg16(KeepsPhase):
    """Backbone -> mean over space -> linear: the network that trains a detector's backbone on pictures of one class.

    Args:
        num_classes (int): outputs.
        settings, nonlinearity: see `Style`.
        width, shortcuts: see `Vgg16Backbone`.

    Inputs: float32 (N, 3, H, W), of any size. Output: logits (N, num_classes).
    """

    def __init__(self, num_classes, settings, nonlinearity, width, shortcuts):
        super().__init__()
        self.full_precision = full_precision_of(shortcuts) | {"fc": "last layer: the class scores"}
        style, self.backbone = backbone_of(settings, nonlinearity, width, shortcuts)
        self.mean = SpatialMean()
        self.fc = style.dense(self.backbone.channels[1], num_classes)

    def construct(self, x):
        _, x = self.backbone(x)
        return self.fc(self.mean(x))


def vgg16(num_classes, settings, nonlinearity="maxout", image_size=224, width=1.0):
    """Backbone of `ssd_vgg16` as a classifier: 17 binary convolutions."""
    return Vgg16(num_classes, settings, nonlinearity, width, True)


def vgg16_plain(num_classes, settings, nonlinearity="maxout", image_size=224, width=1.0):
    """Backbone of `ssd_vgg16_plain` as a classifier: 13 binary convolutions."""
    return Vgg16(num_classes, settings, nonlinearity, width, False)
