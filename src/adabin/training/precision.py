# SPDX-License-Identifier: Apache-2.0
"""Mixed precision: float16 where it is fast and safe, float32 where sums and statistics need it.

In training, convolutions and linear layers multiply in float16 and the maps between layers are float16. BatchNorm, the
nonlinearities with learned slopes, the binarizers with their statistics and the sums of their gradients, the loss and
all parameters stay in float32. Evaluation is in float32 throughout: it sees what export will write.
"""

from mindspore import dtype as mstype

from adabin.layers import replace_layers, traits_of
from adabin.layers.half import HalfProduct, InFloat


def half_form(layer):
    """What stands in a layer's place in mixed precision, or None, from what its `traits` say."""
    traits = traits_of(layer)
    if traits and traits.product:
        out = mstype.float32 if getattr(layer, "has_bias", False) else traits.product_out  # what a bias is added to
        setattr(layer, traits.product, HalfProduct(getattr(layer, traits.product), out))
    return InFloat(layer) if traits and traits.in_float else None


def train_in_half(network):
    """Make a network train in mixed precision; its parameters and their names stay.

    Returns:
        the network, or what stands in its place if it is a single layer.
    """
    return replace_layers(network, half_form)
