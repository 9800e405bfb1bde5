# SPDX-License-Identifier: Apache-2.0
"""Loss of a training step, from logits in float32."""

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


class ClassificationLoss(nn.Cell):
    """Loss of a training step, and the number of right answers.

    Args:
        smoothing (float): of the labels, see `CrossEntropy`.
        teacher (Cell): a trained network, images -> logits, that takes the place of the labels; it stays as it is.

    Inputs: outputs (logits (B, classes),), images, labels int32 (B,).
    Output: (mean loss, (number of right answers,)), scalars.
    """

    statistics = ("top1",)

    def __init__(self, smoothing=0.0, teacher=None):
        super().__init__(auto_prefix=False)
        self.teacher = teacher
        self.entropy = SoftCrossEntropy() if teacher is not None else CrossEntropy(smoothing)

    def construct(self, outputs, images, labels):
        logits = outputs[0]
        target = labels if self.teacher is None else ops.stop_gradient(self.teacher(images))
        correct = ops.sum(ops.cast(ops.argmax(logits, 1) == labels, mstype.float32))
        return self.entropy(logits, target), (correct,)

    def set_train(self, mode=True):
        """The teacher is never trained."""
        super().set_train(mode)
        if self.teacher is not None:
            self.teacher.set_train(False)
        return self
