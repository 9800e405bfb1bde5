# SPDX-License-Identifier: Apache-2.0
"""The layers of binary networks, one file for each kind. A layer says itself what the rest of the program must know:

- `traits` (adabin.layers.traits): decay, precision, counts;
- `deploy_form()`: the same in standard operators, for export (adabin.deploy);
- its CPU form, in adabin.cpu, names the layer's class (adabin.cpu.form).

To add one: its file, and a line here.
"""

from adabin.layers.binary_conv import AdaBinConv2d, set_estimator
from adabin.layers.l2_norm import L2Norm
from adabin.layers.max_pool import MaxPool3x3
from adabin.layers.maxout import Maxout
from adabin.layers.nonlinearity import NONLINEARITIES, build_nonlinearity
from adabin.layers.norm_act import NormAct
from adabin.layers.pooling import MaxPool, MeanPool
from adabin.layers.replace import replace_layers
from adabin.layers.spatial_mean import SpatialMean
from adabin.layers.subsample import SubsampleAndPad
from adabin.layers.traits import Traits, traits_of

__all__ = [
    "NONLINEARITIES",
    "AdaBinConv2d",
    "L2Norm",
    "MaxPool",
    "MaxPool3x3",
    "Maxout",
    "MeanPool",
    "NormAct",
    "SpatialMean",
    "SubsampleAndPad",
    "Traits",
    "build_nonlinearity",
    "replace_layers",
    "set_estimator",
    "traits_of",
]
