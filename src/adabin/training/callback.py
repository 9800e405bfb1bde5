# SPDX-License-Identifier: Apache-2.0
"""For training with plain MindSpore (`mindspore.train.Model`): what this project's loop does besides the steps."""

from mindspore.train import Callback

from adabin.layers import set_estimator
from adabin.training.schedule import progressive


class EstimatorSchedule(Callback):
    """Sets k and t of every binary layer's estimator at the beginning of each epoch; nothing is compiled again.

    model.train(epochs, data, callbacks=[EstimatorSchedule(epochs)])

    Args:
        epochs (int): of the whole training.
        schedule: function (epoch from 0, epochs) -> (k, t); `progressive` when not given.
    """

    def __init__(self, epochs, schedule=progressive):
        super().__init__()
        self.epochs, self.schedule = epochs, schedule

    def on_train_epoch_begin(self, run_context):
        """Called by MindSpore."""
        training = run_context.original_args()
        set_estimator(training.train_network, *self.schedule(training.cur_epoch_num - 1, self.epochs))
