# SPDX-License-Identifier: Apache-2.0
"""An estimator of one's own: the gradient that the sign function gets in training.

python examples/own_estimator.py --epochs 1 --weight_estimator bell        # all flags of train.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: F401 - makes adabin importable; not needed where the wheel is installed

# isort: split
from mindspore import ops

import train
from adabin.estimators import ESTIMATORS
from adabin.utils.cli import run


def bell(u, k, t):
    """e(u) = exp(-u^2): of all latent weights those near the threshold move most."""
    return ops.exp(-u * u)


ESTIMATORS["bell"] = bell

if __name__ == "__main__":
    run(train.main)
