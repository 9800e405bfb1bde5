# SPDX-License-Identifier: Apache-2.0
"""SGD with momentum as one CPU operator against MindSpore's optimizer, update for update."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from src.cpu import accelerate_optimizer
from src.cpu.momentum import CpuMomentum
from src.training.optimizer import build_optimizer
from src.training.step import TrainStep
from src.utils.config import read_config
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
    step = TrainStep(network, optimizer)
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
