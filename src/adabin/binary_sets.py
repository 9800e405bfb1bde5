# SPDX-License-Identifier: Apache-2.0
"""Binary sets {beta - alpha, beta + alpha} by name: where center beta and distance alpha come from.

Weights have a set per output channel, computed from its N latent weights w, with M their mean:

    adabin   beta = M(w),  alpha = sqrt(M((w - beta)^2))     mean and deviation (AdaBin, section 3.2)
    scale    beta = 0,     alpha = M(|w|)                    XNOR-Net
    fixed    beta = 0,     alpha = 1                         {-1, +1}

Activations have one per layer, whose alpha (1 at first) and beta (0 at first) are learned, or not.

A new one, in a file of its own or of another project, is in use from a line `SETS["name"] = BinarySet(...)` on, before
networks are built; its functions are compiled, so they begin with `def`. The CPU kernels know these three; layers with
another are binarized by MindSpore's operators.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mindspore import ops

mean = ops.ReduceMean(keep_dims=True)  # a primitive, as for estimators (src/adabin/estimators.py)
_mul = ops.Mul()  # with a number, as there


@dataclass(frozen=True)
class BinarySet:
    """What a binary set is for weights and for activations.

    Attributes:
        of_weights: function w -> (beta, alpha), each (C_out, 1), of latent weights (C_out, N).
        through_set: function (dw, grad, sign, v) -> dL/dw, each (C_out, N), with grad = dL/dW, s = sign, v = (w - beta)
            / alpha and dw = e(v) grad, the gradient if beta and alpha were constants; it adds what comes through them.
        learned (tuple): of "alpha" and "beta", which of an activation's are learned.
    """

    of_weights: Callable
    through_set: Callable
    learned: tuple = ()


def _mean_and_deviation(w):
    beta = mean(w, 1)
    return beta, ops.sqrt(mean(ops.square(w - beta), 1))


def _through_mean_and_deviation(dw, grad, sign, v):
    return dw - mean(dw, 1) - v * mean(dw * v, 1) + v * mean(grad * sign, 1) + mean(grad, 1)


def _magnitude(w):
    alpha = mean(ops.abs(w), 1)
    return _mul(alpha, 0.0), alpha


def _through_magnitude(dw, grad, sign, v):
    return dw - sign * mean(dw * v, 1) + sign * mean(grad * sign, 1)


def _ones(w):
    zero = _mul(mean(ops.abs(w), 1), 0.0)
    return zero, zero + 1


def detached(dw, grad, sign, v):
    """Nothing comes through beta and alpha, which are taken for constants."""
    return dw


SETS = {
    "adabin": BinarySet(_mean_and_deviation, _through_mean_and_deviation, ("alpha", "beta")),
    "scale": BinarySet(_magnitude, _through_magnitude, ("alpha",)),
    "fixed": BinarySet(_ones, detached),
}


def set_named(name):
    """The `BinarySet` of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in SETS:
        raise ValueError(f"binary set: {name!r} is not one of {', '.join(SETS)}")
    return SETS[name]
