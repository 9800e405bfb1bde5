# SPDX-License-Identifier: Apache-2.0
"""One step of training: forward pass, gradients, update, compiled as one graph."""

import mindspore as ms
from mindspore import dtype as mstype
from mindspore import nn, ops


def build_optimizer(network, config):
    """SGD with momentum, v = m v + (g + decay w), w = w - lr v; decay applies to every parameter.

    The parameters form one explicit group: without it MindSpore spares all whose name contains `beta` or `gamma`,
    which here would be BatchNorm's and half of the activation binarizers' parameters.
    """
    group = [{"params": network.trainable_params(), "weight_decay": config.weight_decay}]
    return nn.Momentum(group, learning_rate=config.lr, momentum=config.momentum)


class CrossEntropy(nn.Cell):
    """Mean cross entropy of logits (B, classes) and labels (B,).

    nn.CrossEntropyLoss would not do: on CPU its logarithm rounds differently in a process's first steps, while
    MindSpore tries out how to split work among threads, and a resumed run would not record the same losses.
    """

    def __init__(self):
        super().__init__()
        self.log_softmax = ops.LogSoftmax(1)

    def construct(self, logits, labels):
        ones, zeros = ms.Tensor(1.0, mstype.float32), ms.Tensor(0.0, mstype.float32)
        chosen = ops.one_hot(labels, logits.shape[1], ones, zeros)
        return -ops.mean(ops.sum(self.log_softmax(logits) * chosen, 1))


class TrainStep(nn.Cell):
    """Update a network with one batch.

    Args:
        network (Cell): images -> logits.
        optimizer: of its parameters; its learning rate is changed with `set_learning_rate`.

    Inputs: images float32 (B, C, H, W), labels int32 (B,).
    Output: (mean cross entropy before the update, number of right answers), scalars.

    `reduce` maps the gradients of this process to those that all processes of a distributed training use.
    """

    def __init__(self, network, optimizer):
        super().__init__(auto_prefix=False)
        self.network = network
        self.optimizer = optimizer
        self.reduce = nn.Identity()
        self.loss = CrossEntropy()
        self.value_and_grad = ms.value_and_grad(self.forward, None, optimizer.parameters, has_aux=True)
        self.set_train()

    def forward(self, images, labels):
        logits = self.network(images)
        return self.loss(logits, labels), logits

    def construct(self, images, labels):
        (loss, logits), gradients = self.value_and_grad(images, labels)
        correct = ops.sum(ops.cast(ops.argmax(logits, 1) == labels, mstype.int32))
        return ops.depend(loss, self.optimizer(self.reduce(gradients))), correct

    def set_learning_rate(self, value):
        """Takes effect in the next step, without compiling again."""
        # set_data would not reach the optimizer in PYNATIVE mode, where it is a compiled graph of its own.
        ops.assign(self.optimizer.learning_rate, ms.Tensor(value, mstype.float32))
