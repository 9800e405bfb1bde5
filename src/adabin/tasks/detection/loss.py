# SPDX-License-Identifier: Apache-2.0
"""Loss of a training step of a detector, as SSD has it."""

from mindspore import dtype as mstype
from mindspore import nn, ops


class DetectionLoss(nn.Cell):
    """(smooth L1 of the locations + cross entropy of the classes) / number of positives (SSD, section 2.2).

    Positive are the priors that have an object. Locations count there alone: 0.5 d^2 where |d| < 1, else |d| - 0.5,
    summed over the four numbers. Classes count there and at the negatives with the largest cross entropy: for each
    picture `neg_pos_ratio` times as many as it has positives, as far as there are so many. A picture without objects
    has no positives, so it adds nothing, as in SSD's own code; a batch without any has a loss of 0.

    The number of positives is that of the images in `construct`: of a process's share, and of a part of a batch that is
    accumulated. The loss of a batch in parts is the mean of theirs.

    Args:
        neg_pos_ratio (float): see above.

    Inputs: outputs (locations (B, P, 4), scores (B, P, 1 + C)), images, class targets int32 (B, P) with 0 for the
        background, location targets float32 (B, P, 4).
    Output: (loss, (location part * B, class part * B)), scalars.
    """

    statistics = ("location_loss", "class_loss")

    def __init__(self, neg_pos_ratio=3.0):
        super().__init__(auto_prefix=False)
        self.neg_pos_ratio = neg_pos_ratio
        self.log_softmax = ops.LogSoftmax(1)
        self.smooth_l1 = ops.SmoothL1Loss(1.0, "none")
        self.own = ops.GatherD()
        self.ranked = ops.TopK(sorted=True)
        self.mul = ops.Mul()  # with a number: `*` would become Muls, which MindSpore documents for no device

    def construct(self, outputs, images, labels, targets):
        locations, scores = ops.cast(outputs[0], mstype.float32), ops.cast(outputs[1], mstype.float32)
        batch, priors = labels.shape
        positive = ops.cast(labels > 0, mstype.float32)
        positives = ops.sum(positive, 1, keepdim=True)
        count = ops.maximum(ops.sum(positive), 1.0)
        distances = self.smooth_l1(locations, targets) * ops.expand_dims(positive, 2)
        location_loss = ops.sum(ops.reshape(distances, (-1,))) / count
        log_scores = self.log_softmax(ops.reshape(scores, (batch * priors, -1)))
        entropy = -ops.reshape(self.own(log_scores, 1, ops.reshape(labels, (-1, 1))), (batch, priors))
        # A positive, at -1, comes behind every negative.
        hardest, _ = self.ranked(entropy * (1 - positive) - positive, priors)
        number = ops.minimum(ops.floor(self.mul(positives, self.neg_pos_ratio)), priors - positives)
        place = ops.reshape(ops.cast(ops.range(0, priors, 1), mstype.float32), (1, -1))
        mined = ops.cast(place < number, mstype.float32)
        class_loss = (ops.sum(entropy * positive) + ops.sum(hardest * mined)) / count
        return location_loss + class_loss, (self.mul(location_loss, batch), self.mul(class_loss, batch))
