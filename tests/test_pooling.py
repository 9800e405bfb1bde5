# SPDX-License-Identifier: Apache-2.0
"""Poolings with padding that does not count: NumPy, MindSpore's operators and the CPU kernels, in both modes."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from adabin.cpu import accelerate
from adabin.layers import MaxPool, MeanPool
from adabin.utils.config import read_config
from tests.cpu_library import needs_kernels
from tests.modes import in_modes


def expected_of(kind, kernel, stride, x, grad):
    """(output, gradient), window by window; of equal maxima the first gets the gradient."""
    out, dx = np.empty_like(grad), np.zeros_like(x)
    before = [
        max((n - 1) * stride + kernel - size, 0) // 2 for n, size in zip(grad.shape[2:], x.shape[2:], strict=True)
    ]
    for n, c, i, j in np.ndindex(grad.shape):
        rows = slice(max(i * stride - before[0], 0), i * stride - before[0] + kernel)
        columns = slice(max(j * stride - before[1], 0), j * stride - before[1] + kernel)
        window, into = x[n, c, rows, columns], dx[n, c, rows, columns]
        if kind is MeanPool:
            out[n, c, i, j] = window.mean()
            into += grad[n, c, i, j] / window.size
        else:
            out[n, c, i, j] = window.max()
            into[np.unravel_index(window.argmax(), window.shape)] += grad[n, c, i, j]
    return out, dx


@needs_kernels
@pytest.mark.parametrize("kernels", ["off", "on"])
@pytest.mark.parametrize(
    ("mode", "size"), in_modes([(8, 6), (7, 5), (1, 3), (2, 1)], [(7, 5)]), indirect=["mode"], ids=str
)
@pytest.mark.parametrize(("kind", "kernel", "stride"), [(MaxPool, 2, 2), (MaxPool, 3, 1), (MeanPool, 2, 2)])
def test_output_and_gradient_are_those_of_the_windows_inside(mode, kind, kernel, stride, size, kernels):
    rng = np.random.default_rng(3)
    x = np.round(rng.normal(-3, 1, (3, 4, *size)) * 2).astype(np.float32)  # zeros around would win; many are equal
    grad = rng.normal(size=(3, 4, *(-(-side // stride) for side in size))).astype(np.float32)
    out, dx = expected_of(kind, kernel, stride, x, grad)
    network = accelerate(nn.SequentialCell(kind(kernel, stride)), read_config(None, {"cpu_kernels": kernels}))
    assert (type(network[0]) is kind) == (kernels == "off")

    def loss(value):
        y = network(value)
        return (y * ms.Tensor(grad)).sum(), y

    (_, y), found = ms.value_and_grad(loss, 0, has_aux=True)(ms.Tensor(x))
    np.testing.assert_allclose(y.asnumpy(), out, rtol=1e-6)
    np.testing.assert_allclose(found.asnumpy(), dx, rtol=1e-5, atol=1e-6)


def test_windows_that_leave_pixels_out_are_refused():
    with pytest.raises(ValueError, match="stride: 3 is more than kernel_size 2"):
        MaxPool(2, 3)
