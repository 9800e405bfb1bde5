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

from adabin.binary_sets import SETS, set_named
from adabin.estimators import ESTIMATORS, estimator_named

FORMS = ("paper", "released")
# Primitives: inside a bprop MindSpore's compiler loses some of the functions that wrap them (ops.sum).
_sum = ops.ReduceSum()
# A tensor * a number and == a number would become Muls and EqScalar, which MindSpore documents for no device.
_mul, _equal, _reciprocal = ops.Mul(), ops.Equal(), ops.Reciprocal()
# A tiny alpha makes u overflow, and inf * 0 is nan; beyond this size every bounded estimator is 0 anyway.
_LARGE = 1e30


@dataclass(frozen=True)
class Binarization:
    """What is binarized, and how; one object serves all layers of a network.

    Attributes:
        w_bits, a_bits: 1 binarizes weights / activations, 32 leaves them in float32.
        form: `paper`, y = alpha * s + beta, or `released`, y = alpha * (s + beta), which the authors' code computes.
        weight_set, activation_set: a name from `SETS` (adabin.binary_sets): `adabin`, `scale` (no center) or `fixed`.
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
    return _mul(_mask(condition), 2.0) - 1


def _total(x):
    """Sum of all elements; row by row first, which MindSpore's CPU does ten times faster, and more precisely."""
    return _sum(_sum(ops.reshape(x, (x.shape[0], -1)), 1))


def _normalize(x, beta, alpha):
    """u = (x - beta) / alpha, finite for |x - beta| < 1e8; 0 where alpha is 0."""
    is_zero = _mask(_equal(alpha, 0.0))
    return (x - beta) * (ops.minimum(ops.maximum(_reciprocal(alpha + is_zero), -_LARGE), _LARGE) * (1 - is_zero))


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
        slope = self.estimate(u, k, t) * (1 - _mask(_equal(alpha, 0.0)))
        dx = grad * slope
        dalpha = _total(grad * _signs(x, alpha, beta) - dx * u)
        grad_sum, dx_sum = _total(grad), _total(dx)
        if self.released:
            dalpha = dalpha + beta * grad_sum
            dbeta = alpha * grad_sum - dx_sum
        else:
            dbeta = grad_sum - dx_sum
        return ops.cast(dx, x.dtype), dalpha, dbeta, _mul(k, 0.0), _mul(t, 0.0)


class ActivationBinarizer(nn.Cell):
    """Adaptive binary set of a layer's input: learned distance `alpha_a` and center `beta_a`, both of shape ().

    Args:
        settings (Binarization): form, activation set and estimator.

    Inputs: x of any shape; k and t, scalars, used by the `tanh` estimator only. Output: shape of x.
    """

    def __init__(self, settings):
        super().__init__()
        learned = set_named(settings.activation_set).learned
        self.alpha_a = Parameter(Tensor(1.0, mstype.float32), requires_grad="alpha" in learned)
        self.beta_a = Parameter(Tensor(0.0, mstype.float32), requires_grad="beta" in learned)
        self.binarize = ActivationBinarization(settings.form, settings.activation_estimator)

    def construct(self, x, k, t):
        return self.binarize(x, self.alpha_a, self.beta_a, k, t)


class WeightBinarizer(nn.Cell):
    """Binary weights W of the latent weights w, one set per output channel (first axis).

    Forward: W = alpha * s + beta with s = +1 where w >= beta, else -1; beta and alpha of a filter, which has
    C_in / groups * k_h * k_w latent weights, are what the binary set says (adabin.binary_sets).

    Backward, with G = dL/dW, v = (w - beta) / alpha, e the estimator at v and M the mean over a filter; beta and alpha
    are not detached:

        adabin   dL/dw = e G - M(e G) - v M(e G v) + v M(G s) + M(G)
        scale    dL/dw = e G - s M(e G v) + s M(G s)
        fixed    dL/dw = e G

    A filter without variance (alpha = 0) becomes the constant beta; v is taken as 0 there: all stays finite.
    """

    def __init__(self, weight_set="adabin", estimator="tanh"):
        super().__init__()
        self.of_weights, self.through_set = set_named(weight_set).of_weights, set_named(weight_set).through_set
        self.estimate = estimator_named(estimator)

    def construct(self, w, k, t):
        """w: (C_out, C_in / groups, k_h, k_w); k, t: scalars of shape ()."""
        flat = ops.reshape(w, (w.shape[0], -1))
        beta, alpha = self.of_weights(flat)
        return ops.reshape(ops.select(flat >= beta, beta + alpha, beta - alpha), w.shape)

    def bprop(self, w, k, t, out, dout):
        """Gradients of (w, k, t); k and t get zeros."""
        flat = ops.reshape(w, (w.shape[0], -1))
        grad = ops.reshape(ops.cast(dout, mstype.float32), flat.shape)
        beta, alpha = self.of_weights(flat)
        v = _normalize(flat, beta, alpha)
        sign = _sign(flat >= beta)
        dw = self.through_set(self.estimate(v, k, t) * grad, grad, sign, v)
        return ops.reshape(dw, w.shape), _mul(k, 0.0), _mul(t, 0.0)
