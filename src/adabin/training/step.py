# SPDX-License-Identifier: Apache-2.0
"""One step of training: forward pass, gradients, update, compiled as one graph."""

import mindspore as ms
from mindspore import dtype as mstype
from mindspore import ops

from adabin.training.accumulate import AccumulatedStep
from adabin.training.average import WeightAverage
from adabin.training.losses import CrossEntropy, SoftCrossEntropy
from adabin.training.optimizer import build_optimizer
from adabin.training.precision import train_in_half
from adabin.training.update import LossScale, Update
from adabin.utils.errors import UserError
from adabin.utils.phase import KeepsPhase


class TrainStep(KeepsPhase):
    """Update a network with one batch.

    Args:
        network (Cell): images -> logits.
        optimizer: of its parameters; its learning rate is changed with `set_learning_rate`.
        update (Update): from gradients to new weights; a plain one of the optimizer when not given.
        smoothing (float): of the labels, see `CrossEntropy`.
        teacher (Cell): a trained network, images -> logits, that takes the place of the labels; it stays as it is.

    Inputs: images float32 (B, C, H, W), labels int32 (B,).
    Output: (mean loss before the update, number of right answers), scalars.
    """

    def __init__(self, network, optimizer, update=None, smoothing=0.0, teacher=None):
        super().__init__(auto_prefix=False)
        self.network = network
        self.optimizer = optimizer
        self.update = update or Update(optimizer)
        self.loss_scale = self.update.loss_scale
        self.teacher = teacher
        self.loss = SoftCrossEntropy() if teacher is not None else CrossEntropy(smoothing)
        self.value_and_grad = ms.value_and_grad(self.forward, None, optimizer.parameters, has_aux=True)
        self.set_train()

    def forward(self, images, labels):
        """(what is differentiated: the loss, scaled in mixed precision; logits; the loss)."""
        logits = self.network(images)
        target = labels if self.teacher is None else ops.stop_gradient(self.teacher(images))
        loss = self.loss(logits, target)
        return (loss if self.loss_scale is None else loss * self.loss_scale.value), logits, loss

    def gradients(self, images, labels):
        """(mean loss, number of right answers, gradients in the order of `optimizer.parameters`)."""
        (_, logits, loss), gradients = self.value_and_grad(images, labels)
        correct = ops.sum(ops.cast(ops.argmax(logits, 1) == labels, mstype.int32))
        return loss, correct, gradients

    def construct(self, images, labels):
        loss, correct, gradients = self.gradients(images, labels)
        gradients = ops.depend(gradients, loss)  # nothing reads weights after their update
        return ops.depend(loss, self.update(gradients)), correct

    def set_train(self, mode=True):
        """The teacher is never trained."""
        super().set_train(mode)
        if self.teacher is not None:
            self.teacher.set_train(False)
        return self

    def set_learning_rate(self, value):
        """Takes effect in the next step, without compiling again."""
        # set_data would not reach the optimizer in PYNATIVE mode, where it is a compiled graph of its own.
        ops.assign(self.optimizer.learning_rate, ms.Tensor(value, mstype.float32))


def build_step(network, config, teacher=None):
    """The training step that a config describes.

    Args:
        network (Cell): is changed in place for mixed precision; evaluation stays in float32.
        config (Config): optimizer, decay, clip_norm, label_smoothing, ema_decay, amp_level, accumulation.
        teacher (Cell): see `TrainStep`.

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
    step = TrainStep(network, optimizer, update, config.label_smoothing, teacher)
    return step if config.accumulation == 1 else AccumulatedStep(step, config.accumulation)
