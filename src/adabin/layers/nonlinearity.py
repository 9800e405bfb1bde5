# SPDX-License-Identifier: Apache-2.0
"""Nonlinearities by name."""

from mindspore import nn

from adabin.layers.maxout import Maxout

NONLINEARITIES = ("maxout", "relu", "prelu")


def build_nonlinearity(name, channels):
    """`maxout` (AdaBin), or a baseline: `relu`, `prelu` (slope per channel)."""
    if name == "maxout":
        return Maxout(channels)
    if name == "prelu":
        return nn.PReLU(channels, 0.25)
    if name == "relu":
        return nn.ReLU()
    raise ValueError(f"nonlinearity: {name!r} is not one of {', '.join(NONLINEARITIES)}")
