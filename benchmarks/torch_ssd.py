# SPDX-License-Identifier: Apache-2.0
"""AdaBin's SSD on VGG16 with shortcuts in PyTorch, with the detector's loss: a peer of train_step.py."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch_layers import BinaryConv, Maxout

NETWORKS = ("ssd_vgg16",)
BOXES = (4, 6, 6, 6, 4, 4)
EXTRAS = ((256, 512), (128, 256), (128, 256), (128, 256))
OBJECTS = 20  # priors of a picture that have one, as many as 3 to 4 objects get


class NormAct(nn.Sequential):
    """BatchNorm and Maxout."""

    def __init__(self, channels):
        super().__init__(nn.BatchNorm2d(channels), Maxout(channels))


class Block(nn.Module):
    """Binary convolution 3x3 with BatchNorm, shortcut and Maxout."""

    def __init__(self, before, channels, stride):
        super().__init__()
        self.conv, self.bn, self.act = BinaryConv(before, channels, stride), nn.BatchNorm2d(channels), Maxout(channels)
        self.shortcut = nn.Identity()
        if stride != 1 or before != channels:
            pool = nn.AvgPool2d(stride, stride, ceil_mode=True) if stride != 1 else nn.Identity()
            conv = nn.Conv2d(before, channels, 1, bias=False)
            self.shortcut = nn.Sequential(pool, conv, nn.BatchNorm2d(channels))

    def forward(self, x):
        """Forward."""
        return self.act(self.bn(self.conv(x)) + self.shortcut(x))


class L2Norm(nn.Module):
    """Pixels divided by their norm over the channels, times a scale per channel."""

    def __init__(self, channels, scale):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), scale))

    def forward(self, x):
        """Forward."""
        return F.normalize(x, dim=1) * self.scale


class Ssd(nn.Module):
    """Backbone, extras and heads for pictures of 300 pixels."""

    def __init__(self, classes, width):
        super().__init__()

        def scaled(channels):
            return max(8, int(channels * width / 8 + 0.5) * 8)

        before = scaled(64)
        self.first = nn.Sequential(nn.Conv2d(3, before, 3, padding=1, bias=False), NormAct(before))
        stages = []
        for stage, (channels, blocks) in enumerate(zip((64, 128, 256, 512, 512), (1, 3, 4, 4, 4), strict=True)):
            layers = []
            for block in range(blocks):
                layers.append(Block(before, scaled(channels), 2 if stage and not block else 1))
                before = scaled(channels)
            stages.append(nn.Sequential(*layers))
        self.low, self.stage5 = nn.Sequential(*stages[:4]), stages[4]
        last = scaled(1024)
        self.top = nn.Sequential(
            nn.MaxPool2d(3, 1, 1), BinaryConv(before, last, 1, 3, 6, 6), NormAct(last),
            nn.Conv2d(last, last, 1, bias=False), NormAct(last),
        )  # fmt: skip
        self.norm = L2Norm(before, 20 * math.sqrt(before / 512))
        channels, extras = [before, last], []
        for number, pair in enumerate(EXTRAS):
            middle, after = map(scaled, pair)
            stride, padding = (2, 1) if number < 2 else (1, 0)
            second = BinaryConv(middle, after, stride, 3, padding)
            first = BinaryConv(channels[-1], middle, 1, 1, 0)
            extras.append(nn.Sequential(first, NormAct(middle), second, NormAct(after)))
            channels.append(after)
        self.extras = nn.ModuleList(extras)
        pairs = list(zip(channels, BOXES, strict=True))
        self.locations = nn.ModuleList([nn.Conv2d(c, 4 * n, 3, padding=1) for c, n in pairs])
        self.scores = nn.ModuleList([nn.Conv2d(c, (1 + classes) * n, 3, padding=1) for c, n in pairs])

    def forward(self, x):
        """Forward."""
        fourth = self.low(self.first(x))
        x = self.top(self.stage5(fourth))
        maps = [self.norm(fourth), x]
        for extra in self.extras:
            maps.append(extra(maps[-1]))

        def joined(heads):
            parts = [head(x).permute(0, 2, 3, 1).flatten(1) for head, x in zip(heads, maps, strict=True)]
            return torch.cat(parts, 1)

        n = x.shape[0]
        locations = joined(self.locations).view(n, -1, 4)
        return locations, joined(self.scores).view(n, locations.shape[1], -1)


def loss(outputs, targets):
    """Smooth L1, and cross entropy of the positives and three times as many hardest negatives."""
    (locations, scores), (labels, offsets) = outputs, targets
    positive = labels > 0
    entropy = F.cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)
    hardness = entropy.detach().masked_fill(positive, -1)
    rank = hardness.argsort(1, descending=True).argsort(1)
    chosen = positive | (rank < 3 * positive.sum(1, keepdim=True))
    away = F.smooth_l1_loss(locations[positive], offsets[positive], reduction="sum")
    return (away + entropy[chosen].sum()) / positive.sum().clamp(min=1)


def build(name, flags):
    """(network, loss of outputs and targets, targets) of the detector."""
    network = Ssd(flags.classes, flags.width)
    with torch.no_grad():
        priors = network.eval()(torch.zeros(1, 3, flags.image_size, flags.image_size))[0].shape[1]
    labels = torch.zeros(flags.batch_size, priors, dtype=torch.long)
    for row in labels:
        row[torch.randperm(priors)[:OBJECTS]] = torch.randint(1, 1 + flags.classes, (OBJECTS,))
    return network.train(), loss, (labels, torch.randn(flags.batch_size, priors, 4))
