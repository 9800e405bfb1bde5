# SPDX-License-Identifier: Apache-2.0
"""The calls by which a network and its optimizer come to use the CPU kernels."""

from collections import Counter
from types import SimpleNamespace

import mindspore as ms

from adabin.cpu import convolution, norm_act, pooling, spatial_mean, subsample  # noqa: F401 - the forms there are
from adabin.cpu.form import cpu_form
from adabin.cpu.library import LibraryError, tell_threads
from adabin.cpu.momentum import CpuMomentum
from adabin.layers import replace_layers
from adabin.layers.half import HalfProduct
from adabin.utils.cli import log
from adabin.utils.errors import UserError


def _wanted(config, tell=log):
    """Whether the kernels are to be used, and can be; `tell` is told why not.

    Raises:
        UserError: the config insists on them (`cpu_kernels: on`) where they cannot be used.
    """
    if config.cpu_kernels == "off":
        return False
    if config.device_target != "CPU":
        if config.cpu_kernels == "on":
            raise UserError(f"config: cpu_kernels: on, but device_target is {config.device_target}; set it to auto")
        return False
    if config.amp_level != "O0":
        if config.cpu_kernels == "on":
            raise UserError(f"config: cpu_kernels: on, but not for amp_level {config.amp_level}; set it to auto")
        return False
    try:
        tell_threads()
    except LibraryError as error:
        if config.cpu_kernels == "on":
            raise UserError(f"config: cpu_kernels: on, but {error}; with auto the slower operators serve") from error
        tell(f"CPU kernels not used, training is several times slower: {error}; cpu_kernels=off silences this")
        return False
    return True


def _as_set(network=None):
    """What a config would say: the device that MindSpore is set to, and the precision that a network has."""
    half = network is not None and any(isinstance(cell, HalfProduct) for _, cell in network.cells_and_names())
    device = ms.get_context("device_target")
    return SimpleNamespace(cpu_kernels="auto", device_target=device, amp_level="O2" if half else "O0")


def accelerate(network, config=None):
    """Let a network compute with the CPU kernels, where device and config say so.

        network = accelerate(resnet20(10, Binarization()))

    Layers are replaced by their CPU forms (adabin.cpu.form). Parameters stay the same objects with the same names, so
    that checkpoints and optimizer see no difference; results equal those of the plain layers within float rounding.
    Layers that the kernels do not know stay as they are, and one line in the log says which. To be called before the
    network first runs, and before `train_in_half`.

    Args:
        network (Cell): any; it is changed in place.
        config: `device_target`, `amp_level` (the kernels know float32 alone) and `cpu_kernels` (auto, on, off), of a
            training or evaluation, in which the picture's gradient is left out: it is zeros. Without a config: the
            device that MindSpore is set to, auto, which takes the kernels where it can, and all gradients.

    Returns:
        the same network, or the CPU form of a single layer.

    Raises:
        UserError: `cpu_kernels: on` where they cannot be used.
    """
    if not _wanted(config or _as_set(network)):
        return network
    refused = []
    network = replace_layers(network, lambda layer: cpu_form(layer, refused))
    if config is None:  # someone may ask for the picture's gradient
        for _, cell in network.cells_and_names():
            if isinstance(cell, convolution.CpuConv2d):
                cell.function.first = False
    if refused:
        reasons = ", ".join(f"{reason} ({count} x)" for reason, count in Counter(refused).items())
        log(f"CPU kernels: MindSpore's operators compute, wholly or in part, what they do not know: {reasons}")
    return network


def accelerate_optimizer(optimizer, config=None):
    """Let an optimizer compute with the CPU kernels, where device and config say so: in place, as `accelerate`.

    Args:
        optimizer: as `build_optimizer` makes it; one that the kernels do not serve stays as it is.
        config: see `accelerate`.

    Returns:
        the same optimizer.
    """
    if _wanted(config or _as_set(), tell=lambda message: None) and CpuMomentum.serves(optimizer):
        optimizer.__class__ = CpuMomentum
        optimizer.take_over()
    return optimizer
