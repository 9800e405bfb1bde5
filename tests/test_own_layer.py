# SPDX-License-Identifier: Apache-2.0
"""A kind of layer that the package does not know, in one file: what it says of itself is all that others need."""

from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from adabin import summary
from adabin.cpu import accelerate
from adabin.cpu.form import FORMS
from adabin.deploy import to_deploy
from adabin.layers import Maxout, NormAct, replace_layers
from adabin.layers.half import HalfProduct, InFloat
from adabin.training.optimizer import build_optimizer
from adabin.training.precision import train_in_half
from adabin.utils.errors import UserError
from tests.cpu_library import needs_kernels

FILE = '''
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from adabin.cpu.form import CpuForm, form_of
from adabin.layers import Traits


class Pixelwise(nn.Cell):
    """A convolution 1x1 with a learned scale, as someone else might write it."""

    traits = Traits(decay={"scale": "scales"}, product="conv", counted=True, binary_weights=("weight",), on_bits=True)

    def __init__(self, channels):
        super().__init__()
        self.weight = Parameter(Tensor(np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1)))
        self.scale = Parameter(Tensor(np.float32(2)))
        self.conv = ops.Conv2D(channels, 1)

    def deploy_form(self):
        return Folded(self)

    def construct(self, x):
        return self.scale * self.conv(x, self.weight)


class Folded(nn.Cell):
    """Its deploy form."""

    def __init__(self, layer):
        super().__init__()
        self.weight = Parameter(Tensor(layer.scale.asnumpy() * layer.weight.asnumpy()), name=layer.weight.name)
        self.conv = layer.conv

    def construct(self, x):
        return self.conv(x, self.weight)


@form_of(Pixelwise)
class CpuPixelwise(CpuForm):
    """Its CPU form."""

    def construct(self, x):
        return self.layer(x)


class Offset(nn.Cell):
    """A nonlinearity with a learned offset."""

    traits = Traits(decay={"offset": "nonlinearity"}, in_float=True)

    def __init__(self):
        super().__init__()
        self.offset = Parameter(Tensor(np.float32(0.5)))

    def construct(self, x):
        return ops.relu(x + self.offset)
'''


@pytest.fixture
def network(someones):
    layers = someones(FILE)
    yield nn.SequentialCell(layers.Pixelwise(3), nn.SequentialCell(layers.Offset(), nn.Conv2d(3, 2, 1)))
    del FORMS[layers.Pixelwise]


def config_of(*excluded):
    return SimpleNamespace(decay_exclude=excluded, weight_decay=0.1, optimizer="sgd", lr=0.1, momentum=0.9)


def kinds_of(network):
    return [type(cell).__name__ for _, cell in network.cells_and_names()]


@pytest.mark.parametrize(
    "excluded, spared", [((), []), (("scales",), ["0.scale"]), (("nonlinearity",), ["1.0.offset"])], ids=str
)
def test_decay_exclude_knows_the_kinds_that_it_names(network, monkeypatch, excluded, spared):
    monkeypatch.setattr(nn, "Momentum", lambda groups, **others: groups)
    _, *rest = build_optimizer(network, config_of(*excluded))
    assert [p.name for group in rest for p in group["params"]] == spared


def test_a_kind_that_no_layer_names_is_refused_with_those_that_there_are(network):
    with pytest.raises(UserError, match="decay_exclude: 'offset' is not one of batch_norm, .*, linear, scales"):
        build_optimizer(network, config_of("offset"))


def test_mixed_precision_multiplies_in_half_and_leaves_floats_where_it_says_so(network):
    train_in_half(network)
    assert type(network[0].conv) is HalfProduct and type(network[1][0]) is InFloat
    assert network.set_train(True)(ms.Tensor(np.ones((1, 3, 2, 2), np.float32))).dtype == ms.float16


def test_the_summary_counts_it(network):
    rows = {row.name: row for row in summary.summarize(network, 4)}
    assert (rows["0"].kind, rows["0"].binary_weights, rows["0"].float_params) == ("Pixelwise", 9, 1)
    assert (rows["0"].bops, rows["0"].flops, rows["1.1"].flops) == (3 * 16 * 3, 0, 2 * 16 * 3)


@needs_kernels
def test_export_and_cpu_take_its_forms(network):
    x = ms.Tensor(np.random.default_rng(1).normal(size=(2, 3, 4, 4)).astype(np.float32))
    expected = network(x).asnumpy()
    names = [p.name for p in network.get_parameters()]
    fast = accelerate(network)
    assert "CpuPixelwise" in kinds_of(fast)
    assert [p.name for p in fast.get_parameters()] == names
    deployed = to_deploy(fast)
    assert "Folded" in kinds_of(deployed) and not {"Pixelwise", "CpuPixelwise"} & set(kinds_of(deployed))
    np.testing.assert_allclose(deployed(x).asnumpy(), expected, rtol=1e-6)


def test_replaced_are_layers_in_sequences_and_a_shared_one_once_but_nothing_below_a_replaced_one():
    shared, asked = nn.ReLU(), []
    network = nn.SequentialCell(shared, nn.SequentialCell(nn.Tanh(), shared), NormAct(nn.BatchNorm2d(2), Maxout(2)))

    def function(layer):
        asked.append(type(layer).__name__)
        return {nn.ReLU: nn.Sigmoid, NormAct: nn.Identity}.get(type(layer), lambda: None)()

    assert replace_layers(network, function) is network
    assert asked == ["SequentialCell", "ReLU", "SequentialCell", "Tanh", "NormAct"]
    assert network[0] is network[1][1] and type(network[0]) is nn.Sigmoid and type(network[2]) is nn.Identity
    x = np.random.default_rng(1).normal(size=(1, 2, 2, 2)).astype(np.float32)
    expected = 1 / (1 + np.exp(-np.tanh(1 / (1 + np.exp(-x)))))
    np.testing.assert_allclose(network(ms.Tensor(x)).asnumpy(), expected, rtol=1e-5)
    assert type(replace_layers(nn.ReLU(), function)) is nn.Sigmoid


STATISTICS = ("moving_mean", "moving_variance", "gamma", "beta")


@needs_kernels
@pytest.mark.parametrize("prepare", [accelerate, train_in_half])
@pytest.mark.parametrize("frozen", [False, True])
def test_a_network_that_was_set_to_train_trains_after_its_layers_are_replaced(mode, prepare, frozen):
    network = nn.SequentialCell(nn.Conv2d(3, 2, 1, pad_mode="pad"), NormAct(nn.BatchNorm2d(2), Maxout(2)))
    network.set_train(True)
    network[1].norm.set_train(not frozen)
    network = prepare(network) or network
    assert {"CpuConv2d", "HalfProduct"} & set(kinds_of(network))
    network(ms.Tensor(np.random.default_rng(1).normal(3, 2, (4, 3, 5, 5)).astype(np.float32)))
    (norm,) = (cell for _, cell in network.cells_and_names() if type(cell) is nn.BatchNorm2d)
    assert bool(norm.moving_mean.asnumpy().any()) is not frozen


@needs_kernels
@pytest.mark.parametrize(
    "asked", [lambda n: n.to_float(ms.float16), lambda n: train_in_half(n)], ids=["to_float", "amp"]
)
def test_layers_in_half_are_left_to_mindspore_and_named(mode, asked):
    network = nn.SequentialCell(nn.Conv2d(3, 2, 1, pad_mode="pad", has_bias=False), nn.BatchNorm2d(2))
    asked(network)
    x = ms.Tensor(np.random.default_rng(1).normal(size=(2, 3, 4, 4)).astype(np.float32))
    expected = network(x).asnumpy()
    np.testing.assert_array_equal(accelerate(network)(x).asnumpy(), expected)


@needs_kernels
def test_halves_that_reach_a_kernel_are_refused_in_words(mode):
    network = accelerate(nn.SequentialCell(nn.Conv2d(3, 2, 1, pad_mode="pad", has_bias=False)))
    with pytest.raises((TypeError, RuntimeError), match="the CPU kernels compute in float32 alone"):
        network(ms.Tensor(np.ones((1, 3, 4, 4), np.float16))).asnumpy()


@needs_kernels
def test_the_pictures_gradient_is_that_of_the_plain_network(mode):
    ms.set_seed(3)
    network = nn.SequentialCell(nn.Conv2d(3, 2, 3, pad_mode="pad"), nn.BatchNorm2d(2))
    network[0].sees_picture = True  # as the networks of the package say
    x = ms.Tensor(np.random.default_rng(1).normal(size=(2, 3, 6, 6)).astype(np.float32))

    def energy(x):
        return (network(x) ** 2).sum()

    def gradient():
        return ms.grad(energy)(x).asnumpy()

    expected = gradient()
    accelerate(network)
    np.testing.assert_allclose(gradient(), expected, rtol=1e-3, atol=1e-4)
    assert np.abs(expected).sum() > 1


def test_parts_of_a_layer_go_by_the_names_they_are_given_wherever_it_lies():
    class Block(nn.Cell):
        def __init__(self):
            super().__init__()
            self.join = NormAct(nn.BatchNorm2d(2), Maxout(2), names=("bn", "act"))
            self.plain = NormAct(nn.BatchNorm2d(2))

    network = nn.SequentialCell(Block())
    names = [f"0.bn.{kind}" for kind in STATISTICS]
    names += ["0.act.pos_scale", "0.act.neg_scale"]
    names += [f"0.plain.norm.{kind}" for kind in STATISTICS]
    assert [name.removeprefix("0.") for name in names] == [p.name for p in Block().get_parameters()]
    assert [p.name for p in network.get_parameters()] == names
    assert [name for name, _ in network.parameters_and_names()] == names
