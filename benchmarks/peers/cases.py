# SPDX-License-Identifier: Apache-2.0
"""What is measured: whole networks, chains of equal layers whose difference is the time of one layer, the peak.

Chains are of binary layers as in a ResNet ("layer": with a residual), of those without ("bits": what one writes and the
next one reads is bits), or of a detector's float heads side by side on one map ("head").
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One network in one batch size.

    Attributes:
        name: of the case, and of its files.
        network: key of `adabin.models.MODELS`, or a kind of chain.
        size: height and width of the input.
        channels: of the input.
        batch: images per call.
        classes: outputs of a network.
        layers: of a chain.
        inner: channels of the map that a chain's layers read.
        filters: of a head.
        peers: names of those that are measured; all without it.
    """

    name: str
    network: str
    size: int
    channels: int = 3
    batch: int = 1
    classes: int = 10
    layers: int = 0
    inner: int = 0
    filters: int = 0
    peers: tuple = ()

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
# Why a peer has no time for a network.
ABSENT = {
    ("ssd300", "larq"): "its network is not written in Keras here (benchmarks/peers/larq_network.py)",
    ("ssd300", "mindspore"): "not run: some two minutes a picture, by its time for ResNet-18",
}


@dataclass(frozen=True)
class Layer:
    """A layer whose time is the difference of two chains, free of input, output and call.

    Attributes:
        kind: "layer", "bits" or "head".
        channels, size: of the map.
        ends: layers of the two chains.
        filters: of a head.
        peers: as of a `Case`.
    """

    kind: str
    channels: int
    size: int
    ends: tuple
    filters: int = 0
    peers: tuple = ()

    @property
    def name(self):
        """As in tables and in the cases' names."""
        return f"{self.channels}@{self.size}" + (f"-{self.filters}" if self.filters else "")

    @property
    def macs(self):
        """Multiply-accumulates, taps in the padding included."""
        return self.channels * (self.filters or self.channels) * 9 * self.size**2

    def case(self, layers):
        """Its chain of so many layers."""
        name = f"{self.kind}_{self.name}_x{layers}"
        few = HEAD_INPUTS if self.kind == "head" else self.channels
        return Case(name, self.kind, self.size, few, 1, 10, layers, self.channels, self.filters, self.peers)


HEAD_INPUTS = 8  # channels from which the heads' map is made
BINARY_PEERS = ("engine", "engine-avx2", "openvino-binary", "openvino-binary-nobeta", "onnxruntime-int8")
FLOAT_PEERS = ("engine", "engine-avx2", "openvino-fp32", "onnxruntime-fp32")
RESNET_MAPS, VGG_MAPS = ((64, 56), (128, 28), (256, 14), (512, 7)), ((64, 300), (128, 150), (256, 75), (512, 38))
HEADS = ((512, 38, 16), (512, 38, 84), (1024, 19, 24), (1024, 19, 126))  # of SSD300: offsets, 21 scores
LAYERS = (
    *(Layer("layer", *shape, (4, 12)) for shape in RESNET_MAPS),
    *(Layer(kind, *shape, (2, 4), peers=BINARY_PEERS) for kind in ("layer", "bits") for shape in VGG_MAPS),
    *(Layer("head", channels, size, (1, 5), filters, FLOAT_PEERS) for channels, size, filters in HEADS),
)
CHAINS = tuple(layer.case(count) for layer in LAYERS for count in layer.ends)
LAYER_MACS = LAYERS[0].macs  # what the peak is told for
PEAK = Case("layer_at_popcount_peak", "peak", 56, 64)  # not a network: see peak.py
CASES = {case.name: case for case in (*NETWORKS, *CHAINS, PEAK)}
