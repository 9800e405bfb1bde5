# SPDX-License-Identifier: Apache-2.0
"""Losses of a training step, from logits in float32."""

import mindspore as ms
from mindspore import dtype as mstype
from mindspore import nn, ops


class CrossEntropy(nn.Cell):
    """Mean cross entropy of logits (B, classes) and labels (B,).

    nn.CrossEntropyLoss would not do: on CPU its logarithm rounds differently in a process's first steps, while
    MindSpore tries out how to split work among threads, and a resumed run would not record the same losses.

    Args:
        smoothing (float): s, the share of each label that is spread over all classes: the target is 1 - s + s / classes
            for the label and s / classes for the others.
    """

    def __init__(self, smoothing=0.0):
        super().__init__()
        self.smoothing = smoothing
        self.log_softmax = ops.LogSoftmax(1)

    def construct(self, logits, labels):
        share = self.smoothing / logits.shape[1]
        on, off = ms.Tensor(1.0 - self.smoothing + share, mstype.float32), ms.Tensor(share, mstype.float32)
        target = ops.one_hot(labels, logits.shape[1], on, off)
        return -ops.mean(ops.sum(self.log_softmax(logits) * target, 1))


class SoftCrossEntropy(nn.Cell):
    """Mean over the batch of -sum(softmax(teacher) * log_softmax(logits)), both (B, classes): distillation.

    As ReActNet trains: temperature 1, and no term with the labels.
    """

    def __init__(self):
        super().__init__()
        self.softmax = ops.Softmax(1)
        self.log_softmax = ops.LogSoftmax(1)

    def construct(self, logits, teacher_logits):
        target = self.softmax(teacher_logits)
        return -ops.mean(ops.sum(self.log_softmax(logits) * target, 1))
