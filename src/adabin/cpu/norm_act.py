# SPDX-License-Identifier: Apache-2.0
"""BatchNorm, the addition of a shortcut and Maxout in one operator each way (kernels/norm_act.h)."""

import numpy as np
from mindspore import Tensor, nn, ops

from adabin.cpu.form import CpuForm, form_of
from adabin.cpu.operators import operator
from adabin.layers import Maxout, NormAct
from adabin.layers.checks import check_map, check_shortcut


def _forward_shapes(x, shortcut, gamma, *others):
    return x, gamma, gamma, gamma, gamma


def _backward_shapes(x, shortcut, gamma, beta, mean, variance, pos, neg, *others):
    return x, shortcut, gamma, beta, pos, neg


class NormActFunction(nn.Cell):
    """v = BatchNorm(x) [+ shortcut], y = pos max(v, 0) + neg min(v, 0) [or v]; backward computes v again.

    Args:
        epsilon, momentum (float): of BatchNorm; momentum is the weight of a batch in the moving statistics.
        shortcut, maxout (bool): which of the parts there are; the inputs of others are placeholders of shape (1,).

    Inputs: x, shortcut (N, C, H, W) float32; gamma, beta, moving_mean, moving_variance (C,); pos, neg (1, C, 1, 1).
    Outputs: y, mean and 1 / standard deviation that x was normalized with, new moving mean and variance.
    """

    def __init__(self, epsilon, momentum, shortcut, maxout):
        super().__init__()
        self.forward_op = operator("NormActForward", 5, _forward_shapes)
        self.backward_op = operator("NormActBackward", 6, _backward_shapes)
        options = [shortcut, maxout, epsilon, momentum]
        self.for_training = Tensor(np.array([1, *options], np.float32))
        self.for_inference = Tensor(np.array([0, *options], np.float32))
        self.zeros = ops.ZerosLike()

    def construct(self, x, shortcut, gamma, beta, moving_mean, moving_variance, pos, neg):
        options = self.for_training if self.training else self.for_inference
        return self.forward_op(x, shortcut, gamma, beta, moving_mean, moving_variance, pos, neg, options)

    def bprop(self, x, shortcut, gamma, beta, moving_mean, moving_variance, pos, neg, out, dout):
        """Gradients of the inputs; the moving statistics get zeros."""
        options = self.for_training if self.training else self.for_inference
        dx, dshortcut, dgamma, dbeta, dpos, dneg = self.backward_op(
            x, shortcut, gamma, beta, moving_mean, moving_variance, pos, neg, options, out[1], out[2], dout[0]
        )
        return dx, dshortcut, dgamma, dbeta, self.zeros(moving_mean), self.zeros(moving_variance), dpos, dneg


@form_of(NormAct, nn.BatchNorm2d)
class CpuNormAct(CpuForm):
    """`NormAct`, or a BatchNorm alone, by the kernel. Maxout is part of it; another nonlinearity follows it."""

    def __init__(self, layer):
        super().__init__(layer)
        norm, act = _parts(layer)
        maxout = type(act) is Maxout  # what is derived from it may compute something else
        self.norm = norm
        self.slopes = act if maxout else None
        self.act = None if maxout else act
        self.function = NormActFunction(norm.eps, norm.momentum, False, maxout)
        self.function_with_shortcut = NormActFunction(norm.eps, norm.momentum, True, maxout)
        self.none = Tensor(np.zeros(1, np.float32))

    @classmethod
    def refusal(cls, layer):
        """The kernel takes statistics of the batch in training, moving ones otherwise."""
        norm, _ = _parts(layer)
        if type(norm) is not nn.BatchNorm2d:
            return type(norm).__name__
        if norm.training != layer.training:
            return "a BatchNorm frozen by itself"
        return None if norm.use_batch_statistics is None else f"use_batch_statistics {norm.use_batch_statistics}"

    def construct(self, x, shortcut=None):
        norm = self.norm
        check_map(x.shape, norm.num_features, "NormAct")
        if shortcut is not None:
            check_shortcut(x.shape, shortcut.shape, "NormAct")
        if self.slopes is None:
            pos, neg = self.none, self.none
        else:
            pos, neg = self.slopes.pos_scale, self.slopes.neg_scale
        function = self.function if shortcut is None else self.function_with_shortcut
        added = self.none if shortcut is None else shortcut
        y, _, _, mean, variance = function(
            x, added, norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance, pos, neg
        )
        if self.training:
            ops.assign(norm.moving_mean, mean)
            ops.assign(norm.moving_variance, variance)
        return y if self.act is None else self.act(y)


def _parts(layer):
    """(BatchNorm, nonlinearity or None) of a layer."""
    return (layer.norm, layer.act) if isinstance(layer, NormAct) else (layer, None)
