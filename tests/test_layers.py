# SPDX-License-Identifier: Apache-2.0
"""Layers: AdaBinConv2d and Maxout, output and every gradient against formulas in NumPy, in both execution modes."""

import itertools

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from adabin.binarize import Binarization
from adabin.cpu import accelerate
from adabin.layers import AdaBinConv2d, Maxout, NormAct, build_nonlinearity, set_estimator
from adabin.training.health import binary_layers
from adabin.utils.checkpoint import network_parameters
from tests import oracle
from tests.cpu_library import needs_kernels
from tests.modes import in_modes

# kernel, stride, padding (top, bottom, left, right), dilation, groups
GEOMETRIES = [
    (1, 1, (0, 0, 0, 0), 1, 1),
    (1, 2, (0, 0, 0, 0), 1, 2),
    (3, 1, (1, 1, 1, 1), 1, 1),
    (3, 2, (0, 1, 2, 1), 1, 2),
    (3, 1, (2, 1, 0, 2), 2, 4),
    (5, 2, (2, 2, 2, 2), 1, 1),
    (5, 1, (1, 3, 0, 2), 1, 2),
]
BITS = list(itertools.product((1, 32), (1, 32)))


def conv2d_gradients(x, w, grad, stride, padding, dilation, group):
    """(dx, dw) of oracle.conv2d, each output element handing its gradient to the taps it was made of."""
    top, bottom, left, right = padding
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    out_channels, in_group, kh, kw = w.shape
    rows, columns = grad.shape[2:]
    for o, i, j in itertools.product(range(out_channels), range(kh), range(kw)):
        first = o // (out_channels // group) * in_group
        taps = (
            slice(None),
            slice(first, first + in_group),
            slice(i * dilation, i * dilation + rows * stride, stride),
            slice(j * dilation, j * dilation + columns * stride, stride),
        )
        dx[taps] += grad[:, o : o + 1] * w[o, :, i, j].reshape(1, -1, 1, 1)
        dw[o, :, i, j] = np.sum(padded[taps] * grad[:, o : o + 1], axis=(0, 2, 3))
    return dx[:, :, top : top + x.shape[2], left : left + x.shape[3]], dw


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_the_oracles_convolution_and_its_gradients_are_adjoint(geometry):
    kernel, *rest = geometry
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 4, 7, 6)), rng.normal(size=(8, 4 // rest[-1], kernel, kernel))
    out = oracle.conv2d(x, w, *rest)
    grad = rng.normal(size=out.shape)
    dx, dw = conv2d_gradients(x, w, grad, *rest)
    assert np.sum(out * grad) == pytest.approx(np.sum(x * dx)) == pytest.approx(np.sum(w * dw))


def expected_of(x, w, alpha, beta, geometry, settings, k, t):
    """Output, and a function from its gradient to those of x, w, alpha and beta, in float64."""
    _, *rest = geometry
    binary_x = oracle.activation(x, alpha, beta, settings.form) if settings.a_bits == 1 else x
    binary_w = oracle.weight(w, "adabin") if settings.w_bits == 1 else w

    def gradients(grad):
        dx, dw = conv2d_gradients(binary_x, binary_w, grad, *rest)
        found = {"weight": oracle.weight_gradient(w, dw, "adabin", "tanh", k, t) if settings.w_bits == 1 else dw}
        if settings.a_bits == 1:
            dx, found["alpha_a"], found["beta_a"] = oracle.activation_gradients(
                x, alpha, beta, dx, settings.form, "polynomial"
            )
        return {"x": dx, **found}

    return oracle.conv2d(binary_x, binary_w, *rest), gradients


@pytest.mark.parametrize("w_bits, a_bits", BITS)
@pytest.mark.parametrize(("mode", "geometry"), in_modes(GEOMETRIES, GEOMETRIES[3:5]), indirect=["mode"], ids=str)
def test_output_and_gradients_of_the_whole_convolution_follow_the_formulas(mode, geometry, w_bits, a_bits):
    number = GEOMETRIES.index(geometry)
    # The form matters to binary activations alone; geometries take turns, with alphas of both signs.
    settings = Binarization(w_bits=w_bits, a_bits=a_bits, form=("paper", "released")[number % 2])
    alpha, beta, k, t = (0.75, -0.5)[number // 2 % 2], 0.25, 2.0, 0.5
    kernel, stride, padding, dilation, group = geometry
    layer = AdaBinConv2d(4, 8, kernel, stride, padding, dilation, group, settings)
    set_estimator(layer, k, t)
    rng = np.random.default_rng(number)
    x = rng.normal(0.2, 1, (2, 4, 7, 6)).astype(np.float32)
    x.reshape(-1)[::9] = 0
    x.reshape(-1)[4::9] = beta
    parameters = {"weight": layer.weight}
    if a_bits == 1:
        parameters |= {"alpha_a": layer.binary_a.alpha_a, "beta_a": layer.binary_a.beta_a}
        parameters["alpha_a"].set_data(ms.Tensor(alpha, ms.float32))
        parameters["beta_a"].set_data(ms.Tensor(beta, ms.float32))
    w = layer.weight.asnumpy().astype(np.float64)
    expected, gradients = expected_of(x.astype(np.float64), w, alpha, beta, geometry, settings, k, t)
    grad = rng.normal(size=expected.shape).astype(np.float32)

    def loss(value):
        out = layer(value)
        return (out * ms.Tensor(grad)).sum(), out

    (_, out), (dx, dweights) = ms.value_and_grad(loss, 0, list(parameters.values()), has_aux=True)(ms.Tensor(x))
    np.testing.assert_allclose(out.asnumpy(), expected, rtol=1e-5, atol=2e-5)
    found = {"x": dx, **dict(zip(parameters, dweights, strict=True))}
    for name, value in gradients(grad.astype(np.float64)).items():
        scale = np.abs(value).max() + 1
        np.testing.assert_allclose(found[name].asnumpy(), value, rtol=2e-5, atol=1e-5 * scale, err_msg=name)


def test_padding_comes_after_binarization_and_is_no_member_of_the_set(mode):
    layer = AdaBinConv2d(1, 1, 3, padding=1, settings=Binarization(w_bits=32))
    layer.weight.set_data(ms.Tensor(np.ones((1, 1, 3, 3), np.float32)))
    layer.binary_a.beta_a.set_data(ms.Tensor(0.5, ms.float32))
    out = layer(ms.Tensor(np.zeros((1, 1, 3, 3), np.float32))).asnumpy()[0, 0]
    # Every pixel becomes 0.5 - 1 = -0.5; a padded one stays 0.
    assert out.tolist() == [[-2, -3, -2], [-3, -4.5, -3], [-2, -3, -2]]


def test_rectangular_kernels_strides_and_dilations_are_height_and_width(mode):
    layer = AdaBinConv2d(2, 3, (3, 1), stride=(1, 2), dilation=(2, 1), padding=(2, 2, 0, 0))
    x = np.random.default_rng(0).normal(size=(1, 2, 6, 6)).astype(np.float32)
    w = oracle.weight(layer.weight.asnumpy().astype(np.float64), "adabin")
    full = np.zeros((3, 2, 3, 3))
    full[..., 0] = w[..., 0]  # as a 3x3 kernel whose other columns are zero
    expected = oracle.conv2d(np.pad(np.where(x >= 0, 1.0, -1.0), ((0, 0),) * 3 + ((0, 4),)), full, 1, (2, 2, 0, 0), 2)
    np.testing.assert_allclose(layer(ms.Tensor(x)).asnumpy(), expected[..., ::2][..., :3], atol=1e-5)


def test_set_estimator_reaches_every_binary_layer_and_no_checkpoint():
    network = nn.SequentialCell(AdaBinConv2d(3, 4, 3), nn.ReLU(), nn.SequentialCell(AdaBinConv2d(4, 4, 1)))
    set_estimator(network, 3.0, 0.25)
    values = {name: float(p.asnumpy()) for name, p in network.parameters_dict().items() if p.shape == ()}
    assert {name: value for name, value in values.items() if name.endswith(("estimator_k", "estimator_t"))} == {
        "0.estimator_k": 3.0, "0.estimator_t": 0.25, "2.0.estimator_k": 3.0, "2.0.estimator_t": 0.25,
    }  # fmt: skip
    assert not {"0.estimator_k", "0.estimator_t", "2.0.estimator_k", "2.0.estimator_t"} & set(
        network_parameters(network)
    )
    assert not any(p.name.endswith(("estimator_k", "estimator_t")) for p in network.trainable_params())


def test_set_estimator_and_health_know_a_binary_layer_of_another_kind():
    class BinaryDense(nn.Cell):
        binarizes_input, binarizes_weight = False, True

        def __init__(self):
            super().__init__()
            self.estimator_k = ms.Parameter(ms.Tensor(1.0), requires_grad=False)
            self.estimator_t = ms.Parameter(ms.Tensor(1.0), requires_grad=False)

    network = nn.SequentialCell(BinaryDense(), nn.ReLU())
    set_estimator(network, 3.0, 0.25)
    assert [float(p.asnumpy()) for p in (network[0].estimator_k, network[0].estimator_t)] == [3.0, 0.25]
    assert list(binary_layers(network)) == ["0"]


def test_maxout_and_its_three_gradients_follow_the_formulas(mode):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 4, 2, 5)).astype(np.float32)
    x.reshape(-1)[::7] = 0.0
    x.reshape(-1)[3::7] = -0.0
    grad = rng.normal(size=x.shape).astype(np.float32)
    cell = Maxout(4)
    pos, neg = (np.array(v, np.float32).reshape(1, 4, 1, 1) for v in ([1, -0.6, 0, 2.5], [0.25, -0.9, 0.5, 0]))
    cell.pos_scale.set_data(ms.Tensor(pos))
    cell.neg_scale.set_data(ms.Tensor(neg))

    def loss(value):
        out = cell(value)
        return (out * ms.Tensor(grad)).sum(), out

    step = ms.value_and_grad(loss, 0, [cell.pos_scale, cell.neg_scale], has_aux=True)
    (_, out), (dx, (dpos, dneg)) = step(ms.Tensor(x))
    x, grad = x.astype(np.float64), grad.astype(np.float64)
    np.testing.assert_allclose(out.asnumpy(), pos * np.maximum(x, 0) - neg * np.maximum(-x, 0), rtol=1e-6)
    np.testing.assert_allclose(dx.asnumpy(), grad * np.where(x >= 0, pos, neg), rtol=1e-6)
    for found, part in ((dpos, np.maximum(x, 0)), (dneg, np.minimum(x, 0))):
        assert found.shape == (1, 4, 1, 1)
        np.testing.assert_allclose(
            found.asnumpy(), (grad * part).sum(axis=(0, 2, 3), keepdims=True), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("name, expected", [("maxout", [-0.5, 0, 3]), ("prelu", [-0.5, 0, 3]), ("relu", [0, 0, 3])])
def test_nonlinearities_are_built_by_name(name, expected):
    x = np.array([-2.0, 0.0, 3.0], np.float32).reshape(3, 1, 1, 1)
    assert build_nonlinearity(name, 1)(ms.Tensor(x)).asnumpy().ravel().tolist() == expected


def test_an_unknown_nonlinearity_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'gelu' is not one of maxout, relu, prelu"):
        build_nonlinearity("gelu", 3)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"in_channels": 0}, "in_channels: 0 is no whole number from 1 on"),
        ({"out_channels": 2.5}, "out_channels: 2.5 is no whole number"),
        ({"group": 3}, "group: 3 does not divide in_channels 4"),
        ({"group": 4}, "group: 4 does not divide out_channels 6"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size: .* is neither a whole number nor a pair"),
        ({"kernel_size": 0}, "kernel_size: 0 is no whole number from 1 on"),
        ({"stride": (1, 0)}, "stride: 0 is no"),
        ({"dilation": "2"}, "dilation: '2' is neither"),
        ({"padding": (1, 1)}, "padding: .* nor four"),
        ({"padding": -1}, "padding: -1 is no whole number from 0 on"),
    ],
    ids=str,
)
def test_a_convolution_of_impossible_sizes_is_refused_when_it_is_made(arguments, message):
    with pytest.raises(ValueError, match=message):
        AdaBinConv2d(**{"in_channels": 4, "out_channels": 6, "kernel_size": 3} | arguments)


@pytest.mark.parametrize("fast", [False, pytest.param(True, marks=needs_kernels)], ids=["plain", "kernels"])
@pytest.mark.parametrize("shape", [(2, 4), (2, 5, 3, 3), (4, 3, 3)], ids=str)
@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: Maxout(4), "Maxout"),
        (lambda: AdaBinConv2d(4, 4, 1), "AdaBinConv2d"),
        (lambda: NormAct(nn.BatchNorm2d(4), Maxout(4)), "NormAct"),
    ],
)
def test_maps_of_another_shape_are_refused_where_a_layer_is_called(mode, make, name, shape, fast):
    layer = accelerate(make()) if fast else make()
    with pytest.raises(ValueError, match=rf"{name}: the input has shape \(.*, not \(N, 4, H, W\)"):
        layer(ms.Tensor(np.ones(shape, np.float32)))


@pytest.mark.parametrize("fast", [False, pytest.param(True, marks=needs_kernels)], ids=["plain", "kernels"])
def test_a_shortcut_that_would_be_broadcast_is_refused(mode, fast):
    layer = NormAct(nn.BatchNorm2d(4))
    layer = accelerate(layer) if fast else layer
    x = ms.Tensor(np.ones((2, 4, 3, 3), np.float32))
    with pytest.raises(ValueError, match=r"the shortcut has shape \(2, 4, 1, 1\), the input \(2, 4, 3, 3\)"):
        layer(x, ms.Tensor(np.ones((2, 4, 1, 1), np.float32)))


SPECIAL = np.array([np.inf, -np.inf, np.nan, 3, -4, 0], np.float32)


def special_maxout():
    cell = Maxout(1)
    cell.pos_scale.set_data(ms.Tensor(np.full((1, 1, 1, 1), -2, np.float32)))
    cell.neg_scale.set_data(ms.Tensor(np.full((1, 1, 1, 1), 0.5, np.float32)))
    return cell


def test_maxout_of_infinities_and_nan_is_infinite_and_nan_in_both_forms(mode):
    x = ms.Tensor(SPECIAL.reshape(1, 1, 1, -1))
    cell = special_maxout()
    trained, deployed = (form(x).asnumpy().ravel() for form in (cell, cell.deploy_form()))
    np.testing.assert_array_equal(trained, [-np.inf, -np.inf, np.nan, -6, -2, 0])
    np.testing.assert_array_equal(deployed, trained)


@needs_kernels
def test_maxout_in_a_cpu_kernel_gives_the_training_forms_infinities_and_nan(mode):
    norm = nn.BatchNorm2d(1, eps=1e-9)  # moving mean 0, variance 1: it changes nothing
    x = ms.Tensor(SPECIAL.reshape(1, 1, 1, -1))
    plain = NormAct(norm, special_maxout()).set_train(False)
    expected = plain(x).asnumpy()
    np.testing.assert_array_equal(expected.ravel(), [-np.inf, -np.inf, np.nan, -6, -2, 0])
    np.testing.assert_array_equal(accelerate(plain).set_train(False)(x).asnumpy(), expected)
