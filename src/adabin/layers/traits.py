# SPDX-License-Identifier: Apache-2.0
"""What a kind of layer says about itself: the one description that training, summary and precision read."""

from dataclasses import dataclass, field

from mindspore import dtype as mstype
from mindspore import nn

# What `decay_exclude` may name always; a layer may say a kind of its own.
DECAY_KINDS = ("batch_norm", "alpha", "beta", "nonlinearity", "linear")


@dataclass(frozen=True)
class Traits:
    """Description of a layer. A Cell has it as its attribute `traits`; MindSpore's own stand in `STANDARD`.

    Attributes:
        decay: name of a parameter in the layer, such as `gamma` or `binary_a.alpha_a`, to the kind by which
            `decay_exclude` calls it. Weights of convolutions have none: they are always decayed.
        in_float: the layer computes in float32 also where the maps around it are float16.
        product: name of its attribute (x, weight) -> output that multiplies in float16 in mixed precision, or "".
        product_out: type of that output.
        counted: the summary counts its multiply-accumulates: elements of the output times weights of a filter.
        binary_weights: names of its parameters of 1 bit.
        on_bits: its multiply-accumulates are binary ones.
        float_reason: why they are not, where the layer itself knows it; else the network says it (`full_precision`).
    """

    decay: dict = field(default_factory=dict)
    in_float: bool = False
    product: str = ""
    product_out: object = mstype.float16
    counted: bool = False
    binary_weights: tuple = ()
    on_bits: bool = False
    float_reason: str = ""


STANDARD = {
    nn.Conv2d: Traits(product="conv2d", counted=True),
    # The bias of a linear layer and the loss are float32.
    nn.Dense: Traits(
        decay={"weight": "linear", "bias": "linear"}, product="matmul", product_out=mstype.float32, counted=True
    ),
    nn.BatchNorm1d: Traits(decay={"gamma": "batch_norm", "beta": "batch_norm"}, in_float=True),
    nn.BatchNorm2d: Traits(decay={"gamma": "batch_norm", "beta": "batch_norm"}, in_float=True),
    nn.PReLU: Traits(decay={"w": "nonlinearity"}, in_float=True),
}


def traits_of(cell):
    """`Traits` of a layer, or None: a Cell that is made of layers, or one that nothing is known of."""
    own = getattr(cell, "traits", None)
    if isinstance(own, Traits):
        return own
    return next((STANDARD[kind] for kind in type(cell).__mro__ if kind in STANDARD), None)
