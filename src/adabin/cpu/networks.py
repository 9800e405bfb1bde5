# SPDX-License-Identifier: Apache-2.0
"""The networks with BatchNorm, shortcut and nonlinearity as one operator; a network becomes one of these in place.

A network that is not known here keeps its own `construct`, and its layers are replaced one by one.
"""

from adabin.cpu.convolution import CpuAdaBinConv2d, ForkedConv
from adabin.cpu.norm_act import NormAct
from adabin.cpu.spatial_mean import SpatialMean
from adabin.layers import AdaBinConv2d


def _insert(network, name, cell):
    """Make a cell a child without giving its parameters new names, as assigning it would."""
    network._cells[name] = cell


class FusedBlock:
    """`construct` of a `ResidualBlock`."""

    def take_over(self):
        _insert(self, "join1", NormAct(self.bn1, self.nonlinear1, shortcut=True))
        _insert(self, "join2", NormAct(self.bn2, self.nonlinear2, shortcut=True))
        pair = self.conv1, self.conv2
        self.forks = all(type(conv) is AdaBinConv2d and CpuAdaBinConv2d.serves(conv) for conv in pair)
        if self.forks:
            _insert(self, "fork1", ForkedConv(self.conv1))
            _insert(self, "fork2", ForkedConv(self.conv2))

    def construct(self, x):
        if self.forks:
            y, x = self.fork1(x)
            y, x = self.fork2(self.join1(y, self.skip(x)))
            return self.join2(y, x)
        x = self.join1(self.conv1(x), self.skip(x))
        return self.join2(self.conv2(x), x)


class FusedResNet:
    """`construct` of a `ResNet`."""

    def take_over(self):
        _insert(self, "join1", NormAct(self.bn1, self.nonlinear1))
        _insert(self, "spatial_mean", SpatialMean())

    def construct(self, x):
        x = self.maxpool(self.join1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.classify(self.bn2(self.spatial_mean(x)))


class FusedVgg:
    """`construct` of a `VggSmall`."""

    def take_over(self):
        for number in range(6):
            norm, act = getattr(self, f"bn{number}"), getattr(self, f"nonlinear{number}")
            _insert(self, f"join{number}", NormAct(norm, act))

    def construct(self, x):
        x = self.join0(self.conv0(x))
        x = self.join1(self.pooling(self.conv1(x)))
        x = self.join2(self.conv2(x))
        x = self.join3(self.pooling(self.conv3(x)))
        x = self.join4(self.conv4(x))
        x = self.join5(self.pooling(self.conv5(x)))
        return self.fc(self.flatten(x))
