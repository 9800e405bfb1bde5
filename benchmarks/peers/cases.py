# SPDX-License-Identifier: Apache-2.0
"""What is measured: whole networks, chains of equal layers whose difference is the time of one layer, the peak."""

from dataclasses import dataclass

SHORT, LONG = 4, 12  # layers of the two chains; (long - short) / 8 is free of input, output and call


@dataclass(frozen=True)
class Case:
    """One network in one batch size.

    Attributes:
        name: of the case, and of its files.
        network: key of `adabin.models.MODELS`, or "chain".
        size: height and width of the input.
        channels: of the input.
        batch: images per call.
        classes: outputs of a network.
        layers: of a chain.
    """

    name: str
    network: str
    size: int
    channels: int = 3
    batch: int = 1
    classes: int = 10
    layers: int = 0

    @property
    def shape(self):
        """(N, C, H, W) of the input."""
        return self.batch, self.channels, self.size, self.size


NETWORKS = (
    Case("resnet18_imagenet", "resnet18", 224, classes=1000),
    Case("resnet18_cifar", "resnet18_cifar", 32),
    Case("resnet20", "resnet20", 32),
    Case("resnet20_b100", "resnet20", 32, batch=100),
    Case("ssd300", "ssd_vgg16", 300, classes=20),
)
TITLES = {
    "resnet18_imagenet": "ResNet-18, 224x224, batch 1",
    "resnet18_cifar": "ResNet-18 for CIFAR, 32x32, batch 1",
    "resnet20": "ResNet-20, 32x32, batch 1",
    "resnet20_b100": "ResNet-20, 32x32, batch 100",
    "ssd300": "SSD300 on VGG16, 300x300, 20 classes, batch 1",
}
LAYERS = {f"{channels}@{size}": (channels, size) for channels, size in ((64, 56), (128, 28), (256, 14), (512, 7))}
CHAINS = tuple(
    Case(f"layer_{name}_x{layers}", "chain", size, channels, layers=layers)
    for name, (channels, size) in LAYERS.items()
    for layers in (SHORT, LONG)
)
LAYER_MACS = 64 * 64 * 9 * 56 * 56  # of each of these layers, taps in the padding included
PEAK = Case("layer_at_popcount_peak", "peak", 56, 64)  # not a network: see peak.py
CASES = {case.name: case for case in (*NETWORKS, *CHAINS, PEAK)}
