# SPDX-License-Identifier: Apache-2.0
"""The binary convolution, in training and in deploy form."""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import HeNormal, initializer

from adabin.binarize import ActivationBinarizer, Binarization, WeightBinarizer
from adabin.layers.checks import check_map, divisor, padding_of, pair, whole_number
from adabin.layers.traits import Traits


class AdaBinConv2d(nn.Cell):
    """2-D convolution with binary weights, binary activations, or both.

    The input is binarized first and padded with zeros afterwards, so a padded tap is 0 and no member of the set.

    Args:
        in_channels, out_channels (int): divisible by `group`.
        kernel_size, stride, dilation (int or pair): height, width.
        padding (int or 4-tuple): zeros on (top, bottom, left, right).
        group (int): number of channel groups.
        settings (Binarization): bits, sets, form, estimators.
        weight_init (Initializer): of the latent weights; He normal (fan in) when not given.

    Inputs: x float32 (N, C_in, H, W); fork (bool), whether a shortcut begins at this layer.
    Outputs: y float32 (N, C_out, H', W'); with fork (y, x), x to be used there for the shortcut, so that another form
    of the layer can add the gradient that it gets there to its own.

    Raises:
        ValueError: a size is not what it must be; where it is called, the input is not (N, in_channels, H, W).

    The estimator's k and t live in the parameters `estimator_k` and `estimator_t`, not trained and not stored in
    checkpoints: assigning them (`set_estimator`) changes the gradients of a compiled training step without compiling
    it again.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        group=1,
        settings=None,
        weight_init=None,
    ):
        super().__init__()
        self.settings = settings or Binarization()
        self.in_channels = whole_number("in_channels", in_channels)
        out_channels = whole_number("out_channels", out_channels)
        group = divisor("group", group, in_channels=self.in_channels, out_channels=out_channels)
        kernel_size = pair("kernel_size", kernel_size)
        self.padding = padding_of(padding)
        shape = (out_channels, in_channels // group, *kernel_size)
        weight_init = weight_init or HeNormal(mode="fan_in", nonlinearity="relu")
        self.weight = Parameter(initializer(weight_init, shape, mstype.float32))
        self.conv = ops.Conv2D(
            out_channels,
            kernel_size,
            pad_mode="pad",
            pad=self.padding,
            stride=pair("stride", stride),
            dilation=pair("dilation", dilation),
            group=group,
        )
        self.estimator_k = Parameter(Tensor(1.0, mstype.float32), requires_grad=False)
        self.estimator_t = Parameter(Tensor(1.0, mstype.float32), requires_grad=False)
        self.binarizes_input = self.settings.a_bits == 1
        self.binarizes_weight = self.settings.w_bits == 1
        if self.binarizes_input:
            self.binary_a = ActivationBinarizer(self.settings)
        if self.binarizes_weight:
            self.binary_w = WeightBinarizer(self.settings.weight_set, self.settings.weight_estimator)

    @property
    def traits(self):
        """What the rest of the program needs to know of this layer."""
        return Traits(
            decay={"binary_a.alpha_a": "alpha", "binary_a.beta_a": "beta"},
            product="conv",
            counted=True,
            binary_weights=("weight",) if self.binarizes_weight else (),
            on_bits=self.binarizes_weight and self.binarizes_input,
            float_reason="w_bits or a_bits is 32",
        )

    def deploy_form(self):
        """`DeployConv2d` of it."""
        return DeployConv2d(self)

    def binarized(self, x):
        """(input, weights) as they are convolved."""
        weight = self.weight
        if self.binarizes_input:
            x = self.binary_a(x, self.estimator_k, self.estimator_t)
        if self.binarizes_weight:
            weight = self.binary_w(weight, self.estimator_k, self.estimator_t)
        return x, weight

    def construct(self, x, fork=False):
        check_map(x.shape, self.in_channels, "AdaBinConv2d")
        binary_x, weight = self.binarized(x)
        y = self.conv(binary_x, weight)
        return (y, x) if fork else y


def set_estimator(network, k, t):
    """Give all layers of a network that have `estimator_k` and `estimator_t` those of an epoch."""
    for _, cell in network.cells_and_names():
        if isinstance(getattr(cell, "estimator_k", None), Parameter):
            cell.estimator_k.set_data(Tensor(k, mstype.float32))
            cell.estimator_t.set_data(Tensor(t, mstype.float32))


def activation_constants(binarizer):
    """What decides a binarized activation, and its two values.

    Args:
        binarizer (ActivationBinarizer): in training form.

    Returns:
        (rising, beta, upper, lower): a bool and float32 arrays of shape (). The output is upper where x >= beta if
        rising (alpha >= 0), where beta >= x otherwise, and lower elsewhere. In terms of a single comparison x >= t, the
        falling case has t = the next float above beta; but that t is denormal for beta = 0, and MindSpore takes
        denormals for 0 on most CPU threads. The values are those that the training form yields.
    """
    rising = bool(binarizer.alpha_a.asnumpy() >= 0)
    one = Tensor(1.0, mstype.float32)
    ends = binarizer(Tensor([-np.inf, np.inf], mstype.float32), one, one).asnumpy()
    return rising, binarizer.beta_a.asnumpy(), ends[1 if rising else 0], ends[0 if rising else 1]


class DeployConv2d(nn.Cell):
    """`AdaBinConv2d` with everything folded to constants.

    Args:
        trained (AdaBinConv2d): the layer in training form.
    """

    def __init__(self, trained):
        super().__init__()
        self.conv = trained.conv
        self.binarizes_input = trained.binarizes_input
        weight = trained.weight
        if trained.binarizes_weight:
            weight = trained.binary_w(weight, trained.estimator_k, trained.estimator_t)
        self.weight = Parameter(Tensor(weight.asnumpy()), name=trained.weight.name, requires_grad=False)
        if self.binarizes_input:
            self.rising, *constants = activation_constants(trained.binary_a)
            self.beta, self.upper, self.lower = (Tensor(value) for value in constants)

    def decide(self, x):
        """The layer's bits: True where its input takes the upper value."""
        return x >= self.beta if self.rising else self.beta >= x

    def construct(self, x, fork=False):
        binary_x = ops.select(self.decide(x), self.upper, self.lower) if self.binarizes_input else x
        y = self.conv(binary_x, self.weight)
        return (y, x) if fork else y
