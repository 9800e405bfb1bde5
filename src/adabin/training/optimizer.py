# SPDX-License-Identifier: Apache-2.0
"""Optimizers and which parameters they decay."""

from mindspore import nn

from adabin.binarize import ActivationBinarizer
from adabin.layers import Maxout
from adabin.utils.errors import UserError

# What `decay_exclude` may name: everything but the weights of convolutions.
DECAY_KINDS = ("batch_norm", "alpha", "beta", "nonlinearity", "linear")


def parameter_kinds(network):
    """Name of each parameter to the kind of `DECAY_KINDS` that it is of; weights of convolutions are not listed."""
    kinds = {}
    for _, cell in network.cells_and_names():
        if isinstance(cell, (nn.BatchNorm1d, nn.BatchNorm2d)):
            found = {"gamma": "batch_norm", "beta": "batch_norm"}
        elif isinstance(cell, ActivationBinarizer):
            found = {"alpha_a": "alpha", "beta_a": "beta"}
        elif isinstance(cell, Maxout):
            found = {"pos_scale": "nonlinearity", "neg_scale": "nonlinearity"}
        elif isinstance(cell, nn.PReLU):
            found = {"w": "nonlinearity"}
        elif isinstance(cell, nn.Dense):
            found = {"weight": "linear", "bias": "linear"}
        else:
            continue
        for attribute, kind in found.items():
            parameter = getattr(cell, attribute, None)
            if parameter is not None:
                kinds[parameter.name] = kind
    return kinds


def build_optimizer(network, config):
    """Optimizer of a network's trainable parameters.

    sgd: v = m v + (g + decay w), w = w - lr v. adam: Adam with betas 0.9 and 0.999 of g + decay w.

    Decay applies to every parameter, as in the authors' code, but for the kinds in `decay_exclude`. The groups are
    explicit: without them MindSpore spares all whose name contains `beta` or `gamma`, which here would be BatchNorm's
    and half of the activation binarizers' parameters.

    Raises:
        UserError: `decay_exclude` names no kind.
    """
    for kind in config.decay_exclude:
        if kind not in DECAY_KINDS:
            raise UserError(f"config: decay_exclude: {kind!r} is not one of {', '.join(DECAY_KINDS)}")
    kinds = parameter_kinds(network)
    decayed, spared = [], []
    for parameter in network.trainable_params():
        (spared if kinds.get(parameter.name) in config.decay_exclude else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}]
    if spared:
        groups.append({"params": spared, "weight_decay": 0.0})
    if config.optimizer == "adam":
        return nn.Adam(groups, learning_rate=config.lr)
    return nn.Momentum(groups, learning_rate=config.lr, momentum=config.momentum)
