# SPDX-License-Identifier: Apache-2.0
"""SSD, the single-shot detector (arXiv 1512.02325), on the binary VGG16: binary extras, full-precision heads."""

import math

from mindspore import nn, ops

from adabin.detection.priors import BOXES_PER_CELL, ssd_maps
from adabin.layers import L2Norm
from adabin.models.vgg16 import CHANNELS, backbone_of, full_precision_of, scaled
from adabin.utils.phase import KeepsPhase

# (1x1, 3x3) channels of the extras; the first two pairs halve the map, the others take off its border.
EXTRAS = ((256, 512), (128, 256), (128, 256), (128, 256))


class Extra(nn.Cell):
    """Two binary convolutions, 1x1 and 3x3, each -> BatchNorm -> nonlinearity; no shortcut.

    Args:
        in_channels, middle, channels (int): of the input, and of the two convolutions.
        halves (bool): the second one has stride 2 and padding 1; otherwise stride 1 and no padding.
        style (Style): of all layers.
    """

    def __init__(self, in_channels, middle, channels, halves, style):
        super().__init__()
        self.conv1 = style.binary_conv(in_channels, middle, kernel_size=1, padding=0)
        self.join1 = style.norm_act(middle, 1)
        self.conv2 = style.binary_conv(middle, channels, 2 if halves else 1, padding=1 if halves else 0)
        self.join2 = style.norm_act(channels, 2)

    def construct(self, x):
        return self.join2(self.conv2(self.join1(self.conv1(x))))


class SsdVgg16(KeepsPhase):
    """Backbone -> extras; on every map two heads, convolutions 3x3 with bias: offsets and class scores of its boxes.

    Args:
        num_classes (int): classes of objects, without the background.
        settings, nonlinearity: see `Style`.
        image_size (int): H = W of the input, at least 64: `ssd_maps` tells the maps.
        width, shortcuts: see `Vgg16Backbone`; the width multiplies the extras' channels too.

    Inputs: float32 (N, 3, H, W).
    Outputs: (locations (N, P, 4), scores (N, P, 1 + num_classes)): P boxes in the order of `ssd_priors`; offsets from
    these, and logits of the background and of every class.
    """

    def __init__(self, num_classes, settings, nonlinearity, image_size, width, shortcuts):
        super().__init__()
        maps = len(ssd_maps(image_size))
        self.full_precision = full_precision_of(shortcuts) | {
            "locations.?": "head: where the boxes are",
            "scores.?": "head: what they show",
        }
        self.num_scores = 1 + num_classes
        style, self.backbone = backbone_of(settings, nonlinearity, width, shortcuts)
        channels = list(self.backbone.channels)
        # 20 for 512 channels, as in SSD; the same size of a single value in narrower networks.
        self.norm = L2Norm(channels[0], 20 * math.sqrt(channels[0] / CHANNELS[3]))
        extras = []
        for number, pair in enumerate(EXTRAS[: maps - 2]):
            middle, after = (scaled(count, width) for count in pair)
            extras.append(Extra(channels[-1], middle, after, number < 2, style))
            channels.append(after)
        self.extras = nn.CellList(extras)
        boxes = BOXES_PER_CELL[:maps]
        self.locations = nn.CellList(
            [style.float_conv(c, 4 * n, 3, bias=True) for c, n in zip(channels, boxes, strict=True)]
        )
        self.scores = nn.CellList(
            [style.float_conv(c, self.num_scores * n, 3, bias=True) for c, n in zip(channels, boxes, strict=True)]
        )

    def construct(self, x):
        fourth, x = self.backbone(x)
        maps = (self.norm(fourth), x)
        for extra in self.extras:
            x = extra(x)
            maps += (x,)
        locations, scores = (), ()
        for number, head in enumerate(self.locations):
            locations += (by_box(head(maps[number]), 4),)
        for number, head in enumerate(self.scores):
            scores += (by_box(head(maps[number]), self.num_scores),)
        return ops.concat(locations, 1), ops.concat(scores, 1)


def by_box(x, length):
    """(N, boxes * length, H, W) -> (N, H * W * boxes, length)."""
    return ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (x.shape[0], -1, length))


def ssd_vgg16(num_classes, settings, nonlinearity="maxout", image_size=300, width=1.0):
    """AdaBin SSD with a shortcut around every binary convolution of the backbone."""
    return SsdVgg16(num_classes, settings, nonlinearity, image_size, width, True)


def ssd_vgg16_plain(num_classes, settings, nonlinearity="maxout", image_size=300, width=1.0):
    """AdaBin SSD on VGG16 as it is, with max poolings and no shortcuts."""
    return SsdVgg16(num_classes, settings, nonlinearity, image_size, width, False)
