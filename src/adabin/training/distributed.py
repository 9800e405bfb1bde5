# SPDX-License-Identifier: Apache-2.0
"""One training in several processes: who they are, what they tell each other, what they average.

Every process (rank) computes on its share of each batch. Gradients are averaged before each update, so weights and
optimizer state stay the same on all ranks to the last bit; BatchNorm's running statistics, which follow each rank's
own images, are averaged before every evaluation and checkpoint. Processes are started by MindSpore's msrun
(scripts/run_distribute_train.sh); a process that was started otherwise is alone and communicates with nobody.
"""

import json
import os
import sys
import zlib

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from adabin.utils.errors import RunError, UserError

RUNNING_STATISTICS = ("moving_mean", "moving_variance")


def serve_as_scheduler():
    """Where msrun started this process as its job's scheduler: be that until the job's end, and exit."""
    if os.environ.get("MS_ROLE") != "MS_SCHED":
        return
    ms.set_device("CPU")
    ms.communication.init()
    sys.exit(0)


_flattened = ops.MultitypeFuncGraph("flattened")
_in_shape = ops.MultitypeFuncGraph("in_shape")
_averaged = ops.MultitypeFuncGraph("averaged")
_mul = ops.Mul()  # with a number: `*` would become Muls, which MindSpore documents for no device


@_flattened.register("Tensor")
def _flatten(gradient):
    return ops.reshape(gradient, (-1,))


@_in_shape.register("Tensor", "Tensor")
def _restore(flat, gradient):
    return ops.reshape(flat, gradient.shape)


@_averaged.register("Function", "Number", "Tensor")
def _average(total, factor, gradient):
    return _mul(total(gradient), factor)


class GradientAverage(nn.Cell):
    """Mean of each gradient over all ranks: sum of the ranks' gradients, times 1 / workers.

    With equal shares of a batch, the mean of the shares' mean gradients is the mean over the batch.

    Args:
        workers (int): number of ranks.
        sizes (sequence of int): numbers of elements of the gradients.
        joined (bool): put all gradients into one message. Other devices than CPUs do so by themselves, and while the
            others are still computed.
    """

    def __init__(self, workers, sizes, joined):
        super().__init__(auto_prefix=False)
        self.factor = 1 / workers
        self.joined = joined
        self.sizes = tuple(sizes)
        self.concat = ops.Concat()
        self.split = ops.auto_generate.SplitWithSize()
        self.map = ops.HyperMap()  # a loop over so many would exceed what MindSpore compiles
        # Equal numbers allow the device to send these in one message.
        self.sum = ops.AllReduce(ops.ReduceOp.SUM).add_prim_attr("fusion", 1)

    def construct(self, gradients):
        return self.average_together(gradients) if self.joined else self.average_each(gradients)

    def average_together(self, gradients):
        """All in one message."""
        flat = _mul(self.sum(self.concat(self.map(_flattened, gradients))), self.factor)
        return self.map(_in_shape, self.split(flat, self.sizes), gradients)

    def average_each(self, gradients):
        """A message for each."""
        return self.map(ops.partial(_averaged, self.sum, self.factor), gradients)


def average_gradients(step, world, config):
    """Make a training step use the mean of all ranks' gradients; before its first call.

    Raises:
        UserError: a rank's share of a batch cannot be divided into the parts that are accumulated.
    """
    if config.batch_size % (world.size * config.accumulation):
        raise UserError(
            f"batch_size={config.batch_size} cannot be shared equally by {world.size} workers in "
            f"accumulation={config.accumulation} parts each; change one of them"
        )
    if world.size > 1:
        sizes = [parameter.size for parameter in step.optimizer.parameters]
        step.update.reduce = GradientAverage(world.size, sizes, joined=config.device_target == "CPU")


class World:
    """The processes of a training.

    Attributes:
        rank, size: number of this process, and of all; the process alone is rank 0 of 1.
        launched: whether msrun started it.
    """

    def __init__(self, rank=0, size=1, launched=False):
        self.rank, self.size, self.launched = rank, size, launched

    @classmethod
    def of_environment(cls):
        """What msrun says in the environment; communication begins with `join`."""
        if os.environ.get("MS_ROLE") != "MS_WORKER":
            return cls()
        return cls(int(os.environ["MS_NODE_ID"]), int(os.environ["MS_WORKER_NUM"]), launched=True)

    @property
    def is_main(self):
        """Whether this process writes the run folder."""
        return self.rank == 0

    def join(self):
        """Begin to communicate; before the first tensor is made, after the device was chosen."""
        if self.launched:  # also alone: msrun's scheduler waits until its workers have joined
            ms.communication.init()
            found = (ms.communication.get_rank(), ms.communication.get_group_size())
            if found != (self.rank, self.size):
                raise RunError(f"this process was started as rank {self.rank} of {self.size}, but joined as {found}")

    def gather(self, array):
        """Arrays of all ranks, of one shape and dtype, in the order of the ranks, bit by bit."""
        if self.size == 1:
            return [array]
        everything = ops.AllGather()(ms.Tensor(_to_words(array.tobytes()))).asnumpy()
        shares = everything.reshape(self.size, -1)
        return [np.frombuffer(s.tobytes(), array.dtype, array.size).reshape(array.shape) for s in shares]

    def _broadcast(self, data):
        """Bytes of rank 0; on the others `data` only says how many."""
        (words,) = ops.Broadcast(0)((ms.Tensor(_to_words(data)),))
        return words.asnumpy().tobytes()[: len(data)]

    def agree(self, value):
        """What rank 0 holds: numbers, texts, lists and dicts of them."""
        if self.size == 1:
            return value
        text = json.dumps(value).encode()
        length = int(np.frombuffer(self._broadcast(np.int32(len(text)).tobytes()), np.int32)[0])
        return json.loads(self._broadcast(text if self.is_main else bytes(length)))

    def mean(self, *values):
        """Mean of each number over the ranks, in float64."""
        return np.mean(self.gather(np.array(values, np.float64)), axis=0).tolist()

    def gather_states(self, state):
        """Dicts of arrays of all ranks, in their order.

        Args:
            state (dict): name to array; the same names, dtypes and trailing dimensions on every rank, the first
                dimension of any length, 0 too.
        """
        if self.size == 1:
            return [state]
        states = [{} for _ in range(self.size)]
        for name in sorted(state):
            array = np.ascontiguousarray(state[name])
            lengths = [int(length[0]) for length in self.gather(np.array([len(array)], np.int64))]
            padded = np.zeros((max(1, *lengths), *array.shape[1:]), array.dtype)
            padded[: len(array)] = array
            for own, length, whole in zip(states, lengths, self.gather(padded), strict=True):
                own[name] = whole[:length]
        return states

    def share(self, parameters):
        """Give every rank the values that rank 0 has."""
        if self.size == 1:
            return
        values = [p.asnumpy() for p in parameters]
        data, start = self._broadcast(b"".join(value.tobytes() for value in values)), 0
        for parameter, value in zip(parameters, values, strict=True):
            own = np.frombuffer(data, value.dtype, value.size, start).reshape(value.shape)
            ops.assign(parameter, ms.Tensor(own.copy()))  # set_data would not reach every compiled graph
            start += value.nbytes

    def average_statistics(self, parameters):
        """Give BatchNorm's running statistics among the parameters their mean over the ranks, computed in float64."""
        found = [p for p in parameters if p.name.endswith(RUNNING_STATISTICS)]
        if self.size == 1 or not found:
            return
        flat = np.concatenate([p.asnumpy().ravel() for p in found])
        mean, start = np.mean(self.gather(flat), axis=0, dtype=np.float64).astype(flat.dtype), 0
        for parameter in found:
            ops.assign(parameter, ms.Tensor(mean[start : start + parameter.size].reshape(parameter.shape)))
            start += parameter.size

    def expect_same(self, parameters):
        """Compare the values of all ranks.

        Raises:
            RunError: a rank differs from rank 0, which averaged gradients and statistics exclude.
        """
        checksum = 0
        for parameter in parameters if self.size > 1 else ():
            checksum = zlib.crc32(parameter.asnumpy().tobytes(), checksum)
        all_of_them = [int(value[0]) for value in self.gather(np.array([checksum], np.uint32))]
        different = [str(rank) for rank, value in enumerate(all_of_them) if value != all_of_them[0]]
        if different:
            raise RunError(
                f"the weights of rank {', '.join(different)} are no longer those of rank 0: a memory or network "
                "fault, or machines with different software; resume from the last checkpoint"
            )


def _to_words(data):
    """Bytes as int32, which every device can send, filled up with zeros."""
    return np.frombuffer(data + bytes(-len(data) % 4), np.int32)
