# SPDX-License-Identifier: Apache-2.0
"""AdaBin's binarization on one page (Tu, Chen, Ren, Wang: "AdaBin", ECCV 2022, arXiv 2208.08084).

A tensor is mapped to a binary set {beta - alpha, beta + alpha} with center beta and distance alpha:

    u = (x - beta) / alpha        s = +1 where u >= 0, else -1        y = alpha * s + beta

Weights have one set per output channel, computed from the latent weights (mean and population standard deviation:
"weight equalization"). Activations have one learned set per layer. sign(0) is +1 everywhere, because a third value
cannot be packed into a bit.

The derivative of s is zero almost everywhere, so the backward pass takes an estimator ds/du = e(u) instead
(src/adabin/estimators.py): by default k t (1 - tanh^2(t u)) for weights and max(0, 2 - 2 |u|) for activations.
"""

from dataclasses import dataclass

from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype

from adabin.estimators import ESTIMATORS, estimator_named

SETS = ("adabin", "scale", "fixed")
FORMS = ("paper", "released")
# Primitives: inside a bprop MindSpore's compiler loses some of the functions that wrap them (ops.sum).
_sum = ops.ReduceSum()
_mean = ops.ReduceMean(keep_dims=True)
# A tiny alpha makes u overflow, and inf * 0 is nan; beyond this size every bounded estimator is 0 anyway.
_LARGE = 1e30


@dataclass(frozen=True)
class Binarization:
    """What is binarized, and how; one object serves all layers of a network.

    Attributes:
        w_bits, a_bits: 1 binarizes weights / activations, 32 leaves them in float32.
        form: `paper`, y = alpha * s + beta, or `released`, y = alpha * (s + beta), which the authors' code computes.
        weight_set: `adabin` (mean and deviation), `scale` (XNOR-Net: no center, mean |w|) or `fixed` ({-1, +1}).
        activation_set: `adabin` (alpha and beta learned), `scale` (alpha learned, beta = 0) or `fixed` ({-1, +1}).
        weight_estimator, activation_estimator: a name from `ESTIMATORS` (adabin.estimators).
    """

    w_bits: int = 1
    a_bits: int = 1
    form: str = "paper"
    weight_set: str = "adabin"
    activation_set: str = "adabin"
    weight_estimator: str = "tanh"
    activation_estimator: str = "polynomial"

    def __post_init__(self):
        allowed = {
            "w_bits": (1, 32),
            "a_bits": (1, 32),
            "form": FORMS,
            "weight_set": SETS,
            "activation_set": SETS,
            "weight_estimator": ESTIMATORS,
            "activation_estimator": ESTIMATORS,
        }
        for field, values in allowed.items():
            if getattr(self, field) not in values:
                raise ValueError(f"{field}: {getattr(self, field)!r} is not one of {', '.join(map(str, values))}")


def _mask(condition):
    """1.0 where the condition holds, else 0.0."""
    return ops.cast(condition, mstype.float32)


def _sign(condition):
    """+1.0 where the condition holds, else -1.0."""
    return 2 * _mask(condition) - 1


def _total(x):
    """Sum of all elements; row by row first, which MindSpore's CPU does ten times faster, and more precisely."""
    return _sum(_sum(ops.reshape(x, (x.shape[0], -1)), 1))


def _normalize(x, beta, alpha):
    """u = (x - beta) / alpha, finite for |x - beta| < 1e8; 0 where alpha is 0."""
    is_zero = _mask(alpha == 0)
    return (x - beta) * (ops.minimum(ops.maximum(1 / (alpha + is_zero), -_LARGE), _LARGE) * (1 - is_zero))


def _signs(x, alpha, beta):
    """s = +1 for x from beta upwards if alpha >= 0, for x up to beta if alpha < 0, else -1.

    A product with +-1 does not round, so the comparison is exact but for denormals, which MindSpore takes for 0 on most
    CPU threads whatever is done with them.
    """
    direction = _sign(alpha >= 0)
    return _sign(direction * x >= direction * beta)


class ActivationBinarization(nn.Cell):
    """Binarize x with the set of (alpha, beta); the function behind `ActivationBinarizer`.

    Forward: y = alpha * s + beta (`paper`) or alpha * (s + beta) (`released`). As s is exactly +-1, there
    are two results, the floats that the deploy form (src/adabin/deploy.py) chooses from.

    Backward, with G = dL/dy and g = e(u), the sums running over the whole tensor in float32:

        dL/dx     = G g
        dL/dalpha = sum G (s - u g)            released: sum G (s + beta - u g)
        dL/dbeta  = sum G (1 - g)              released: sum G (alpha - g)

    alpha may be negative. For alpha = 0 all outputs are equal and u is undefined: s is +1 from beta upwards and g is 0,
    so that dL/dalpha = sum G s still moves alpha away from 0.
    """

    def __init__(self, form="paper", estimator="polynomial"):
        super().__init__()
        self.released = form == "released"
        self.estimate = estimator_named(estimator)

    def construct(self, x, alpha, beta, k, t):
        """x: any shape; alpha, beta, k, t: float32 scalars of shape ()."""
        s = _signs(x, alpha, beta)
        return alpha * (s + beta) if self.released else alpha * s + beta

    def bprop(self, x, alpha, beta, k, t, out, dout):
        """Gradients of (x, alpha, beta, k, t); k and t get zeros."""
        grad = ops.cast(dout, mstype.float32)
        u = _normalize(ops.cast(x, mstype.float32), beta, alpha)
        slope = self.estimate(u, k, t) * (1 - _mask(alpha == 0))
        dx = grad * slope
        dalpha = _total(grad * _signs(x, alpha, beta) - dx * u)
        grad_sum, dx_sum = _total(grad), _total(dx)
        if self.released:
            dalpha = dalpha + beta * grad_sum
            dbeta = alpha * grad_sum - dx_sum
        else:
            dbeta = grad_sum - dx_sum
        return ops.cast(dx, x.dtype), dalpha, dbeta, k * 0, t * 0


class ActivationBinarizer(nn.Cell):
    """Adaptive binary set of a layer's input: learned distance `alpha_a` and center `beta_a`, both of shape ().

    Args:
        settings (Binarization): form, activation set and estimator.

    Inputs: x of any shape; k and t, scalars, used by the `tanh` estimator only. Output: shape of x.
    """

    def __init__(self, settings):
        super().__init__()
        learned = settings.activation_set
        self.alpha_a = Parameter(Tensor(1.0, mstype.float32), requires_grad=learned != "fixed")
        self.beta_a = Parameter(Tensor(0.0, mstype.float32), requires_grad=learned == "adabin")
        self.binarize = ActivationBinarization(settings.form, settings.activation_estimator)

    def construct(self, x, k, t):
        return self.binarize(x, self.alpha_a, self.beta_a, k, t)


class WeightBinarizer(nn.Cell):
    """Binary weights W of the latent weights w, one set per output channel (first axis).

    Forward, with M the mean over a filter of N = C_in / groups * k_h * k_w latent weights:

        adabin   beta = M(w),  alpha = sqrt(M((w - beta)^2))      scale   beta = 0, alpha = M(|w|)
        fixed    beta = 0, alpha = 1                              W = alpha * s + beta,  s = +1 where w >= beta

    Backward, with G = dL/dW, v = (w - beta) / alpha and e the estimator at v; the statistics are not detached:

        adabin   dL/dw = e G - M(e G) - v M(e G v) + v M(G s) + M(G)
        scale    dL/dw = e G - s M(e G v) + s M(G s)
        fixed    dL/dw = e G

    A filter without variance (alpha = 0) becomes the constant beta; v is taken as 0 there: all stays finite.
    """

    def __init__(self, weight_set="adabin", estimator="tanh"):
        super().__init__()
        self.weight_set = weight_set
        self.estimate = estimator_named(estimator)

    def _statistics(self, flat):
        """(beta, alpha), each (C_out, 1), of latent weights (C_out, N)."""
        if self.weight_set == "adabin":
            beta = _mean(flat, 1)
            return beta, ops.sqrt(_mean(ops.square(flat - beta), 1))
        magnitude = _mean(ops.abs(flat), 1)
        if self.weight_set == "scale":
            return magnitude * 0, magnitude
        return magnitude * 0, magnitude * 0 + 1

    def construct(self, w, k, t):
        """w: (C_out, C_in / groups, k_h, k_w); k, t: scalars of shape ()."""
        flat = ops.reshape(w, (w.shape[0], -1))
        beta, alpha = self._statistics(flat)
        return ops.reshape(ops.select(flat >= beta, beta + alpha, beta - alpha), w.shape)

    def bprop(self, w, k, t, out, dout):
        """Gradients of (w, k, t); k and t get zeros."""
        flat = ops.reshape(w, (w.shape[0], -1))
        grad = ops.reshape(ops.cast(dout, mstype.float32), flat.shape)
        beta, alpha = self._statistics(flat)
        v = _normalize(flat, beta, alpha)
        sign = _sign(flat >= beta)
        dw = self.estimate(v, k, t) * grad
        if self.weight_set == "adabin":
            dw = dw - _mean(dw, 1) - v * _mean(dw * v, 1) + v * _mean(grad * sign, 1) + _mean(grad, 1)
        elif self.weight_set == "scale":
            dw = dw - sign * _mean(dw * v, 1) + sign * _mean(grad * sign, 1)
        return ops.reshape(dw, w.shape), k * 0, t * 0
