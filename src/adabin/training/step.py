# SPDX-License-Identifier: Apache-2.0
"""One step of training: forward pass, gradients, update, compiled as one graph."""

import mindspore as ms
from mindspore import dtype as mstype
from mindspore import ops

from adabin.training.accumulate import AccumulatedStep
from adabin.training.average import WeightAverage
from adabin.training.optimizer import build_optimizer
from adabin.training.precision import train_in_half
from adabin.training.update import LossScale, Update
from adabin.utils.errors import UserError
from adabin.utils.phase import KeepsPhase


class TrainStep(KeepsPhase):
    """Update a network with one batch.

    Args:
        network (Cell): images -> an output, or a tuple of them.
        optimizer: of its parameters; its learning rate is changed with `set_learning_rate`.
        loss (Cell): (outputs, images, *targets) -> loss, statistics, as a task makes it (adabin.tasks).
        update (Update): from gradients to new weights; a plain one of the optimizer when not given.

    Inputs: images float32 (B, C, H, W), and the task's targets.
    Output: (mean loss before the update, statistics of the batch), scalars and a tuple of scalars.
    """

    def __init__(self, network, optimizer, loss, update=None):
        super().__init__(auto_prefix=False)
        self.network = network
        self.optimizer = optimizer
        self.update = update or Update(optimizer)
        self.loss_scale = self.update.loss_scale
        self.loss = loss
        self.value_and_grad = ms.value_and_grad(self.forward, None, optimizer.parameters, has_aux=True)
        self.set_train()

    def forward(self, images, *targets):
        """(what is differentiated: the loss, scaled in mixed precision; the loss; the statistics)."""
        outputs = self.network(images)
        if not isinstance(outputs, tuple):
            outputs = (outputs,)
        loss, statistics = self.loss(outputs, images, *targets)
        return (loss if self.loss_scale is None else loss * self.loss_scale.value), loss, statistics

    def gradients(self, images, *targets):
        """(mean loss, statistics, gradients in the order of `optimizer.parameters`)."""
        (_, loss, statistics), gradients = self.value_and_grad(images, *targets)
        return loss, statistics, gradients

    def construct(self, images, *targets):
        loss, statistics, gradients = self.gradients(images, *targets)
        gradients = ops.depend(gradients, loss)  # nothing reads weights after their update
        return ops.depend(loss, self.update(gradients)), statistics

    def set_train(self, mode=True):
        """A teacher in the loss is never trained: the loss says what it sets."""
        super().set_train(mode)
        self.loss.set_train(mode)
        return self

    def set_learning_rate(self, value):
        """Takes effect in the next step, without compiling again."""
        # set_data would not reach the optimizer in PYNATIVE mode, where it is a compiled graph of its own.
        ops.assign(self.optimizer.learning_rate, ms.Tensor(value, mstype.float32))


def build_step(network, config, loss):
    """The training step that a config describes.

    Args:
        network (Cell): is changed in place for mixed precision; evaluation stays in float32.
        config (Config): optimizer, decay, clip_norm, ema_decay, amp_level, accumulation.
        loss (Cell): see `TrainStep`.

    Returns:
        `TrainStep`, or an `AccumulatedStep` of it.

    Raises:
        UserError: a batch cannot be divided into `accumulation` parts.
    """
    if config.batch_size % config.accumulation:
        raise UserError(
            f"config: accumulation: {config.accumulation} parts do not divide batch_size {config.batch_size}; "
            "choose a divisor of it"
        )
    half = config.amp_level == "O2"
    optimizer = build_optimizer(network, config)
    update = Update(
        optimizer,
        config.clip_norm,
        WeightAverage(network, config.ema_decay) if config.ema_decay else None,
        LossScale() if half else None,
    )
    if half:
        train_in_half(network)
    step = TrainStep(network, optimizer, loss, update)
    return step if config.accumulation == 1 else AccumulatedStep(step, config.accumulation)
