# SPDX-License-Identifier: Apache-2.0
"""Holding what the C++ engine makes of an exported Cell to what MindSpore makes of it."""

import itertools

import mindspore as ms
import numpy as np
from mindspore import nn

from adabin.export import write
from tests import cpp

SHAPE = (2, 6, 5, 4)


class Function(nn.Cell):
    """A function of tensors as a Cell."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def construct(self, x):
        return self.function(x)


def check(cell, folder, shape=SHAPE, within=1e-5, x=None):
    """The exported Cell in C++, from either file and on either device, gives MindSpore's outputs, in their order.

    Args:
        cell, folder, shape, within: what is exported, where to, for inputs of what shape, and how near outputs are.
        x: the inputs; None: random values.
    """
    ms.set_context(mode=ms.GRAPH_MODE)
    cell.set_train(False)
    if x is None:
        x = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    write(cell, folder / "net.mindir", "MINDIR", shape)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    expected = cell(ms.Tensor(x))
    ms.set_context(mode=ms.GRAPH_MODE)
    expected = expected if isinstance(expected, tuple) else (expected,)
    cpp.run("adabin_pack", "--model", folder / "net.mindir", "--output", folder / "net.adabin")
    for suffix, device in itertools.product((".mindir", ".adabin"), ("CPU", "Reference")):
        found, _ = cpp.outputs(folder / f"net{suffix}", x, folder / suffix / device, "--device_type", device)
        assert len(found) == len(expected)
        for own, theirs in zip(found, expected, strict=True):
            theirs = theirs.asnumpy().reshape(shape[0], -1)
            assert own.shape == theirs.shape
            largest = np.abs(theirs[np.isfinite(theirs)]).max(initial=0)
            np.testing.assert_allclose(own, theirs, rtol=within, atol=within * largest)
