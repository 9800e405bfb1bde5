# SPDX-License-Identifier: Apache-2.0
"""Binarizers: forward pass and every gradient against the written formulas, in both execution modes."""

import mindspore as ms
import numpy as np
import pytest

from adabin.binarize import (
    ESTIMATORS,
    FORMS,
    ActivationBinarization,
    ActivationBinarizer,
    Binarization,
    WeightBinarizer,
)
from adabin.binary_sets import SETS
from tests import oracle
from tests.modes import in_modes

SHAPES = [(4, 3, 3, 3), (5, 1, 1, 1), (2, 7, 5, 5), (6, 2, 1, 4)]  # of weights


def scalar(value):
    return ms.Tensor(value, ms.float32)


def inputs_with_thresholds(rng, shape, beta):
    """Random values with zeros, beta itself and both neighbors of beta among them."""
    x = rng.normal(beta, 1.2, shape).astype(np.float32)
    flat = x.reshape(-1)
    beta = np.float32(beta)
    for start, value in enumerate(
        (0, -0.0, beta, np.nextafter(beta, np.float32(9)), np.nextafter(beta, np.float32(-9)))
    ):
        flat[start::11] = value
    return x


def gradients(cell, inputs, grad):
    """Output and gradients with regard to all inputs."""

    def loss(*values):
        return (cell(*values) * ms.Tensor(grad)).sum()

    positions = tuple(range(len(inputs)))
    found = ms.grad(loss, positions)(*inputs)
    return cell(*inputs).asnumpy(), [g.asnumpy() for g in found]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("mode", "alpha"), in_modes([0.7, -0.4, 0.0, 2.5], [-0.4]), indirect=["mode"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_activation_forward_and_all_gradients_follow_the_formulas(mode, form, alpha, estimator):
    rng = np.random.default_rng(3)
    beta = 0.3
    x = inputs_with_thresholds(rng, (3, 5, 4, 7), beta)
    grad = rng.normal(0, 1, x.shape).astype(np.float32)
    cell = ActivationBinarization(form, estimator)
    out, (dx, dalpha, dbeta, dk, dt) = gradients(
        cell, [ms.Tensor(x), scalar(alpha), scalar(beta), scalar(2.0), scalar(0.8)], grad
    )
    x, grad = x.astype(np.float64), grad.astype(np.float64)
    alpha, beta = float(np.float32(alpha)), float(np.float32(beta))
    expected = oracle.activation_gradients(x, alpha, beta, grad, form, estimator, 2.0, float(np.float32(0.8)))
    np.testing.assert_allclose(out, oracle.activation(x, alpha, beta, form), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(dx, expected[0], rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(dalpha, expected[1], rtol=1e-5, atol=2e-4)
    np.testing.assert_allclose(dbeta, expected[2], rtol=1e-5, atol=2e-4)
    assert dk == 0 and dt == 0


@pytest.mark.parametrize("weight_set", SETS)
@pytest.mark.parametrize(("mode", "shape"), in_modes(SHAPES, SHAPES[:1]), indirect=["mode"], ids=str)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weight_forward_and_gradient_follow_the_formulas(mode, weight_set, shape, estimator):
    rng = np.random.default_rng(5)
    w = rng.normal(0.1, 0.5, shape).astype(np.float32)
    w.reshape(-1)[::6] = 0.0
    # Dyadic values around their mean, so that a weight lies on the threshold exactly.
    w[0].reshape(-1)[:] = 0.25
    if w[0].size >= 3:
        w[0].reshape(-1)[:2] = [0.75, -0.25]
    grad = rng.normal(0, 1, shape).astype(np.float32)
    k, t = 3.0, 0.7
    out, (dw, dk, dt) = gradients(WeightBinarizer(weight_set, estimator), [ms.Tensor(w), scalar(k), scalar(t)], grad)
    w, grad, t = w.astype(np.float64), grad.astype(np.float64), float(np.float32(t))
    np.testing.assert_allclose(out, oracle.weight(w, weight_set), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dw, oracle.weight_gradient(w, grad, weight_set, estimator, k, t), rtol=2e-5, atol=3e-6)
    assert dk == 0 and dt == 0


@pytest.mark.parametrize("weight_set", ["adabin", "scale"])
@pytest.mark.parametrize(("mode", "value"), in_modes([0.0, 0.1, -3.0], [0.1]), indirect=["mode"])
def test_a_filter_without_variance_becomes_its_constant_and_keeps_finite_gradients(mode, weight_set, value):
    w = np.full((2, 4, 3, 3), value, np.float32)
    grad = np.random.default_rng(0).normal(size=w.shape).astype(np.float32)
    out, (dw, _, _) = gradients(WeightBinarizer(weight_set), [ms.Tensor(w), scalar(1.0), scalar(1.0)], grad)
    expected = np.full_like(w, value) if weight_set == "adabin" else np.where(w >= 0, abs(value), -abs(value))
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    assert np.isfinite(dw).all() and np.abs(dw).max() > 0


@pytest.mark.parametrize("form", FORMS)
def test_alpha_of_zero_gives_one_value_and_a_gradient_that_leaves_zero(mode, form):
    x = np.array([[-2.0, 0.5, 1.0, 3.0]], np.float32)
    out, (dx, dalpha, _, _, _) = gradients(
        ActivationBinarization(form),
        [ms.Tensor(x), scalar(0.0), scalar(0.5), scalar(1.0), scalar(1.0)],
        np.ones_like(x),
    )
    assert np.unique(out).tolist() == [0.0 if form == "released" else 0.5]
    assert not dx.any()
    assert dalpha == (-1 + 1 + 1 + 1) + (4 * 0.5 if form == "released" else 0)


@pytest.mark.parametrize(("mode", "alpha"), in_modes([1e-38, -1e-38, 1e-45, 3e38], [-1e-38]), indirect=["mode"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_extreme_alpha_gives_no_nan(mode, alpha, estimator):
    x = np.array([-1e7, -1.0, 0.0, 1e-38, 1.0, 1e7], np.float32)
    out, found = gradients(
        ActivationBinarization("paper", estimator),
        [ms.Tensor(x), scalar(alpha), scalar(0.0), scalar(1.0), scalar(1.0)],
        np.full_like(x, 1e-3),
    )
    assert np.isfinite(out).all()
    assert not any(np.isnan(g).any() for g in found)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("estimator", ["tanh", "ste"])
def test_activation_formulas_are_the_derivative_of_the_surrogate(form, estimator):
    """Finite differences in float64: sign replaced by s0 + F(u) - F(u0), F the estimator's integral."""
    rng = np.random.default_rng(7)
    x, grad = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    alpha, beta, k, t = 0.8, 0.2, 1.5, 0.9
    s0, f0 = oracle.sign(x, alpha, beta), oracle.INTEGRALS[estimator]((x - beta) / alpha, k, t)

    def surrogate(x, alpha, beta):
        s = s0 + oracle.INTEGRALS[estimator]((x - beta) / alpha, k, t) - f0
        return np.sum(grad * (alpha * (s + beta) if form == "released" else alpha * s + beta))

    h = 1e-6
    dx, dalpha, dbeta = oracle.activation_gradients(x, alpha, beta, grad, form, estimator, k, t)
    assert (surrogate(x, alpha + h, beta) - surrogate(x, alpha - h, beta)) / (2 * h) == pytest.approx(dalpha, abs=1e-7)
    assert (surrogate(x, alpha, beta + h) - surrogate(x, alpha, beta - h)) / (2 * h) == pytest.approx(dbeta, abs=1e-7)
    step = np.zeros_like(x)
    step[1, 2, 3] = h
    numeric = (surrogate(x + step, alpha, beta) - surrogate(x - step, alpha, beta)) / (2 * h)
    assert numeric == pytest.approx(dx[1, 2, 3], abs=1e-7)


@pytest.mark.parametrize("weight_set", SETS)
@pytest.mark.parametrize("estimator", ["tanh", "ste"])
def test_weight_formula_is_the_derivative_of_the_surrogate(weight_set, estimator):
    rng = np.random.default_rng(9)
    w, grad = rng.normal(size=(2, 3, 2, 2)), rng.normal(size=(2, 3, 2, 2))
    k, t = 1.3, 0.6

    def values(w):
        beta, alpha = oracle.weight_statistics(w, weight_set)
        return beta, alpha, oracle.INTEGRALS[estimator]((w - beta) / alpha, k, t)

    beta0, _, f0 = values(w)
    s0 = np.where(w >= beta0, 1.0, -1.0)

    def surrogate(w):
        beta, alpha, f = values(w)
        return np.sum(grad * (alpha * (s0 + f - f0) + beta))

    numeric = np.zeros_like(w)
    for index in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[index] = 1e-6
        numeric[index] = (surrogate(w + step) - surrogate(w - step)) / 2e-6
    np.testing.assert_allclose(oracle.weight_gradient(w, grad, weight_set, estimator, k, t), numeric, atol=1e-7)


@pytest.mark.parametrize("activation_set, trained", [("adabin", 2), ("scale", 1), ("fixed", 0)])
def test_the_activation_set_decides_what_is_learned(activation_set, trained):
    cell = ActivationBinarizer(Binarization(activation_set=activation_set))
    assert len(cell.trainable_params()) == trained
    out = cell(ms.Tensor(np.array([-0.5, 0.0, 2.0], np.float32)), scalar(1.0), scalar(1.0))
    assert out.asnumpy().tolist() == [-1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "field, value", [("w_bits", 2), ("form", "papre"), ("weight_set", ""), ("weight_estimator", "sgn")]
)
def test_an_unknown_choice_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        Binarization(**{field: value})
