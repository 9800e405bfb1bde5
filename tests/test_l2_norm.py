# SPDX-License-Identifier: Apache-2.0
"""L2Norm: output, gradients and deploy form against its formula in NumPy, in both execution modes."""

import mindspore as ms
import numpy as np
import pytest

from adabin.layers import L2Norm, traits_of


def run(layer, x, grad):
    """Output, and gradients of x and scale."""

    def loss(value):
        out = layer(value)
        return (out * ms.Tensor(grad)).sum(), out

    (_, out), (dx, (dscale,)) = ms.value_and_grad(loss, 0, [layer.scale], has_aux=True)(ms.Tensor(x))
    return out.asnumpy(), dx.asnumpy(), dscale.asnumpy()


def test_output_and_gradients_follow_the_formula(mode):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 5, 3, 4)).astype(np.float32)
    grad = rng.normal(size=x.shape).astype(np.float32)
    scale = rng.normal(20, 5, (1, 5, 1, 1)).astype(np.float32)
    layer = L2Norm(5)
    assert (layer.scale.asnumpy() == 20).all()
    layer.scale.set_data(ms.Tensor(scale))
    out, dx, dscale = run(layer, x, grad)
    x, grad = x.astype(np.float64), grad.astype(np.float64)
    expected = np.empty_like(x)
    expected_dx = np.empty_like(x)
    for n, i, j in np.ndindex(2, 3, 4):
        v = x[n, :, i, j]
        norm = np.sqrt(v @ v)
        expected[n, :, i, j] = scale.ravel() * v / norm
        jacobian = scale.ravel()[:, None] * (np.eye(5) / norm - np.outer(v, v) / norm**3)
        expected_dx[n, :, i, j] = grad[n, :, i, j] @ jacobian
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-4, atol=1e-4)
    expected_dscale = (grad * expected / scale).sum(axis=(0, 2, 3), keepdims=True)
    np.testing.assert_allclose(dscale, expected_dscale, rtol=1e-5, atol=1e-5)


def test_a_pixel_of_zeros_stays_zero_and_its_gradient_finite(mode):
    x = np.zeros((1, 3, 1, 2), np.float32)
    x[0, :, 0, 1] = 1
    out, dx, dscale = run(L2Norm(3), x, np.ones_like(x))
    assert (out[0, :, 0, 0] == 0).all() and np.isfinite(dx).all() and np.isfinite(dscale).all()
    np.testing.assert_allclose(out[0, :, 0, 1], 20 / np.sqrt(3), rtol=1e-6)


def test_the_deploy_form_gives_the_same_numbers(mode):
    layer = L2Norm(7)
    x = ms.Tensor(np.random.default_rng(0).normal(0, 30, (3, 7, 5, 4)).astype(np.float32))
    np.testing.assert_array_equal(layer.deploy_form()(x).asnumpy(), layer(x).asnumpy())


def test_its_scale_is_of_a_kind_that_decay_may_spare():
    assert traits_of(L2Norm(3)).decay == {"scale": "l2_norm"}


def test_maps_of_another_shape_are_refused(mode):
    with pytest.raises(ValueError, match=r"L2Norm: the input has shape \(1, 4, 2, 2\), not \(N, 3, H, W\)"):
        L2Norm(3)(ms.Tensor(np.zeros((1, 4, 2, 2), np.float32)))
