# SPDX-License-Identifier: Apache-2.0
"""SGD with momentum as one CPU operator against MindSpore's optimizer, update for update."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from adabin.cpu import accelerate, accelerate_optimizer
from adabin.cpu.momentum import CpuMomentum
from adabin.layers import set_estimator
from adabin.models import build_model
from adabin.tasks.classification.loss import ClassificationLoss
from adabin.training.optimizer import build_optimizer
from adabin.training.step import TrainStep, build_step
from adabin.utils.config import read_config
from adabin.utils.device import init_device
from tests.cpu_library import needs_kernels

pytestmark = needs_kernels


class Linear(nn.Cell):
    """Layers of very different sizes, decayed and spared ones among them."""

    def __init__(self):
        super().__init__()
        self.layers = nn.SequentialCell(nn.Dense(12, 40000), nn.BatchNorm1d(40000), nn.Dense(40000, 10))

    def construct(self, x):
        return self.layers(ops.reshape(x, (x.shape[0], -1)))


def course(kernels, **settings):
    """(losses, weights, velocities) of five updates."""
    config = read_config(None, {"cpu_kernels": kernels, "lr": 0.3, "weight_decay": 0.01} | settings)
    ms.set_seed(3)
    network = Linear()
    optimizer = accelerate_optimizer(build_optimizer(network, config), config)
    assert isinstance(optimizer, CpuMomentum) == (kernels == "on" and config.optimizer == "sgd")
    step = TrainStep(network, optimizer, ClassificationLoss())
    rng, losses = np.random.default_rng(1), []
    for number in range(5):
        step.set_learning_rate(0.3 / (1 + number))
        images = ms.Tensor(rng.standard_normal((8, 3, 2, 2)).astype(np.float32))
        losses.append(float(step(images, ms.Tensor(rng.integers(0, 10, 8).astype(np.int32)))[0].asnumpy()))
    state = {p.name: p.asnumpy() for p in optimizer.get_parameters()}
    return losses, state


@pytest.mark.parametrize("settings", [{}, {"decay_exclude": ["batch_norm"]}, {"momentum": 0.0}], ids=str)
def test_updates_are_those_of_mindspores_optimizer(mode, settings):
    (expected, state), (found, fast) = course("off", **settings), course("on", **settings)
    assert found == pytest.approx(expected, rel=1e-5)
    assert list(fast) == list(state)
    for name, value in state.items():
        scale = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(fast[name], value, rtol=1e-5, atol=1e-6 * scale, err_msg=name)
    assert int(fast["global_step"].squeeze()) == 5


def test_other_optimizers_stay_as_they_are():
    losses, _ = course("on", optimizer="adam")
    assert losses == course("off", optimizer="adam")[0]


def three_steps(mode, settings):
    """(losses, state before, state after) of three steps of a whole network with the CPU kernels."""
    config = read_config(
        None, {"network": "resnet8", "cpu_kernels": "on", "execution_mode": mode, "batch_size": 8} | settings
    )
    init_device(config)
    network = accelerate(build_model(config), config)
    set_estimator(network, 1.0, 1.0)
    step = build_step(network, config, ClassificationLoss())
    accelerate_optimizer(step.optimizer, config)
    assert isinstance(step.optimizer, CpuMomentum)
    average = step.update.average
    held = {**network.parameters_dict(), **{p.name: p for p in step.optimizer.get_parameters()}}
    held |= {f"ema.{name}": p for name, p in average.parameters().items()} if average else {}
    before = {name: p.asnumpy().copy() for name, p in held.items()}
    step.set_train(True)
    rng, losses = np.random.default_rng(1), []
    for _ in range(3):
        images = ms.Tensor(rng.standard_normal((8, 3, 32, 32)).astype(np.float32))
        losses.append(float(step(images, ms.Tensor(rng.integers(0, 10, 8).astype(np.int32)))[0].asnumpy()))
    return losses, before, {name: p.asnumpy().copy() for name, p in held.items()}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ema_decay": 0.9},
        {"ema_decay": 0.9, "accumulation": 2, "clip_norm": 1.0},
        {"nonlinearity": "prelu"},
        {"nonlinearity": "prelu", "ema_decay": 0.9, "w_bits": 32},
    ],
    ids=str,
)
def test_no_update_is_lost_in_a_compiled_step(settings):
    """An operator that changes parameters in place, unknown to MindSpore, is given copies, and trains nothing."""
    plain, _, operators = three_steps("PYNATIVE", settings)
    losses, before, compiled = three_steps("GRAPH", settings)
    constant = ("learning_rate", "momentum", "estimator_k", "estimator_t")
    for name, value in compiled.items():
        if name.rpartition(".")[2] not in constant and not name.endswith(constant):
            assert not np.array_equal(value, before[name]), f"{name} stays as it was"
        scale = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(operators[name], value, rtol=1e-3, atol=1e-4 * scale, err_msg=name)
    assert losses == pytest.approx(plain, rel=1e-5)
