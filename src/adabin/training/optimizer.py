# SPDX-License-Identifier: Apache-2.0
"""Optimizers and which parameters they decay."""

from mindspore import nn

from adabin.layers import traits_of
from adabin.layers.traits import DECAY_KINDS
from adabin.utils.cli import log
from adabin.utils.errors import UserError


def parameter_kinds(network):
    """Name of each parameter to the kind that its layer says it is of; weights of convolutions are not listed."""
    kinds = {}
    for _, cell in network.cells_and_names():
        traits = traits_of(cell)
        if traits and traits.decay:
            kinds |= {p.name: traits.decay[name] for name, p in cell.parameters_and_names() if name in traits.decay}
    return kinds


def name_idle_kinds(network, config):
    """Say in one line which kinds of `decay_exclude` no parameter of the network is of."""
    there = parameter_kinds(network).values()
    idle = [kind for kind in dict.fromkeys(config.decay_exclude) if kind in DECAY_KINDS and kind not in there]
    if idle:
        log(f"decay_exclude: {', '.join(idle)}: without effect, {config.network} has no parameter of that kind here")


def build_optimizer(network, config):
    """Optimizer of a network's trainable parameters.

    sgd: v = m v + (g + decay w), w = w - lr v. adam: Adam with betas 0.9 and 0.999 of g + decay w.

    Decay applies to every parameter, as in the authors' code, but for the kinds in `decay_exclude`
    (adabin.layers.traits). The groups are
    explicit: without them MindSpore spares all whose name contains `beta` or `gamma`, which here would be BatchNorm's
    and half of the activation binarizers' parameters.

    Raises:
        UserError: `decay_exclude` names no kind.
    """
    kinds = parameter_kinds(network)
    known = dict.fromkeys((*DECAY_KINDS, *kinds.values()))
    for kind in config.decay_exclude:
        if kind not in known:
            raise UserError(f"config: decay_exclude: {kind!r} is not one of {', '.join(known)}")
    decayed, spared = [], []
    for parameter in network.trainable_params():
        (spared if kinds.get(parameter.name) in config.decay_exclude else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}]
    if spared:
        groups.append({"params": spared, "weight_decay": 0.0})
    if config.optimizer == "adam":
        return nn.Adam(groups, learning_rate=config.lr)
    return nn.Momentum(groups, learning_rate=config.lr, momentum=config.momentum)
