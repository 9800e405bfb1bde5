# SPDX-License-Identifier: Apache-2.0
"""State dicts of torchvision's ResNet-18 and ResNet-34: names and shapes, written out from its documented structure."""

from tests.authors_layout import batch_norm, linear


def standard(num_blocks, classes):
    shapes = {"conv1.weight": (64, 3, 7, 7)} | batch_norm("bn1", 64)
    before = 64
    for stage, blocks in enumerate(num_blocks, 1):
        channels = 32 << stage
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            for half in (1, 2):
                shapes[f"{name}.conv{half}.weight"] = (channels, before if half == 1 else channels, 3, 3)
                shapes |= batch_norm(f"{name}.bn{half}", channels)
            if before != channels:
                shapes[f"{name}.downsample.0.weight"] = (channels, before, 1, 1)
                shapes |= batch_norm(f"{name}.downsample.1", channels)
            before = channels
    return shapes | linear("fc", 512, classes)


# Network: blocks per stage, entries of the state dict, parameters of the 1000-class network as torchvision documents.
LAYOUTS = {
    "standard_resnet18": ((2, 2, 2, 2), 122, 11_689_512),
    "standard_resnet34": ((3, 4, 6, 3), 218, 21_797_672),
}
