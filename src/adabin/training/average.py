# SPDX-License-Identifier: Apache-2.0
"""Exponential moving average of a network's parameters."""

import contextlib

from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from mindspore import dtype as mstype

from adabin.utils.checkpoint import network_parameters

_averaged = ops.MultitypeFuncGraph("averaged")


@_averaged.register("Tensor", "Tensor", "Tensor")
def _follow(share, average, source):
    # `share` comes after the updates: without the dependence the compiled graph reads some weights before them.
    return ops.assign(average, average + share * (ops.depend(source, share) - average))


class WeightAverage(nn.Cell):
    """Average a of everything that a checkpoint stores of a network, BatchNorm's statistics included.

    After the n-th update: a = a + (1 - d) (w - a), with d = min(decay, (1 + n) / (10 + n)), so that the initial
    weights do not weigh on a short training.

    Args:
        network (Cell): whose parameters w are averaged.
        decay (float): below 1.

    Inputs: n, an int32 tensor of one element; what the optimizer returned, so that its updates come first.
    """

    def __init__(self, network, decay):
        super().__init__(auto_prefix=False)
        self.decay = decay
        self.map = ops.HyperMap()  # a loop over so many would exceed what MindSpore compiles
        named = network_parameters(network)
        self.names = tuple(named)
        self.sources = ParameterTuple(named.values())
        self.averages = ParameterTuple(
            Parameter(Tensor(p.asnumpy().copy()), name=f"ema.{name}", requires_grad=False) for name, p in named.items()
        )

    def construct(self, updates, done):
        updates = ops.depend(updates, done)
        count = ops.cast(ops.reshape(updates, ()), mstype.float32)
        share = 1 - ops.minimum((1 + count) / (10 + count), Tensor(self.decay, mstype.float32))
        return self.map(ops.partial(_averaged, share), self.averages, self.sources)

    def parameters(self):
        """Name of each averaged parameter to the Parameter that holds its average."""
        return dict(zip(self.names, self.averages, strict=True))

    @contextlib.contextmanager
    def in_place(self):
        """Context in which the network computes with the averages; its own values return unchanged."""
        own = [source.asnumpy().copy() for source in self.sources]
        # set_data would not reach every compiled graph that holds the parameters.
        for source, average in zip(self.sources, self.averages, strict=True):
            ops.assign(source, Tensor(average.asnumpy().copy()))
        try:
            yield
        finally:
            for source, value in zip(self.sources, own, strict=True):
                ops.assign(source, Tensor(value))
