# SPDX-License-Identifier: Apache-2.0
"""What ranks compute together, against one process on all of it; test_distribute.py runs this under msrun.

msrun ... tests/joint_batch.py OUT    each rank asserts for itself and then writes OUT/<rank>.npz
"""

import sys

import src  # isort: skip  # noqa: F401 - makes adabin importable
from adabin.tasks.classification.loss import ClassificationLoss
from adabin.utils.device import prepare_environment

prepare_environment()

import mindspore as ms  # noqa: E402 - after the environment
import numpy as np  # noqa: E402
from mindspore import nn, ops  # noqa: E402

from adabin.layers import AdaBinConv2d, Maxout  # noqa: E402
from adabin.models import binarization_of  # noqa: E402
from adabin.training.distributed import World, average_gradients, serve_as_scheduler  # noqa: E402
from adabin.training.step import TrainStep, build_optimizer  # noqa: E402
from adabin.utils.config import read_config  # noqa: E402
from adabin.utils.device import init_device  # noqa: E402

SHARE = 6


class WithoutBatchNorm(nn.Cell):
    """Binary layers whose gradients are sums over the images."""

    def __init__(self, config):
        super().__init__()
        self.conv1 = AdaBinConv2d(3, 8, 3, stride=2, padding=1, settings=binarization_of(config))
        self.maxout = Maxout(8)
        self.conv2 = AdaBinConv2d(8, 8, 3, padding=1, settings=binarization_of(config))
        self.pool = ops.ReduceMean()
        self.linear = nn.Dense(8, 10)

    def construct(self, x):
        return self.linear(self.pool(self.conv2(self.maxout(self.conv1(x))), (2, 3)))


def batch(world, number):
    """(images, labels) of the joint batch."""
    rng = np.random.default_rng(number)
    images = rng.normal(size=(SHARE * world.size, 3, 8, 8)).astype(np.float32)
    return images, rng.integers(0, 10, len(images)).astype(np.int32)


def build(config):
    ms.set_seed(config.seed)
    network = WithoutBatchNorm(config)
    return network, TrainStep(network, build_optimizer(network, config), ClassificationLoss())


def check_gradients(world, config):
    """Three updates by averaged gradients are those of one process on the joint batches."""
    (_, alone), (network, together) = build(config), build(config)
    average_gradients(together, world, config)
    own = slice(SHARE * world.rank, SHARE * (world.rank + 1))
    for number in range(3):
        images, labels = batch(world, number)
        before = {p.name: p.asnumpy().copy() for p in network.trainable_params()}
        loss = float(alone(ms.Tensor(images), ms.Tensor(labels))[0].asnumpy())
        shared = float(together(ms.Tensor(images[own]), ms.Tensor(labels[own]))[0].asnumpy())
        assert np.isclose(world.mean(shared)[0], loss, rtol=1e-5)
        for expected, found in zip(alone.network.trainable_params(), network.trainable_params(), strict=True):
            change = np.abs(found.asnumpy() - before[found.name]).max()
            difference = np.abs(found.asnumpy() - expected.asnumpy()).max()
            assert change > 0 and difference < 1e-4 * (change + np.abs(before[found.name]).max()), found.name
        for expected, found in zip(alone.network.trainable_params(), network.trainable_params(), strict=True):
            expected.set_data(ms.Tensor(found.asnumpy()))  # so that rounding does not decide a sign later on
    world.expect_same(together.optimizer.get_parameters())
    return together


def check_messages(world):
    """What goes from rank to rank arrives bit by bit, in the order of the ranks."""

    def odd(rank):
        return np.array([[-0.0, np.nan, 1e-45], [np.inf, 3, rank]], np.float32)

    assert [p.tobytes() for p in world.gather(odd(world.rank))] == [odd(rank).tobytes() for rank in range(world.size)]
    assert [int(p) for p in world.gather(np.array(world.rank, np.int64))] == list(range(world.size))
    flags = world.gather(np.array([True, world.rank == 1, False]))
    assert [bool(f[1]) for f in flags] == [rank == 1 for rank in range(world.size)]
    assert world.agree({"text": "\u00fc" * (3 + world.rank), "rank": world.rank}) == {
        "text": "\u00fc\u00fc\u00fc",
        "rank": 0,
    }
    assert world.mean(world.rank, 1.0) == [(world.size - 1) / 2, 1.0]
    states = world.gather_states({"b": np.arange(world.rank, dtype=np.float32), "a": np.array([world.rank])})
    assert [state["a"].tolist() for state in states] == [[rank] for rank in range(world.size)]
    assert [state["b"].tolist() for state in states] == [list(range(rank)) for rank in range(world.size)]


def check_state(world, step):
    """Statistics take their mean, everything else rank 0's value, and a difference is found."""
    norm = nn.BatchNorm2d(3)
    norm.moving_mean.set_data(ms.Tensor(np.array([1, 2, world.rank], np.float32)))
    norm.gamma.set_data(ms.Tensor(np.full(3, world.rank, np.float32)))
    world.average_statistics(nn.SequentialCell(norm).get_parameters())
    assert norm.moving_mean.asnumpy().tolist() == [1, 2, (world.size - 1) / 2]
    assert norm.gamma.asnumpy().tolist() == [world.rank] * 3

    weight, parameters = step.network.conv2.weight, list(step.optimizer.get_parameters())
    kept = weight.asnumpy().copy()
    if world.rank == 1:
        weight.set_data(ms.Tensor(kept + np.float32(1)))
    try:
        world.expect_same(parameters)
        raise AssertionError("the difference was not found")
    except Exception as error:  # noqa: BLE001
        assert "the weights of rank 1 are no longer those of rank 0" in str(error), error
    world.share(parameters)
    assert np.array_equal(weight.asnumpy(), kept)
    world.expect_same(parameters)


if __name__ == "__main__":
    serve_as_scheduler()
    the_world = World.of_environment()
    the_config = read_config(None, {"network": "resnet8", "lr": 0.05, "batch_size": SHARE * the_world.size})
    init_device(the_config)
    the_world.join()
    check_messages(the_world)
    step_of_rank = check_gradients(the_world, the_config)
    check_state(the_world, step_of_rank)
    values = {p.name: p.asnumpy() for p in step_of_rank.optimizer.get_parameters()}
    np.savez(f"{sys.argv[1]}/{the_world.rank}.npz", **values)
