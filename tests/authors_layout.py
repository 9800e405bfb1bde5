# SPDX-License-Identifier: Apache-2.0
"""The authors' state dicts: PyTorch names and shapes, written out from their code's structure."""

BATCH_NORM = ("weight", "bias", "running_mean", "running_var")


def batch_norm(name, channels):
    return {f"{name}.{kind}": (channels,) for kind in BATCH_NORM} | {f"{name}.num_batches_tracked": ()}


def maxout(name, channels):
    return {f"{name}.pos_scale": (channels,), f"{name}.neg_scale": (channels,)}


def binary_conv(name, before, channels):
    scalars = {f"{name}.binary_a.{kind}": () for kind in ("alpha_a", "beta_a")}
    return {f"{name}.weight": (channels, before, 3, 3)} | scalars


def linear(name, before, classes):
    return {f"{name}.weight": (classes, before), f"{name}.bias": (classes,)}


def stages(num_blocks, shortcut):
    """Stages of 64, 128, 256, 512 channels; `shortcut` is the name of the 1x1 convolution, its BatchNorm comes next."""
    shapes, before = {}, 64
    owner, _, number = shortcut.rpartition(".")
    for stage, blocks in enumerate(num_blocks, 1):
        channels = 32 << stage
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            for half in (1, 2):
                shapes |= binary_conv(f"{name}.conv{half}", before, channels)
                shapes |= batch_norm(f"{name}.bn{half}", channels) | maxout(f"{name}.nonlinear{half}", channels)
                if half == 1 and before != channels:
                    shapes[f"{name}.{shortcut}.weight"] = (channels, before, 1, 1)
                    shapes |= batch_norm(f"{name}.{owner}.{int(number) + 1}", channels)
                before = channels
    return shapes


def resnet18_cifar(classes):
    shapes = {"conv1.weight": (64, 3, 3, 3)} | batch_norm("bn1", 64) | maxout("nonlinear1", 64)
    shapes |= stages((2, 2, 2, 2), "shortcut.0")
    return shapes | batch_norm("bn2", 512) | linear("linear", 512, classes)


def imagenet(num_blocks, classes):
    shapes = {"conv1.weight": (64, 3, 7, 7)} | batch_norm("bn1", 64) | maxout("nonlinear1", 64)
    shapes |= stages(num_blocks, "downsample.1")
    unused = maxout("nonlinear2", 512) | batch_norm("bn3", classes)
    return shapes | batch_norm("bn2", 512) | linear("fc", 512, classes) | unused


def resnet18(classes):
    return imagenet((2, 2, 2, 2), classes)


def resnet34(classes):
    return imagenet((3, 4, 6, 3), classes)


def vgg_small(classes):
    shapes = {"conv0.weight": (128, 3, 3, 3)} | batch_norm("bn0", 128) | maxout("nonlinear0", 128)
    before = 128
    for number, channels in enumerate((128, 256, 256, 512, 512), 1):
        shapes |= binary_conv(f"conv{number}", before, channels)
        shapes |= batch_norm(f"bn{number}", channels) | maxout(f"nonlinear{number}", channels)
        before = channels
    return shapes | linear("fc", 512 * 4 * 4, classes)


LAYOUTS = {"resnet18_cifar": resnet18_cifar, "vgg_small": vgg_small, "resnet18": resnet18, "resnet34": resnet34}
