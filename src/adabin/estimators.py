# SPDX-License-Identifier: Apache-2.0
"""Estimators of the derivative of sign: functions e(u, k, t) that stand for ds/du in the backward pass, by name.

    tanh         k t (1 - tanh^2(t u))     IR-Net; k and t follow a schedule (src/adabin/training/schedule.py)
    polynomial   max(0, 2 - 2 |u|)         Bi-Real Net's piecewise polynomial
    ste          1                         straight-through estimator
    clipped_ste  1 where |u| <= 1, else 0  straight-through estimator with saturation

u: float32 of any shape, up to 1e30 or so where alpha is tiny. k, t: float32 scalars of shape (). The result has the
shape of u. An estimator is compiled as part of a `bprop`: it takes its operators as primitives (`ops.ReLU()`), because
there MindSpore's compiler loses some of the functions that wrap them (ops.relu).

A new one, in a file of its own or of another project, is in use from a line `ESTIMATORS["name"] = function` on, before
networks are built. The CPU kernels know these four; layers with another are binarized by MindSpore's operators.
"""

from mindspore import dtype as mstype
from mindspore import ops

# Mul: a tensor * a number would become Muls, which MindSpore documents for no device.
_relu, _mul = ops.ReLU(), ops.Mul()


def tanh(u, k, t):
    """Derivative of k tanh(t u)."""
    # 1 - tanh^2(z) = 4 e^(-2|z|) / (1 + e^(-2|z|))^2 keeps its relative precision where tanh is close to 1.
    decay = ops.exp(_mul(ops.abs(t * u), -2.0))
    return _mul(k * t, 4.0) * decay / ops.square(1 + decay)


def polynomial(u, k, t):
    """A triangle over |u| < 1."""
    return _relu(2 - _mul(ops.abs(u), 2.0))


def ste(u, k, t):
    """1 everywhere."""
    return _mul(u, 0.0) + 1


def clipped_ste(u, k, t):
    """1 up to |u| = 1."""
    return ops.cast(ops.abs(u) <= 1, mstype.float32)


ESTIMATORS = {"tanh": tanh, "polynomial": polynomial, "ste": ste, "clipped_ste": clipped_ste}


def estimator_named(name):
    """Function of an estimator.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in ESTIMATORS:
        raise ValueError(f"estimator: {name!r} is not one of {', '.join(ESTIMATORS)}")
    return ESTIMATORS[name]
