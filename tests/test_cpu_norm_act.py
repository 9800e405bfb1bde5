# SPDX-License-Identifier: Apache-2.0
"""BatchNorm + shortcut + Maxout as one CPU operator against the layers it replaces, and against its formula."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from adabin.cpu.norm_act import CpuNormAct
from adabin.layers import Maxout, NormAct, build_nonlinearity
from tests.cpu_library import needs_kernels
from tests.modes import in_modes

pytestmark = needs_kernels

SHAPES = [(3, 5, 7, 9), (4, 16, 8, 8), (2, 3, 1, 1), (1, 1, 33, 31), (33, 2, 3, 5)]


class Gradients(nn.Cell):
    """Output and gradients of sum(layer(inputs) * weights)."""

    def __init__(self, layer, inputs):
        super().__init__(auto_prefix=False)
        self.layer = layer
        positions = tuple(range(inputs))
        parameters = ms.ParameterTuple(layer.trainable_params())
        self.both = ms.value_and_grad(self.weighted, positions, parameters, has_aux=True)

    def weighted(self, *inputs_and_weights):
        *inputs, weights = inputs_and_weights
        y = self.layer(*inputs)
        return ops.sum(y * weights), y

    def construct(self, *inputs_and_weights):
        return self.both(*inputs_and_weights)


def results(fast, shape, nonlinearity, shortcut, training):
    """Arrays by name: output, gradients, moving statistics, all after one step from the same parameters."""
    rng = np.random.default_rng(1)
    count, channels = shape[:2]
    norm, act = nn.BatchNorm2d(channels, eps=1e-5, momentum=0.9), None
    if nonlinearity:
        act = build_nonlinearity(nonlinearity, channels)
    layer = NormAct(norm, act)
    layer = CpuNormAct(layer) if fast else layer
    for parameter in layer.get_parameters():
        value = rng.standard_normal(parameter.shape)
        value = np.abs(value) + 0.5 if "variance" in parameter.name else value
        parameter.set_data(ms.Tensor(value.astype(np.float32)))
    layer.set_train(training)
    inputs = [rng.standard_normal(shape).astype(np.float32) * 2 + 1 for _ in range(1 + shortcut)]
    weights = rng.standard_normal(shape).astype(np.float32)
    step = Gradients(layer, len(inputs))
    step.set_train(training)
    (_, y), (of_inputs, of_parameters) = step(*map(ms.Tensor, (*inputs, weights)))
    found = {"y": y}
    found |= {f"input {i}": value for i, value in enumerate(of_inputs if shortcut else [of_inputs[0]])}
    names = [parameter.name for parameter in layer.trainable_params()]
    found |= dict(zip(names, of_parameters, strict=True))
    found |= {p.name: p for p in (norm.moving_mean, norm.moving_variance)}
    return {name: np.asarray(value.asnumpy(), np.float64) for name, value in found.items()}


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("shortcut", [False, True], ids=["alone", "shortcut"])
@pytest.mark.parametrize("nonlinearity", [None, "maxout", "relu", "prelu"])
@pytest.mark.parametrize(("mode", "shape"), in_modes(SHAPES, SHAPES[:1]), indirect=["mode"], ids=str)
def test_it_computes_what_the_layers_compute(mode, shape, nonlinearity, shortcut, training):
    expected = results(False, shape, nonlinearity, shortcut, training)
    found = results(True, shape, nonlinearity, shortcut, training)
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        scale = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=3e-5 * scale, err_msg=name)


class Shifted(Maxout):
    """Derived from Maxout, and something else."""

    def construct(self, x):
        return super().construct(x) + 1


def test_a_nonlinearity_derived_from_maxout_keeps_its_own_formula(mode):
    x = ms.Tensor(np.random.default_rng(2).standard_normal((2, 3, 4, 4)).astype(np.float32))
    plain = NormAct(nn.BatchNorm2d(3), Shifted(3)).set_train(False)
    np.testing.assert_allclose(
        CpuNormAct(plain).set_train(False)(x).asnumpy(), plain(x).asnumpy(), rtol=1e-5, atol=1e-6
    )
