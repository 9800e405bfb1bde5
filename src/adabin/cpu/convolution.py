# SPDX-License-Identifier: Apache-2.0
"""Convolutions by the C++ kernels: binary ones from packed bits, float ones; forward and gradients."""

from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, nn, ops

from adabin.cpu.form import CpuForm, form_of
from adabin.cpu.operators import operator
from adabin.estimators import clipped_ste, polynomial, ste, tanh
from adabin.layers import AdaBinConv2d
from adabin.layers.checks import check_map

# In the order of kernels/binarize.h.
_SETS = ("adabin", "scale", "fixed")
_ESTIMATORS = (tanh, polynomial, ste, clipped_ste)


@dataclass(frozen=True)
class Geometry:
    """Stride and dilation (height, width) and padding (top, bottom, left, right) of a convolution."""

    stride: tuple
    padding: tuple
    dilation: tuple

    def output_shape(self, x, w, *others):
        """Shape of the output for those of input and weights."""
        rows = (x[2] + self.padding[0] + self.padding[1] - self.dilation[0] * (w[2] - 1) - 1) // self.stride[0] + 1
        columns = (x[3] + self.padding[2] + self.padding[3] - self.dilation[1] * (w[3] - 1) - 1) // self.stride[1] + 1
        return [x[0], w[0], rows, columns]

    def variant(self):
        """For `operator`: what the output's shape depends on."""
        return f"{self.stride} {self.padding} {self.dilation}"

    def input(self, *codes):
        """What the operators read (kernels/conv_shape.h)."""
        return Tensor(np.array([*self.stride, *self.padding, *self.dilation, *codes], np.int32))


class AdaBinConvFunction(nn.Cell):
    """Convolution of a binarized input with binarized weights (kernels/adabin_conv.h), formulas as in adabin.binarize.

    Args:
        geometry (Geometry): of the convolution.
        settings (Binarization): weights and activations of one bit.
        estimators (pair of functions): of activations and weights, from `_ESTIMATORS`.
        shared (bool): x is used elsewhere too, as around a shortcut. It is then an output as well, to be used there in
            its place: the gradient that it gets there is added here, which saves an operator and a pass over memory.

    Inputs: x (N, C_in, H, W), latent weights (C_out, C_in, k_h, k_w), alpha, beta, k, t of shape ().
    Output: (N, C_out, H', W'); and x itself, if `shared`.
    """

    def __init__(self, geometry, settings, estimators, shared=False):
        super().__init__()
        self.shared = shared
        self.geometry = geometry.input(
            settings.form == "released",
            _SETS.index(settings.activation_set),
            _SETS.index(settings.weight_set),
            *map(_ESTIMATORS.index, estimators),
        )
        self.forward_op = operator("AdaBinConvForward", 1, geometry.output_shape, geometry.variant())
        # Results of shape () would arrive as numbers, not as tensors.
        gradients = "with another" if shared else ""
        self.backward_op = operator("AdaBinConvBackward", 4, lambda dy, x, w, *others: (x, w, [1], [1]), gradients)
        self.reshape = ops.Reshape()
        self.zeros = ops.ZerosLike()

    def construct(self, x, weight, alpha, beta, k, t):
        y = self.forward_op(x, weight, alpha, beta, self.geometry)
        return (y, x) if self.shared else y

    def bprop(self, x, weight, alpha, beta, k, t, out, dout):
        """Gradients of the inputs; k and t get zeros."""
        if self.shared:
            gradients = self.backward_op(dout[0], x, weight, alpha, beta, k, t, self.geometry, dout[1])
        else:
            gradients = self.backward_op(dout, x, weight, alpha, beta, k, t, self.geometry)
        dx, dweight, dalpha, dbeta = gradients
        dalpha, dbeta = self.reshape(dalpha, ()), self.reshape(dbeta, ())
        return dx, dweight, dalpha, dbeta, self.zeros(k), self.zeros(t)


class FloatConvFunction(nn.Cell):
    """Convolution in float32.

    Args:
        geometry (Geometry): of the convolution.
        first (bool): the input is the picture, whose gradient no one needs: it is given as zeros.

    Inputs: x (N, C_in, H, W), weights (C_out, C_in, k_h, k_w). Output: (N, C_out, H', W').
    """

    def __init__(self, geometry, first):
        super().__init__()
        self.geometry = geometry.input()
        self.first = first
        self.forward_op = operator("FloatConvForward", 1, geometry.output_shape, geometry.variant())
        self.backward_op = operator("FloatConvBackward", 2, lambda dy, x, w, geometry: (x, w))
        self.weight_grad_op = operator("FloatConvWeightGrad", 1, lambda dy, x, w, geometry: w)
        self.zeros = ops.ZerosLike()

    def construct(self, x, weight):
        return self.forward_op(x, weight, self.geometry)

    def bprop(self, x, weight, out, dout):
        """Gradients of the inputs."""
        if self.first:
            return self.zeros(x), self.weight_grad_op(dout, x, weight, self.geometry)
        return self.backward_op(dout, x, weight, self.geometry)


class BiasedConvFunction(FloatConvFunction):
    """The same with a bias per filter; arguments: `FloatConvFunction`'s.

    Inputs: x (N, C_in, H, W), weights (C_out, C_in, k_h, k_w), bias (C_out,). Output: (N, C_out, H', W').
    """

    def __init__(self, geometry, first):
        super().__init__(geometry, first)
        self.bias_grad_op = operator("FloatConvBiasGrad", 1, lambda dy: [dy[1]])

    def construct(self, x, weight, bias):
        return self.forward_op(x, weight, self.geometry, bias)

    def bprop(self, x, weight, bias, out, dout):
        """Gradients of the inputs."""
        dbias = self.bias_grad_op(dout)
        if self.first:
            return self.zeros(x), self.weight_grad_op(dout, x, weight, self.geometry), dbias
        dx, dweight = self.backward_op(dout, x, weight, self.geometry)
        return dx, dweight, dbias


def _geometry_refusal(conv):
    """Why the kernels do not compute a convolution: they know one group."""
    return None if conv.group == 1 else f"group {conv.group}"


def _geometry_of(layer):
    """Geometry of an `AdaBinConv2d`."""
    return Geometry(tuple(layer.conv.stride[-2:]), layer.padding, tuple(layer.conv.dilation[-2:]))


@form_of(AdaBinConv2d)
class CpuAdaBinConv2d(CpuForm):
    """`AdaBinConv2d` by the kernels."""

    def __init__(self, layer):
        super().__init__(layer)
        estimators = layer.binary_a.binarize.estimate, layer.binary_w.estimate
        arguments = _geometry_of(layer), layer.settings, estimators
        self.function = AdaBinConvFunction(*arguments)
        self.forked_function = AdaBinConvFunction(*arguments, shared=True)

    @classmethod
    def refusal(cls, layer):
        """Not a layer with a side in float, nor one with a binary set or an estimator that the kernels do not know."""
        if not (layer.binarizes_input and layer.binarizes_weight):
            return ""
        for name in (layer.settings.activation_set, layer.settings.weight_set):
            if name not in _SETS:
                return f"binary set {name!r}"
        for name, function in (
            (layer.settings.activation_estimator, layer.binary_a.binarize.estimate),
            (layer.settings.weight_estimator, layer.binary_w.estimate),
        ):
            if function not in _ESTIMATORS:
                return f"estimator {name!r}"
        return _geometry_refusal(layer.conv)

    def construct(self, x, fork=False):
        layer = self.layer
        check_map(x.shape, layer.in_channels, "AdaBinConv2d")
        sets = layer.binary_a
        function = self.forked_function if fork else self.function
        return function(x, layer.weight, sets.alpha_a, sets.beta_a, layer.estimator_k, layer.estimator_t)


@form_of(AdaBinConv2d)
class CpuHalfBinaryConv2d(CpuForm):
    """`AdaBinConv2d` binarized as ever, then convolved here: a float side, or not the kernels' set or estimator."""

    def __init__(self, layer):
        super().__init__(layer)
        self.function = FloatConvFunction(_geometry_of(layer), first=False)

    @classmethod
    def refusal(cls, layer):
        """By its geometry alone."""
        return _geometry_refusal(layer.conv)

    def construct(self, x, fork=False):
        check_map(x.shape, self.layer.in_channels, "AdaBinConv2d")
        binary_x, weight = self.layer.binarized(x)
        y = self.function(binary_x, weight)
        return (y, x) if fork else y


@form_of(nn.Conv2d)
class CpuConv2d(CpuForm):
    """`nn.Conv2d` by the kernels."""

    def __init__(self, layer):
        super().__init__(layer)
        padding = (layer.padding,) * 4 if isinstance(layer.padding, int) else tuple(layer.padding)
        padding = padding if layer.pad_mode == "pad" else (0,) * 4
        function = BiasedConvFunction if layer.has_bias else FloatConvFunction
        geometry = Geometry(tuple(layer.stride), padding, tuple(layer.dilation))
        self.function = function(geometry, getattr(layer, "sees_picture", False))

    @classmethod
    def refusal(cls, layer):
        """The kernels know convolutions of maps (N, C, H, W), with their padding in numbers."""
        if layer.data_format != "NCHW":
            return f"data_format {layer.data_format}"
        if layer.pad_mode not in ("pad", "valid"):
            return f"pad_mode {layer.pad_mode}"
        return _geometry_refusal(layer)

    def construct(self, x):
        layer = self.layer
        check_map(x.shape, layer.in_channels, "Conv2d")
        if layer.has_bias:
            return self.function(x, layer.weight, layer.bias)
        return self.function(x, layer.weight)
