# SPDX-License-Identifier: Apache-2.0
"""Mean over space, before the last layer of a network."""

from mindspore import nn, ops


class SpatialMean(nn.Cell):
    """Mean of every map over its pixels.

    Inputs: x (N, C, H, W). Output: (N, C).
    """

    def __init__(self):
        super().__init__()
        self.mean = ops.ReduceMean()

    def construct(self, x):
        return self.mean(x, (2, 3))
