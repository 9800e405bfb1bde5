# SPDX-License-Identifier: Apache-2.0
"""Data sink: the device fetches its batches from a queue of its own (GPU and Ascend; not run here, see docs)."""

import functools

import mindspore as ms

from adabin.data.image_dataset import EpochBatches
from adabin.data.prefetch import pipeline


class RemainingEpochs:
    """The batches of all epochs from `start` on as one sequence, so that one queue serves the whole training.

    Args:
        data (ImageDataset): a training split.
        start, epochs (int): first epoch, and the number of epochs of the training.
    """

    def __init__(self, data, start, epochs):
        self.steps, self.start, self.count = data.steps_per_epoch, start, epochs - start
        # Workers may be ahead by an epoch; its order and augmentation are drawn once.
        self.batches = functools.lru_cache(maxsize=2)(lambda epoch: EpochBatches(data, epoch))

    def __len__(self):
        return self.count * self.steps

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(index)
        epoch, step = divmod(index, self.steps)
        return self.batches(self.start + epoch)[step]


def sink_step(step, data, start, config, log):
    """A function without arguments that does the next training step with the next batch of the device's queue.

    Returns:
        That function; None where `dataset_sink` is off, nothing is left to do, or the device is a CPU, which `log` then
        says in one line.
    """
    if not config.dataset_sink or start == config.epochs:
        return None
    if config.device_target == "CPU":
        log("dataset_sink: a CPU has no queue of its own; batches are handed over one by one")
        return None
    batches = RemainingEpochs(data, start, config.epochs)
    return ms.data_sink(step, pipeline(batches, data.num_workers, data.columns), sink_size=1)
