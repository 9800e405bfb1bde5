# SPDX-License-Identifier: Apache-2.0
"""Options of the training step, each against its formula written out in NumPy."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from adabin.models import binarization_of
from adabin.tasks.classification import Classification
from adabin.tasks.classification.loss import ClassificationLoss, CrossEntropy, SoftCrossEntropy
from adabin.training.optimizer import build_optimizer, parameter_kinds
from adabin.training.schedule import learning_rate
from adabin.training.sink import RemainingEpochs, sink_step
from adabin.training.step import TrainStep, build_step
from adabin.training.update import ClipByGlobalNorm
from adabin.utils.checkpoint import load_network, load_training, network_parameters, read_checkpoint, save_checkpoint
from adabin.utils.config import read_config
from adabin.utils.device import init_device
from adabin.utils.errors import UserError
from tests.test_schedule_and_step import Small, batch, differing, values_of

FLOAT = {"w_bits": 32, "a_bits": 32}


def make(mode="GRAPH", network=None, **changes):
    """(network, its step, config)."""
    config = read_config(None, {"network": "resnet8", "seed": 3, "execution_mode": mode, "batch_size": 4, **changes})
    init_device(config)
    network = network or Small(binarization_of(config))
    return network, build_step(network, config, ClassificationLoss(config.label_smoothing)), config


def weights_of(network):
    return {name: p.asnumpy().astype(np.float64) for name, p in network_parameters(network).items()}


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


# --- losses


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_smoothed_labels_give_the_loss_and_gradient_of_their_distribution(mode, smoothing):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 3, (6, 5)).astype(np.float32), np.array([0, 4, 2, 2, 1, 3], np.int32)
    loss, gradient = ms.value_and_grad(CrossEntropy(smoothing))(ms.Tensor(logits), ms.Tensor(labels))
    target = (1 - smoothing) * np.eye(5)[labels] + smoothing / 5
    expected = log_softmax(logits.astype(np.float64))
    assert float(loss.asnumpy()) == pytest.approx(-(expected * target).sum() / 6, rel=1e-6)
    np.testing.assert_allclose(gradient.asnumpy(), (np.exp(expected) - target) / 6, atol=1e-6)


def test_the_soft_loss_is_the_cross_entropy_with_the_teachers_distribution(mode):
    rng = np.random.default_rng(1)
    logits, teacher = (rng.normal(0, 3, (6, 5)).astype(np.float32) for _ in range(2))
    loss, gradient = ms.value_and_grad(SoftCrossEntropy())(ms.Tensor(logits), ms.Tensor(teacher))
    target, expected = np.exp(log_softmax(teacher.astype(np.float64))), log_softmax(logits.astype(np.float64))
    assert float(loss.asnumpy()) == pytest.approx(-(expected * target).sum() / 6, rel=1e-6)
    np.testing.assert_allclose(gradient.asnumpy(), (np.exp(expected) - target) / 6, atol=1e-6)


def first_loss(**changes):
    """(logits in float64, labels, loss) of the step that a config describes, on its first batch."""
    teacher = changes.pop("teacher", None)
    network = Small(binarization_of(read_config(None)))
    config = read_config(None, {"network": "resnet8", "batch_size": 4, **changes})
    step = build_step(network, config, ClassificationLoss(config.label_smoothing, teacher))
    images, labels = batch(0)
    logits = network.set_train(True)(images).asnumpy().astype(np.float64)
    return logits, labels.asnumpy(), float(step.set_train(True)(images, labels)[0].asnumpy())


def test_the_loss_is_the_one_that_the_config_names():
    logits, labels, loss = first_loss(label_smoothing=0.2)
    target = 0.8 * np.eye(10)[labels] + 0.02
    assert loss == pytest.approx(-(log_softmax(logits) * target).sum() / 4, rel=1e-5)
    teacher = NoBatchNorm()
    for parameter in teacher.get_parameters():
        parameter.name = f"teacher.{parameter.name}"
    logits, labels, loss = first_loss(teacher=teacher)
    target = np.exp(log_softmax(teacher(batch(0)[0]).asnumpy().astype(np.float64)))
    assert loss == pytest.approx(-(log_softmax(logits) * target).sum() / 4, rel=1e-5)


# --- optimizer and schedule


@pytest.mark.parametrize("epoch, expected", [(0, 0.75), (1, 0.5), (2, 0.25), (3, 0.0)])
def test_the_linear_schedule_ends_with_an_epoch_at_zero(epoch, expected):
    config = read_config(None, {"epochs": 4, "lr": 1.0, "lr_schedule": "linear"})
    assert learning_rate(epoch, config) == pytest.approx(expected)


def test_adam_moves_the_weights_as_its_formula_says(mode):
    lr, decay = 0.01, 0.5
    network, step, _ = make(mode, optimizer="adam", lr=lr, weight_decay=decay)
    names = [p.name for p in step.optimizer.parameters]
    gradient_of = ms.value_and_grad(step.forward, None, step.optimizer.parameters, has_aux=True)
    first, second = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for number in range(1, 4):
        before = weights_of(network)
        _, gradients = gradient_of(*batch(number))
        step(*batch(number))
        after = weights_of(network)
        for name, gradient in zip(names, gradients, strict=True):
            g = gradient.asnumpy() + decay * before[name]
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = 0.999 * second[name] + 0.001 * g**2
            rate = lr * np.sqrt(1 - 0.999**number) / (1 - 0.9**number)
            expected = before[name] - rate * first[name] / (np.sqrt(second[name]) + 1e-8)
            unsure = np.abs(g) < 1e-4  # there rounding of g alone decides the direction of the first step
            np.testing.assert_allclose(after[name][~unsure], expected[~unsure], atol=2e-4, err_msg=name)


KINDS = {
    "batch_norm": ("bn1.gamma", "bn1.beta", "bn2.gamma", "bn2.beta"),
    "alpha": ("alpha_a",),
    "beta": ("beta_a",),
    "nonlinearity": ("pos_scale", "neg_scale"),
    "linear": ("linear.weight", "linear.bias"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_spared_from_decay_is_not_decayed_and_everything_else_is(kind):
    network, step, config = make(lr=0.5, weight_decay=0.5, decay_exclude=[kind])
    spared = {name for name, found in parameter_kinds(network).items() if found == kind}
    assert spared == {p.name for p in network.trainable_params() if p.name.endswith(KINDS[kind])}
    for parameter in network.trainable_params():
        parameter.set_data(ms.Tensor(np.ones(parameter.shape, np.float32)))
    zeros = tuple(ms.Tensor(np.zeros(p.shape, np.float32)) for p in step.optimizer.parameters)
    step.update(zeros)
    for parameter in network.trainable_params():
        expected = 1.0 if parameter.name in spared else 0.75
        np.testing.assert_array_equal(parameter.asnumpy(), np.full(parameter.shape, expected), parameter.name)


def test_prelu_counts_as_a_nonlinearity_and_an_unknown_kind_is_refused():
    config = read_config(None, {"network": "resnet8", "nonlinearity": "prelu", "decay_exclude": ["nonlinearity"]})
    from adabin.models import build_model

    network = build_model(config)
    assert "nonlinearity" in set(parameter_kinds(network).values())
    config = config.changed(decay_exclude=["batchnorm"])
    with pytest.raises(UserError, match="decay_exclude: 'batchnorm' is not one of batch_norm, alpha, beta"):
        build_optimizer(network, config)


# --- clip, accumulation, average


def test_gradients_are_scaled_to_the_limit_only_above_it(mode):
    gradients = (np.array([3.0, 0.0], np.float32), np.array([[4.0]], np.float32))
    for limit, factor in ((10.0, 1.0), (5.0, 1.0), (1.0, 0.2)):
        clipped = ClipByGlobalNorm(limit)(tuple(ms.Tensor(g) for g in gradients))
        for found, gradient in zip(clipped, gradients, strict=True):
            np.testing.assert_allclose(found.asnumpy(), factor * gradient, rtol=1e-6)
    zero = ClipByGlobalNorm(1.0)((ms.Tensor(np.zeros(3, np.float32)),))
    np.testing.assert_array_equal(zero[0].asnumpy(), np.zeros(3))


class NoBatchNorm(nn.Cell):
    """Logits that depend on each image alone."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.linear = nn.Dense(4, 10)

    def construct(self, x):
        return self.linear(ops.ReduceMean()(ops.relu(self.conv(x)), (2, 3)))


@pytest.mark.parametrize("parts", [1, 2])
def test_an_update_is_no_longer_than_the_config_allows(parts):
    lengths = []
    for limit in (0.0, 0.01):
        network, step, _ = make(network=NoBatchNorm(), accumulation=parts, clip_norm=limit, weight_decay=0.0, lr=1.0)
        before = weights_of(network)
        step(*batch(0))
        changes = [weights_of(network)[name] - value for name, value in before.items()]
        lengths.append(np.sqrt(sum(np.sum(change**2) for change in changes)))
    assert lengths[0] > 0.05 and lengths[1] == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
def test_a_batch_in_parts_moves_the_weights_as_the_whole_batch(mode, clip_norm):
    results = []
    for parts in (1, 2, 4):
        network, step, _ = make(mode, NoBatchNorm(), accumulation=parts, clip_norm=clip_norm, batch_size=8)
        weights = {
            name: np.random.default_rng(5).normal(size=p.shape) for name, p in network_parameters(network).items()
        }
        for name, parameter in network_parameters(network).items():
            parameter.set_data(ms.Tensor(weights[name].astype(np.float32)))
        outputs = [step(*batch(number, 8)) for number in range(3)]
        results.append(([(float(a.asnumpy()), int(b.asnumpy())) for a, (b,) in outputs], weights_of(network)))
    for outputs, weights in results[1:]:
        np.testing.assert_allclose(outputs, results[0][0], rtol=1e-5)
        for name, value in results[0][1].items():
            np.testing.assert_allclose(weights[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_parts_that_do_not_divide_the_batch_are_refused():
    with pytest.raises(UserError, match="accumulation: 3 parts do not divide batch_size 4"):
        make(accumulation=3)


def test_the_average_follows_weights_and_statistics_and_gives_them_back(mode):
    network, step, _ = make(mode, ema_decay=0.5)
    expected = weights_of(network)
    for number in range(1, 4):
        step(*batch(number))
        own = weights_of(network)
        share = 1 - min(0.5, (1 + number) / (10 + number))
        expected = {name: value + share * (own[name] - value) for name, value in expected.items()}
    average = step.update.average
    for name, parameter in average.parameters().items():
        np.testing.assert_allclose(parameter.asnumpy(), expected[name], rtol=1e-4, atol=1e-5, err_msg=name)
    before = values_of(step)
    with average.in_place():
        inside = weights_of(network)
        images = batch(9)[0]
        averaged = network.set_train(False)(images).asnumpy()
    assert all(np.array_equal(inside[name], p.asnumpy()) for name, p in average.parameters().items())
    assert differing(before, values_of(step)) == []
    assert not np.array_equal(network.set_train(False)(images).asnumpy(), averaged)


def test_a_checkpoint_with_an_average_gives_either_and_resumes_both(tmp_path):
    network, step, config = make(ema_decay=0.5)
    step(*batch(0))
    state = {"ema." + name: p for name, p in step.update.average.parameters().items()}
    path, metadata = tmp_path / "last.ckpt", {"epoch": 1, "best_top1": 0.5}
    save_checkpoint(path, network, metadata, step.optimizer, state)
    own, average = weights_of(network), {n: p.asnumpy() for n, p in step.update.average.parameters().items()}
    assert set(read_checkpoint(path)[1]) > set(state)

    other, other_step, _ = make(ema_decay=0.5, seed=4)
    load_network(path, other, config)
    assert all(np.array_equal(weights_of(other)[name], average[name]) for name in average)
    config = config.changed(evaluate_ema=False)
    load_network(path, other, config)
    assert all(np.array_equal(weights_of(other)[name], own[name]) for name in own)

    other_state = {"ema." + name: p for name, p in other_step.update.average.parameters().items()}
    load_training(path, other, other_step.optimizer, config, other_state)
    assert all(np.array_equal(p.asnumpy(), average[name[4:]]) for name, p in other_state.items())
    plain, plain_step, plain_config = make()
    with pytest.raises(UserError, match="its tensor ema.* has no place here"):
        load_training(path, plain, plain_step.optimizer, plain_config)


# --- teacher


def test_the_teacher_teaches_and_stays_as_it_is(mode):
    network, step, config = make(mode, lr=0.1)
    teacher = NoBatchNorm()
    for parameter in teacher.get_parameters():
        parameter.name = f"teacher.{parameter.name}"
    before = {p.name: p.asnumpy().copy() for p in teacher.get_parameters()}
    step = TrainStep(network, build_optimizer(network, config), ClassificationLoss(teacher=teacher))
    images, labels = batch(0)
    logits = network.set_train(True)(images).asnumpy().astype(np.float64)
    step.set_train(True)
    assert not teacher.training and network.training
    loss, (correct,) = step(images, labels)
    target = np.exp(log_softmax(teacher(images).asnumpy().astype(np.float64)))
    assert float(loss.asnumpy()) == pytest.approx(-(target * log_softmax(logits)).sum() / 4, rel=1e-5)
    assert int(correct.asnumpy()) == (logits.argmax(axis=1) == labels.asnumpy()).sum()
    assert all(np.array_equal(before[p.name], p.asnumpy()) for p in teacher.get_parameters())


# --- data sink


def test_all_epochs_come_out_of_one_queue_in_their_order():
    from adabin.data import build_dataset

    config = read_config(None, {"network": "resnet8", "train_size": 20, "test_size": 20, "batch_size": 6, "epochs": 4})
    data = build_dataset(config, "train")
    queue = RemainingEpochs(data, 1, 4)
    assert len(queue) == 3 * 3
    expected = [(x.asnumpy(), y.asnumpy()) for epoch in (1, 2, 3) for x, y in data.batches(epoch)]
    for index, (images, labels) in enumerate(expected):
        np.testing.assert_array_equal(queue[index][0], images)
        np.testing.assert_array_equal(queue[index][1], labels)
    with pytest.raises(IndexError):
        queue[9]


def test_a_device_with_a_queue_trains_on_the_batches_of_the_remaining_epochs(monkeypatch):
    """MindSpore's queue is played by a plain iterator: what reaches the step, and how often, is ours."""
    from adabin.data import build_dataset
    from adabin.training.loop import Progress, _train_epoch

    def data_sink(step, pipeline, sink_size):
        assert sink_size == 1
        rows = pipeline.create_tuple_iterator(num_epochs=1)
        return lambda: step(*next(rows))

    def step(images, labels):
        seen.append((images.asnumpy(), labels.asnumpy()))
        return ms.Tensor(1.5), (ms.Tensor(2),)

    step.loss = ClassificationLoss()

    monkeypatch.setattr(ms, "data_sink", data_sink)
    sizes = {"train_size": 20, "test_size": 20, "batch_size": 6, "epochs": 4}
    config = read_config(None, {"network": "resnet8", "dataset_sink": True, "device_target": "GPU", **sizes})
    data, seen = build_dataset(config, "train"), []
    next_step = sink_step(step, data, 2, config, print)
    for epoch in (2, 3):
        found = _train_epoch(step, data, epoch, config, Classification, Progress(72, 0), next_step)
        assert found == {"loss": 1.5, "top1": 2 / 6}
    expected = [(x.asnumpy(), y.asnumpy()) for epoch in (2, 3) for x, y in data.batches(epoch)]
    assert len(seen) == len(expected) == 6
    for (images, labels), (own_images, own_labels) in zip(seen, expected, strict=True):
        assert np.array_equal(images, own_images) and np.array_equal(labels, own_labels)
    assert sink_step(step, data, 4, config, print) is None  # a run that has ended


def test_the_cpu_says_in_one_line_that_it_has_no_sink():
    said = []
    config = read_config(None, {"dataset_sink": True})
    assert sink_step(None, None, 0, config, said.append) is None
    assert len(said) == 1 and said[0].startswith("dataset_sink: a CPU has no queue")
    assert sink_step(None, None, 0, read_config(None), said.append) is None and len(said) == 1
