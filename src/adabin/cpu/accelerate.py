# SPDX-License-Identifier: Apache-2.0
"""The calls by which a network and its optimizer come to use the CPU kernels."""

from functools import cache

from mindspore import nn

from adabin.cpu.convolution import CpuAdaBinConv2d, CpuConv2d, CpuHalfBinaryConv2d
from adabin.cpu.library import LibraryError, tell_threads
from adabin.cpu.momentum import CpuMomentum
from adabin.cpu.networks import FusedBlock, FusedResNet, FusedVgg
from adabin.cpu.norm_act import NormAct
from adabin.cpu.subsample import CpuSubsampleAndPad
from adabin.layers import AdaBinConv2d, SubsampleAndPad
from adabin.models.blocks import ResidualBlock, ResNet
from adabin.models.vgg_small import VggSmall
from adabin.utils.cli import log
from adabin.utils.errors import UserError

# The first that serves a layer takes it.
_LAYERS = {
    AdaBinConv2d: (CpuAdaBinConv2d, CpuHalfBinaryConv2d),
    nn.Conv2d: (CpuConv2d,),
    SubsampleAndPad: (CpuSubsampleAndPad,),
}
_FUSED = {ResidualBlock: FusedBlock, ResNet: FusedResNet, VggSmall: FusedVgg}
_FIRST_LAYERS = ("conv1", "conv0")  # of the networks: they see the picture


@cache
def _fused_class(cell_class):
    """Subclass of a network's or block's class with a fused `construct`, or None."""
    for base, fused in _FUSED.items():
        if issubclass(cell_class, base):
            return type(f"Fused{cell_class.__name__}", (fused, cell_class), {})
    return None


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


def accelerate(network, config):
    """Let a network compute with the CPU kernels, where device and config say so.

    Layers are changed in place. Parameters stay the same objects with the same names, so that checkpoints, optimizer
    and summary see no difference; results equal those of the plain layers within float rounding. Layers that the
    kernels do not serve stay as they are. To be called before the network first runs.

    Args:
        network (Cell): as `build_model` makes it.
        config: needs `device_target`, `amp_level` (the kernels know float32 alone) and `cpu_kernels` (auto, on, off).

    Returns:
        the same network.

    Raises:
        UserError: `cpu_kernels: on` where they cannot be used.
    """
    if not _wanted(config):
        return network
    joined = set()
    for _, cell in list(network.cells_and_names()):
        fused = _fused_class(type(cell))
        if fused:
            cell.__class__ = fused
            cell.take_over()
            joined |= {id(child.norm) for child in cell._cells.values() if isinstance(child, NormAct)}
    for _, parent in list(network.cells_and_names()):
        for name, cell in list(parent._cells.items()):
            faster = next((c for c in _LAYERS.get(type(cell), ()) if c.serves(cell)), None)
            if faster:
                cell.__class__ = faster
                sees_picture = faster is CpuConv2d and parent is network and name in _FIRST_LAYERS
                cell.take_over(**({"first": True} if sees_picture else {}))
            elif type(cell) is nn.BatchNorm2d and id(cell) not in joined and cell.use_batch_statistics is None:
                parent._cells[name] = NormAct(cell)
                if isinstance(parent, nn.SequentialCell):
                    parent.cell_list = list(parent._cells.values())  # what it runs
    return network


def accelerate_optimizer(optimizer, config):
    """Let an optimizer compute with the CPU kernels, where device and config say so: in place, as `accelerate`.

    Args:
        optimizer: as `build_optimizer` makes it; one that the kernels do not serve stays as it is.
        config: see `accelerate`.

    Returns:
        the same optimizer.
    """
    if _wanted(config, tell=lambda message: None) and CpuMomentum.serves(optimizer):
        optimizer.__class__ = CpuMomentum
        optimizer.take_over()
    return optimizer
