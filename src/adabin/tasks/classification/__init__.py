# SPDX-License-Identifier: Apache-2.0
"""Classification: one class per picture, from logits."""

from adabin.tasks.classification.metric import ClassificationMetric
from adabin.tasks.classification.prediction import best_classes, softmax
from adabin.tasks.names import class_names


class Classification:
    """The task as src/adabin/tasks/__init__.py describes it; outputs: (logits (B, classes),), targets: (labels (B,),).

    Args:
        config (Config): label_smoothing, class_names, num_classes.
    """

    score = "top1"
    names_places = False
    recorded = ("loss", "top1")
    plots = (("loss", "cross entropy", 1), ("top1", "top-1 [%]", 100))

    def __init__(self, config):
        self.config = config
        self.names = None

    @staticmethod
    def columns(train):
        """One label per image."""
        return ("label",)

    @staticmethod
    def targets(labels, train):
        """(labels (B,) int32,)."""
        return (labels,)

    def loss(self, teacher=None):
        """Cross entropy, of the labels or of a teacher's outputs."""
        from adabin.tasks.classification.loss import ClassificationLoss  # here: it imports MindSpore

        return ClassificationLoss(self.config.label_smoothing, teacher)

    @staticmethod
    def metric():
        """Cross entropy and accuracies."""
        return ClassificationMetric()

    @staticmethod
    def text(values):
        """'loss 0.1234 top-1 95.00 %', of what the dict has of them."""
        parts = [f"loss {values['loss']:.4f}"] if "loss" in values else []
        return " ".join([*parts, f"top-1 {100 * values['top1']:.2f} %"])

    @staticmethod
    def decisions(outputs):
        """Class of each image."""
        return outputs[0].argmax(1)

    def predict(self, outputs, sizes):
        """`top5` of each picture: class number, name and score of the best classes, best first.

        Raises:
            RunError: a logit is not finite.
            UserError: the config has another number of classes.
        """
        scores = softmax(outputs[0])
        self.names = self.names or class_names(self.config, scores.shape[1])
        return [{"top5": best_classes(row, self.names)} for row in scores]

    @staticmethod
    def line(prediction):
        """The best classes with their scores in percent."""
        return ", ".join(f"{answer['name']} {100 * answer['score']:.1f} %" for answer in prediction["top5"])

    @staticmethod
    def draw(path, picture, prediction):
        """The picture beside a bar per class."""
        from adabin.tasks.classification.drawing import save_drawing

        save_drawing(path, picture, prediction["top5"])
