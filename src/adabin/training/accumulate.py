# SPDX-License-Identifier: Apache-2.0
"""Gradient accumulation: a batch in parts, one update for all of them."""

import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from mindspore import dtype as mstype

_added = ops.MultitypeFuncGraph("added")
_divided = ops.MultitypeFuncGraph("divided")
_div = ops.Div()  # by a number: `/` would become Divs, which MindSpore documents for no device


@_added.register("Tensor", "Tensor", "Tensor")
def _add(is_first, total, value):
    return ops.assign(total, ops.select(is_first, value, total + value))


@_divided.register("Number", "Tensor")
def _divide(parts, total):
    return _div(total, parts)


class _Sums(nn.Cell):
    """Sums of gradients, losses and statistics over the parts of a batch."""

    def __init__(self, parameters, statistics):
        super().__init__(auto_prefix=False)
        self.gradients = ParameterTuple(
            Parameter(Tensor(np.zeros(p.shape, np.float32)), name=f"sum.{p.name}", requires_grad=False)
            for p in parameters
        )
        self.loss = Parameter(Tensor(0.0, mstype.float32), name="sum.loss", requires_grad=False)
        self.statistics = ParameterTuple(
            Parameter(Tensor(0.0, mstype.float32), name=f"sum.{name}", requires_grad=False) for name in statistics
        )


class _AddPart(nn.Cell):
    """Add what one part of a batch gives; `is_first` forgets the batch before."""

    def __init__(self, step, sums):
        super().__init__(auto_prefix=False)
        self.step = step
        self.sums = sums
        self.map = ops.HyperMap()  # as in `GradientAverage`

    def construct(self, is_first, images, *targets):
        loss, statistics, gradients = self.step.gradients(images, *targets)
        add = ops.partial(_added, is_first)
        return (
            self.map(add, self.sums.gradients, gradients),
            add(self.sums.loss, loss),
            self.map(add, self.sums.statistics, statistics),
        )


class _UpdateFromSums(nn.Cell):
    """One update by the mean of the parts."""

    def __init__(self, update, sums, parts):
        super().__init__(auto_prefix=False)
        self.update = update
        self.sums = sums
        self.parts = float(parts)
        self.map = ops.HyperMap()

    def construct(self):
        gradients = self.map(ops.partial(_divided, self.parts), self.sums.gradients)
        statistics = ()
        for total in self.sums.statistics:
            statistics = statistics + (total + 0,)
        return ops.depend(_div(self.sums.loss, self.parts), self.update(gradients)), statistics


class AccumulatedStep:
    """A training step whose memory is that of a part of the batch; called like a `TrainStep`.

    The gradients are those of the whole batch, up to rounding, but for BatchNorm, which sees one part at a time.

    Args:
        step (TrainStep): its gradients and its update are used.
        parts (int): divides the batch size.
    """

    def __init__(self, step, parts):
        self.step, self.parts = step, parts
        self.optimizer, self.update, self.loss = step.optimizer, step.update, step.loss
        sums = _Sums(step.optimizer.parameters, step.loss.statistics)
        self.add = _AddPart(step, sums)
        self.finish = _UpdateFromSums(step.update, sums, parts)

    def __call__(self, images, *targets):
        size = len(images) // self.parts
        for part in range(self.parts):
            rows = slice(part * size, (part + 1) * size)
            self.add(Tensor(part == 0), *(tensor[rows] for tensor in (images, *targets)))
        return self.finish()

    def set_train(self, mode=True):
        """As `TrainStep.set_train`."""
        self.step.set_train(mode)
        return self

    def set_learning_rate(self, value):
        """As `TrainStep.set_learning_rate`."""
        self.step.set_learning_rate(value)
