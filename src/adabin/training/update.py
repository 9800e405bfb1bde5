# SPDX-License-Identifier: Apache-2.0
"""From gradients to new weights: reduction over devices, loss scale, clipping, optimizer, moving average."""

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype

INITIAL_SCALE = 2.0**16
LARGEST_SCALE = 2.0**24
STEPS_TO_GROW = 2000
# With a number: `*` and `/` would become Muls and Divs, which MindSpore documents for no device.
_mul, _reciprocal = ops.Mul(), ops.Reciprocal()


_squared = ops.MultitypeFuncGraph("squared")
_scaled = ops.MultitypeFuncGraph("scaled")
_unscaled = ops.MultitypeFuncGraph("unscaled")


@_squared.register("Tensor")
def _square(gradient):
    return ops.sum(ops.square(gradient))


@_scaled.register("Tensor", "Tensor")
def _scale(factor, gradient):
    return gradient * factor


@_unscaled.register("Tensor", "Tensor")
def _unscale(scale, gradient):
    return gradient / scale


class LossScale(nn.Cell):
    """Factor on the loss that keeps small float16 gradients from vanishing, adjusted during the training.

    It doubles after 2,000 updates in a row with finite gradients and halves after one with others.
    """

    def __init__(self, initial=INITIAL_SCALE):
        super().__init__(auto_prefix=False)
        self.value = Parameter(Tensor(initial, mstype.float32), name="loss_scale.value", requires_grad=False)
        self.steps = Parameter(Tensor(0, mstype.int32), name="loss_scale.steps", requires_grad=False)

    def construct(self, is_finite):
        """Adjust the factor; is_finite: a bool of shape ()."""
        steps = ops.select(is_finite, self.steps + 1, Tensor(0, mstype.int32))
        grows = steps >= STEPS_TO_GROW
        value = ops.select(is_finite, self.value, ops.maximum(_mul(self.value, 0.5), Tensor(1.0, mstype.float32)))
        value = ops.select(grows, ops.minimum(_mul(value, 2.0), Tensor(LARGEST_SCALE, mstype.float32)), value)
        ops.assign(self.value, value)
        ops.assign(self.steps, ops.select(grows, Tensor(0, mstype.int32), steps))
        return True


class ClipByGlobalNorm(nn.Cell):
    """Gradients g times min(1, limit / ||g||), the norm over all of them together.

    Args:
        limit (float): largest norm, above 0.
    """

    def __init__(self, limit):
        super().__init__()
        self.limit = limit
        self.map = ops.HyperMap()  # a loop over so many would exceed what MindSpore compiles

    def construct(self, gradients):
        total = ops.addn(self.map(_squared, gradients))
        # No division by a norm of 0, and a factor of 1, but for rounding, below the limit.
        factor = _mul(_reciprocal(ops.maximum(ops.sqrt(total), Tensor(self.limit, mstype.float32))), self.limit)
        return self.map(ops.partial(_scaled, factor), gradients)


class Update(nn.Cell):
    """Change the weights by the gradients of a batch.

    Args:
        optimizer: of the weights.
        clip_norm (float): see `ClipByGlobalNorm`; 0 does not clip.
        average (WeightAverage): follows the weights, or None.
        loss_scale (LossScale): what the loss was multiplied with, or None. Gradients that are not finite change
            nothing but the factor itself.

    Inputs: gradients, a tuple in the order of `optimizer.parameters`.

    `reduce` maps the gradients of this process to those that all processes of a distributed training use.
    """

    def __init__(self, optimizer, clip_norm=0.0, average=None, loss_scale=None):
        super().__init__(auto_prefix=False)
        self.optimizer = optimizer
        self.reduce = nn.Identity()
        self.clip = ClipByGlobalNorm(clip_norm) if clip_norm else nn.Identity()
        self.average = average
        self.loss_scale = loss_scale
        self.map = ops.HyperMap()

    def construct(self, gradients):
        gradients = self.reduce(gradients)
        if self.loss_scale is None:
            return self.apply(gradients)
        unscaled = self.map(ops.partial(_unscaled, self.loss_scale.value), gradients)
        is_finite = ms.amp.all_finite(unscaled)
        if is_finite:
            self.apply(unscaled)
        return self.loss_scale(is_finite)

    def apply(self, gradients):
        """Clip, optimize, average."""
        done = self.optimizer(self.clip(gradients))
        if self.average is not None:
            done = self.average(self.optimizer.global_step, done)
        return done
