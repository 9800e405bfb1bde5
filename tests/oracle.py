# SPDX-License-Identifier: Apache-2.0
"""AdaBin's formulas in plain NumPy, float64: what the Cells are compared with."""

import numpy as np

# Integrals F(u) of the estimators e(u), for finite differences.
INTEGRALS = {
    "tanh": lambda u, k, t: k * np.tanh(t * u),
    "polynomial": lambda u, k, t: np.where(np.abs(u) < 1, np.sign(u) * (2 * np.abs(u) - u * u), np.sign(u)),
    "ste": lambda u, k, t: u,
    "clipped_ste": lambda u, k, t: np.clip(u, -1, 1),
}


def estimator(name, u, k, t):
    """e(u) as the module docstring of src/adabin/binarize.py gives it."""
    return {
        "tanh": k * t * (1 - np.tanh(t * u) ** 2),
        "polynomial": np.maximum(0, 2 - 2 * np.abs(u)),
        "ste": np.ones_like(u),
        "clipped_ste": (np.abs(u) <= 1).astype(float),
    }[name]


def sign(x, alpha, beta):
    """+1 where (x - beta) / alpha >= 0; for alpha = 0 from beta upwards."""
    return np.where((x >= beta) if alpha >= 0 else (x <= beta), 1.0, -1.0)


def activation(x, alpha, beta, form):
    s = sign(x, alpha, beta)
    return alpha * (s + beta) if form == "released" else alpha * s + beta


def activation_gradients(x, alpha, beta, grad, form, name, k=1.0, t=1.0):
    """(dx, dalpha, dbeta), term by term from the docstring of ActivationBinarization."""
    s = sign(x, alpha, beta)
    u = (x - beta) / alpha if alpha != 0 else np.zeros_like(x)
    g = estimator(name, u, k, t) if alpha != 0 else np.zeros_like(x)
    if form == "released":
        return grad * g, np.sum(grad * (s + beta - u * g)), np.sum(grad * (alpha - g))
    return grad * g, np.sum(grad * (s - u * g)), np.sum(grad * (1 - g))


def weight_statistics(w, weight_set):
    """(beta, alpha) per output channel, broadcastable to w."""
    axes = tuple(range(1, w.ndim))
    if weight_set == "adabin":
        beta = w.mean(axis=axes, keepdims=True)
        return beta, np.sqrt(((w - beta) ** 2).mean(axis=axes, keepdims=True))
    zero = np.zeros((len(w), *(1,) * len(axes)))
    return zero, np.abs(w).mean(axis=axes, keepdims=True) if weight_set == "scale" else zero + 1


def weight(w, weight_set):
    beta, alpha = weight_statistics(w, weight_set)
    return alpha * np.where(w >= beta, 1.0, -1.0) + beta


def weight_gradient(w, grad, weight_set, name, k, t):
    """dL/dw, element by element from the chain rule with the full Jacobian of the statistics, one filter at a time."""
    result = np.empty_like(w)
    for o in range(len(w)):
        flat, g = w[o].ravel(), grad[o].ravel()
        n = flat.size
        beta, alpha = (float(v.squeeze()) for v in weight_statistics(w[o : o + 1], weight_set))
        v = (flat - beta) / alpha if alpha > 0 else np.zeros(n)
        s = np.where(flat >= beta, 1.0, -1.0)
        e = estimator(name, v, k, t)
        if weight_set == "adabin":
            dbeta, dalpha = np.full(n, 1 / n), v / n
        elif weight_set == "scale":
            dbeta, dalpha = np.zeros(n), s / n
        else:
            dbeta, dalpha = np.zeros(n), np.zeros(n)
        # W_i = alpha s(v_i) + beta with alpha v_i = w_i - beta:
        # dW_i/dw_j = e_i (I_ij - dbeta_j - v_i dalpha_j) + s_i dalpha_j + dbeta_j
        jacobian = e[:, None] * (np.eye(n) - dbeta - v[:, None] * dalpha) + s[:, None] * dalpha + dbeta
        result[o] = (g @ jacobian).reshape(w[o].shape)
    return result


def conv2d(x, w, stride=1, padding=(0, 0, 0, 0), dilation=1, group=1):
    """Convolution by definition; padding is (top, bottom, left, right) zeros."""
    top, bottom, left, right = padding
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    n, c, height, width = x.shape
    out_channels, in_group, kh, kw = w.shape
    rows = (height - dilation * (kh - 1) - 1) // stride + 1
    columns = (width - dilation * (kw - 1) - 1) // stride + 1
    out = np.zeros((n, out_channels, rows, columns))
    per_group = out_channels // group
    for o in range(out_channels):
        first = (o // per_group) * in_group
        for i in range(kh):
            for j in range(kw):
                taps = x[
                    :,
                    first : first + in_group,
                    i * dilation : i * dilation + rows * stride : stride,
                    j * dilation : j * dilation + columns * stride : stride,
                ]
                out[:, o] += np.einsum("nchw,c->nhw", taps, w[o, :, i, j])
    return out
