# SPDX-License-Identifier: Apache-2.0
"""What changes from epoch to epoch, and that the compiled training step follows it."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops
from mindspore.graph.api import _CellGraphExecutor

from adabin.layers import AdaBinConv2d, set_estimator
from adabin.models import binarization_of, build_model
from adabin.models.blocks import Style
from adabin.models.resnet_cifar import BasicBlock
from adabin.tasks.classification.loss import ClassificationLoss, CrossEntropy
from adabin.training.schedule import cosine_lr, estimator_parameters
from adabin.training.step import TrainStep, build_optimizer
from adabin.utils.config import read_config
from adabin.utils.device import init_device


class Small(nn.Cell):
    """A network with every kind of parameter that compiles within a second or two."""

    def __init__(self, settings):
        super().__init__()
        self.block = BasicBlock(3, 8, 2, Style(settings))
        self.pool = ops.ReduceMean()
        self.linear = nn.Dense(8, 10)

    def construct(self, x):
        return self.linear(self.pool(self.block(x), (2, 3)))


def make_step(build=lambda config: Small(binarization_of(config)), mode="GRAPH", **changes):
    """(network, its training step) as train.py builds them."""
    config = read_config(None, {"network": "resnet8", "seed": 3, "execution_mode": mode, **changes})
    init_device(config)
    network = build(config)
    return network, TrainStep(network, build_optimizer(network, config), ClassificationLoss())


def batch(number, count=4, size=8):
    rng = np.random.default_rng(number)
    images = rng.normal(size=(count, 3, size, size)).astype(np.float32)
    return ms.Tensor(images), ms.Tensor(rng.integers(0, 10, count).astype(np.int32))


def values_of(step):
    """Everything that a step changes: weights, running statistics, optimizer state."""
    return {p.name: p.asnumpy().copy() for p in (*step.network.get_parameters(), *step.optimizer.get_parameters())}


def assign(step, values):
    for parameter in (*step.network.get_parameters(), *step.optimizer.get_parameters()):
        parameter.set_data(ms.Tensor(values[parameter.name]))


def differing(first, second):
    return [name for name in first if not np.array_equal(first[name], second[name])]


@pytest.mark.parametrize("epoch, expected", [(0, 0.1), (100, 0.1 * (2 + 2**0.5) / 4), (200, 0.05), (399, 1.5421e-6)])
def test_the_learning_rate_falls_along_a_cosine(epoch, expected):
    assert cosine_lr(epoch, 400, 0.1) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "epoch, epochs, k, t",
    [(0, 400, 1000, 1e-3), (100, 400, 100, 1e-2), (200, 400, 10, 0.1), (300, 400, 1, 1), (350, 400, 1, 10**0.5)]
    + [(0, 8, 1000, 1e-3), (6, 8, 1, 1), (7, 8, 1, 10**0.5)],
)
def test_the_estimator_sharpens_over_whatever_number_of_epochs(epoch, epochs, k, t):
    config = read_config(None, {"epochs": epochs})
    assert estimator_parameters(epoch, config) == pytest.approx((k, t))


def test_without_the_progressive_schedule_the_estimator_stays():
    config = read_config(None, {"estimator_progressive": False})
    assert {estimator_parameters(epoch, config) for epoch in (0, 200, 399)} == {(10.0, 0.1)}


def test_momentum_and_weight_decay_reach_every_trainable_parameter():
    lr, momentum, decay = 0.0625, 0.75, 0.5
    network, step = make_step(lr=lr, momentum=momentum, weight_decay=decay)
    rng = np.random.default_rng(0)
    for parameter in network.trainable_params():  # nothing is zero, so that decay shows everywhere
        value = rng.uniform(0.2, 1, parameter.shape) * rng.choice([-1, 1], parameter.shape)
        parameter.set_data(ms.Tensor(value.astype(np.float32)))
    kinds = ("alpha_a", "beta_a", "bn1.gamma", "bn1.beta", "pos_scale", "neg_scale", "linear.bias", "conv2.weight")
    names = [p.name for p in network.trainable_params()]
    assert all(any(name.endswith(kind) for name in names) for kind in kinds)
    gradient_of = ms.value_and_grad(step.forward, None, network.trainable_params(), has_aux=True)
    velocity = dict.fromkeys(names, 0.0)
    for number in range(2):
        before = {name: value.astype(np.float64) for name, value in values_of(step).items()}
        _, gradients = gradient_of(*batch(number))
        step(*batch(number))
        after = values_of(step)
        for name, gradient in zip(names, gradients, strict=True):
            gradient = gradient.asnumpy().astype(np.float64)
            velocity[name] = momentum * velocity[name] + gradient + decay * before[name]
            expected = before[name] - lr * velocity[name]
            bound = 2e-5 * (1 + np.abs(velocity[name]).max())
            np.testing.assert_allclose(after[name], expected, rtol=0, atol=bound, err_msg=f"{name}, step {number}")
            without_decay = expected + lr * decay * before[name]
            assert np.abs(after[name] - without_decay).max() > 5 * bound, name


@pytest.fixture
def compilations(monkeypatch):
    """Names of the cells that MindSpore has compiled since the fixture was taken."""
    compiled, original = [], _CellGraphExecutor.compile

    def compile_and_note(self, cell, *args, **options):
        phase, is_new = original(self, cell, *args, **options)
        if is_new:
            compiled.append(type(cell).__name__)
        return phase, is_new

    monkeypatch.setattr(_CellGraphExecutor, "compile", compile_and_note)
    return compiled


def test_the_compiled_step_follows_k_t_and_learning_rate_without_compiling_again(compilations):
    network, step = make_step(build_model)
    set_estimator(network, 1000.0, 1e-3)
    for number in range(2):
        step(*batch(number))
    start, counted = values_of(step), list(compilations)
    assert "TrainStep" in counted
    step(*batch(2))
    unchanged = values_of(step)

    for lr, k, t in ((0.1, 2.0, 1.5), (0.02, 1000.0, 1e-3), (0.05, 1.0, 4.0)):
        assign(step, start)
        step.set_learning_rate(lr)
        set_estimator(network, k, t)
        step(*batch(2))
        changed = values_of(step)
        assert compilations == counted
        latent = [f"{name}.weight" for name, cell in network.cells_and_names() if isinstance(cell, AdaBinConv2d)]
        assert set(latent) <= set(differing(changed, unchanged))

    fresh_network, fresh = make_step(build_model)
    assign(fresh, start)
    fresh.set_learning_rate(0.05)
    set_estimator(fresh_network, 1.0, 4.0)
    fresh(*batch(2))
    assert len(compilations) > len(counted)  # a step of its own: the counter does count
    assert differing(values_of(fresh), changed) == []


def test_a_learning_rate_of_zero_stops_learning_in_both_modes(mode):
    network, step = make_step(mode=mode)
    step(*batch(0))
    before = values_of(step)
    step(*batch(1))
    trained = {p.name for p in network.trainable_params()}
    assert trained <= set(differing(before, values_of(step)))
    before = values_of(step)
    step.set_learning_rate(0.0)
    step(*batch(2))
    assert not trained & set(differing(before, values_of(step)))


def test_a_step_does_not_depend_on_how_many_the_process_has_done_before():
    """MindSpore tries out several ways to split work among threads in the first calls of an operator."""
    _, step = make_step(build_model)
    start = values_of(step)
    loss, (correct,) = step(*batch(0, 11, 32))
    expected = values_of(step)
    for _ in range(20):
        assign(step, start)
        again, (correct_again,) = step(*batch(0, 11, 32))
        assert again.asnumpy().tobytes() == loss.asnumpy().tobytes() and int(correct) == int(correct_again)
        assert differing(values_of(step), expected) == []


def test_the_loss_is_the_mean_cross_entropy_and_its_gradient(mode):
    rng = np.random.default_rng(8)
    logits = rng.normal(0, 4, (7, 5)).astype(np.float32)
    logits[0] = [1e4, -1e4, 0, 3, 1e4]
    labels = np.array([1, 0, 4, 4, 2, 3, 1], np.int32)
    loss, gradient = ms.value_and_grad(CrossEntropy())(ms.Tensor(logits), ms.Tensor(labels))
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    chosen = np.eye(5)[labels]
    assert float(loss.asnumpy()) == pytest.approx(-(log_probabilities * chosen).sum() / 7, rel=1e-6)
    np.testing.assert_allclose(gradient.asnumpy(), (np.exp(log_probabilities) - chosen) / 7, atol=1e-6)


def test_training_twice_from_a_seed_gives_the_same_bits():
    def trained(seed):
        network, step = make_step(seed=seed)
        losses = [float(step(*batch(number))[0].asnumpy()) for number in range(3)]
        return losses, values_of(step)

    (losses, values), (again, values_again), (other, _) = trained(5), trained(5), trained(6)
    assert losses == again and differing(values, values_again) == []
    assert losses != other
