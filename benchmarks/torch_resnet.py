# SPDX-License-Identifier: Apache-2.0
"""AdaBin's ResNets for CIFAR in PyTorch, with the loss of classification: a peer of train_step.py."""

import torch
import torch.nn.functional as F
from torch import nn
from torch_layers import BinaryConv, Maxout


class Subsample(nn.Module):
    """Shortcut without parameters: every second pixel, zero channels on both sides."""

    def __init__(self, extra):
        super().__init__()
        self.extra = extra

    def forward(self, x):
        """Forward."""
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra // 2, self.extra // 2))


class Block(nn.Module):
    """Two binary convolutions, each with BatchNorm, shortcut and Maxout."""

    def __init__(self, before, channels, stride, projection):
        super().__init__()
        self.conv1, self.bn1, self.act1 = (
            BinaryConv(before, channels, stride),
            nn.BatchNorm2d(channels),
            Maxout(channels),
        )
        self.conv2, self.bn2, self.act2 = BinaryConv(channels, channels, 1), nn.BatchNorm2d(channels), Maxout(channels)
        self.shortcut = nn.Identity()
        if stride != 1 and projection:
            conv = nn.Conv2d(before, channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(channels))
        elif stride != 1:
            self.shortcut = Subsample(channels - before)

    def forward(self, x):
        """Forward."""
        x = self.act1(self.bn1(self.conv1(x)) + self.shortcut(x))
        return self.act2(self.bn2(self.conv2(x)) + x)


class ResNet(nn.Module):
    """conv -> BatchNorm -> Maxout -> stages -> mean -> BatchNorm -> linear."""

    def __init__(self, widths, blocks, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(widths[0]), Maxout(widths[0])
        layers, before = [], widths[0]
        for stage, channels in enumerate(widths):
            for index in range(blocks):
                layers.append(Block(before, channels, 2 if stage and not index else 1, projection))
                before = channels
        self.layers = nn.Sequential(*layers)
        self.bn2, self.linear = nn.BatchNorm1d(before), nn.Linear(before, 10)

    def forward(self, x):
        """Forward."""
        x = self.layers(self.act1(self.bn1(self.conv1(x))))
        return self.linear(self.bn2(x.mean((2, 3))))


NETWORKS = {"resnet20": ((16, 32, 64), 3, False), "resnet18_cifar": ((64, 128, 256, 512), 2, True)}


def build(name, flags):
    """(network, loss of outputs and targets, targets) of one of `NETWORKS`."""
    return ResNet(*NETWORKS[name]), F.cross_entropy, torch.randint(0, 10, (flags.batch_size,))
