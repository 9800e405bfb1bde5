# SPDX-License-Identifier: Apache-2.0
"""Standard residual networks in float: the teachers of binary ones (He, Zhang, Ren, Sun, arXiv 1512.03385).

ReLU, and one shortcut around every two convolutions. Names and shapes of the ImageNet networks are those of
torchvision's `resnet18` and `resnet34`, whose checkpoints scripts/convert_torch_checkpoint.py reads.
"""

from mindspore import nn, ops

from adabin.binarize import Binarization
from adabin.layers import MaxPool3x3, SubsampleAndPad
from adabin.models.blocks import BATCH_NORM, Style, he_normal_fan_out, torch_default
from adabin.utils.phase import KeepsPhase


class StandardBlock(nn.Cell):
    """conv 3x3 -> BatchNorm -> ReLU -> conv 3x3 -> BatchNorm -> + shortcut -> ReLU.

    Args:
        in_channels, channels (int): of the input and of both convolutions.
        stride (int): of the first convolution.
        style (Style): of all layers.
        projects (bool): where the shape changes the shortcut is a convolution 1x1 and a BatchNorm; otherwise it takes
            every second pixel and adds zero channels.
    """

    def __init__(self, in_channels, channels, stride, style, projects):
        super().__init__()
        self.conv1 = style.float_conv(in_channels, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels, **BATCH_NORM)
        self.conv2 = style.float_conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels, **BATCH_NORM)
        self.relu = nn.ReLU()
        if stride == 1 and in_channels == channels:
            self.downsample = nn.Identity()
        elif projects:
            conv = style.float_conv(in_channels, channels, 1, stride)
            self.downsample = nn.SequentialCell(conv, nn.BatchNorm2d(channels, **BATCH_NORM))
        else:
            self.downsample = SubsampleAndPad(stride, channels - in_channels)

    def construct(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(out + self.downsample(x))


class StandardResNet(KeepsPhase):
    """First convolution -> BatchNorm -> ReLU -> (max pooling) -> stages -> mean over space -> linear.

    Args:
        widths, num_blocks (sequence of int): channels and blocks of each stage; each but the first has stride 2.
        num_classes (int): outputs.
        for_imagenet (bool): convolution 7x7 of stride 2 and max pooling first, and convolutions on the shortcuts
            between stages; otherwise a convolution 3x3, and shortcuts without parameters.

    Inputs: float32 (N, 3, H, W). Output: logits (N, num_classes).
    """

    full_precision = {
        "conv1": "first layer of a float network",
        "layer?.*.conv?": "a float network",
        "layer?.0.downsample.0": "shortcut of a float network",
        "fc": "last layer of a float network",
    }

    def __init__(self, widths, num_blocks, num_classes, for_imagenet):
        super().__init__()
        style = Style(Binarization(32, 32), "relu", he_normal_fan_out, torch_default)
        self.conv1 = style.first_conv(3, widths[0], 7, 2) if for_imagenet else style.first_conv(3, widths[0], 3)
        self.bn1 = nn.BatchNorm2d(widths[0], **BATCH_NORM)
        self.relu = nn.ReLU()
        self.maxpool = MaxPool3x3() if for_imagenet else nn.Identity()
        before = widths[0]
        for stage, (channels, blocks) in enumerate(zip(widths, num_blocks, strict=True), 1):
            first = StandardBlock(before, channels, 1 if stage == 1 else 2, style, for_imagenet)
            rest = [StandardBlock(channels, channels, 1, style, for_imagenet) for _ in range(blocks - 1)]
            setattr(self, f"layer{stage}", nn.SequentialCell([first, *rest]))
            before = channels
        if len(widths) == 3:
            self.layer4 = nn.Identity()
        self.mean = ops.ReduceMean()
        self.fc = style.dense(before, num_classes)

    def construct(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.mean(x, (2, 3)))


def _build(name, widths, num_blocks, num_classes, settings, nonlinearity, for_imagenet):
    if (settings.w_bits, settings.a_bits, nonlinearity) != (32, 32, "relu"):
        raise ValueError(
            f"network: {name} is a float network with ReLU; give w_bits: 32, a_bits: 32, nonlinearity: relu"
        )
    return StandardResNet(widths, num_blocks, num_classes, for_imagenet)


def standard_resnet18(num_classes, settings, nonlinearity="relu", image_size=224):
    """ResNet-18 as in torchvision: 11,689,512 parameters (1000 classes)."""
    widths = (64, 128, 256, 512)
    return _build("standard_resnet18", widths, (2, 2, 2, 2), num_classes, settings, nonlinearity, True)


def standard_resnet34(num_classes, settings, nonlinearity="relu", image_size=224):
    """ResNet-34 as in torchvision: 21,797,672 parameters (1000 classes)."""
    widths = (64, 128, 256, 512)
    return _build("standard_resnet34", widths, (3, 4, 6, 3), num_classes, settings, nonlinearity, True)


def standard_resnet20(num_classes, settings, nonlinearity="relu", image_size=32):
    """ResNet-20 for small pictures, shortcuts without parameters: 269,722 parameters (10 classes)."""
    return _build("standard_resnet20", (16, 32, 64), (3, 3, 3), num_classes, settings, nonlinearity, False)


def standard_resnet8(num_classes, settings, nonlinearity="relu", image_size=32):
    """One block per stage: for smoke tests."""
    return _build("standard_resnet8", (16, 32, 64), (1, 1, 1), num_classes, settings, nonlinearity, False)
