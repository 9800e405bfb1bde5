# SPDX-License-Identifier: Apache-2.0
"""From a detector's outputs to its average precisions."""

from adabin.detection.metric import DetectionMetric
from adabin.detection.objects import Objects


class OutputsMetric:
    """A `DetectionMetric` that is fed with outputs and padded objects.

    Args:
        decode: function (outputs of one picture) -> boxes, classes, scores.
        crowds (bool): whether ignored objects are crowds, as in COCO.

    Attributes:
        kept (DetectionMetric): what it is made of; None before the first batch.
    """

    def __init__(self, decode, crowds=False):
        self.decode, self.crowds, self.kept = decode, crowds, None

    def update(self, outputs, boxes, classes, ignored, areas, sizes):
        """Add a batch: outputs (locations (B, P, 4), scores (B, P, 1 + C)), objects as `Detection.targets` pads them.

        Raises:
            RunError: an output is not finite.
        """
        self.kept = self.kept or DetectionMetric(outputs[1].shape[2] - 1, crowds=self.crowds)
        for row, numbers in enumerate(classes):
            there = numbers >= 0
            own = (boxes[row][there], numbers[there], ignored[row][there], areas[row][there])
            objects = Objects(*own, (int(sizes[row][0]), int(sizes[row][1])))
            self.kept.add(objects, *self.decode(*(output[row] for output in outputs)))

    def state(self):
        """See `DetectionMetric.state`."""
        return self.kept.state()

    def result(self, states):
        """See `DetectionMetric.result`."""
        return self.kept.result(states)
