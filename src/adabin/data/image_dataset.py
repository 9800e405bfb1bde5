# SPDX-License-Identifier: Apache-2.0
"""Images in memory, delivered as MindSpore data-engine pipelines, one per epoch."""

import os
from pathlib import Path

import numpy as np

from adabin.data.prefetch import pipeline
from adabin.data.transforms import draw_augmentation, draw_order, flip_and_crop, normalize
from adabin.utils.errors import UserError


class ImageDataset:
    """One split of a classification data set.

    Batch k of an epoch follows from (seed, epoch, k) alone: not from what the process did before, from other data
    sets, from the number of workers, or from an earlier epoch left halfway.

    Args:
        images: uint8 (N, H, W, 3) RGB.
        labels: int32 (N,), or whatever a task's `targets` are made from: a sequence of N annotations.
        class_names: names of the labels 0, 1, ...
        train: shuffled and without the last, incomplete batch; otherwise in order and complete.
        batch_size: images per batch.
        mean, std: per channel, for pixels in 0..1.
        seed: 0 to 2**63 - 1.
        augment: flip and crop; only where `train`.
        num_workers: threads preparing batches, at most as many as the machine has processors.

    Attributes: num_images, num_classes, class_names, normalization (mean, std), steps_per_epoch, images, labels,
    share: images per batch that this process gets (see `part_of`), columns: names of what a batch holds, and targets:
    function of a batch's annotations -> tuple of arrays that follow its images.

    Raises:
        UserError: a batch size that is not positive or larger than a training split, a negative seed, a mean or std
            without three numbers.
    """

    def __init__(
        self, images, labels, class_names, *, train, batch_size, mean, std, seed=0, augment=True, num_workers=1
    ):
        key = "batch_size" if train else "eval_batch_size"
        if batch_size < 1 or (train and batch_size > len(images)):
            raise UserError(f"{key}={batch_size} does not fit {len(images)} images; use 1 to {len(images)}")
        if seed < 0:
            raise UserError(f"seed={seed} is negative; use 0 or more")
        if len(mean) != 3 or len(std) != 3 or not all(value > 0 for value in std):
            raise UserError(f"mean={mean}, std={std}: three numbers each are needed, std positive")
        self.images, self.labels, self.class_names = images, labels, tuple(class_names)
        self.num_images, self.num_classes = len(images), len(class_names)
        self.normalization = (tuple(mean), tuple(std))
        self.batch_size, self.seed, self.train = batch_size, seed, train
        self.augment = augment and train
        self.steps_per_epoch = len(images) // batch_size if train else -(-len(images) // batch_size)
        self.num_workers = max(1, min(num_workers, os.cpu_count() or 1))
        self.rank, self.workers, self.share = 0, 1, batch_size
        self.columns, self.targets = ("image", "label"), _labels_alone

    def part_of(self, rank, workers):
        """Leave to this process its share of the images, as one of `workers` processes; returns the data set.

        Training: the process numbered `rank` gets the rank-th part of every batch, so that all together see the
        batches that one process would see. Testing: each gets a part of the images, in batches of its own; every
        image is in one part, and the parts differ by one image at most.

        Raises:
            UserError: the batch size is no multiple of `workers`, or a test split has fewer images than workers.
        """
        if self.train and self.batch_size % workers:
            raise UserError(
                f"batch_size={self.batch_size} cannot be shared equally by {workers} workers; give a multiple of "
                f"{workers} with --batch_size, or another number of workers"
            )
        if self.num_images < workers:
            raise UserError(f"{self.num_images} images are too few for {workers} workers; start fewer")
        self.rank, self.workers = rank, workers
        if self.train:
            self.share = self.batch_size // workers
        else:
            self.steps_per_epoch = -(-len(self._own_images()) // self.batch_size)
        return self

    def _own_images(self):
        """Numbers of the images of a test split that this process evaluates."""
        first, end = (self.num_images * rank // self.workers for rank in (self.rank, self.rank + 1))
        return np.arange(first, end)

    def draw_choices(self, epoch):
        """All chance of an epoch, for `load`; None without augmentation."""
        return draw_augmentation(self.seed, epoch, self.num_images) if self.augment else None

    def load(self, chosen, places, choices):
        """Images `chosen`, which have the `places` (slice) in the epoch's order, as augmented, and their annotations.

        Returns:
            (uint8 (B, H, W, 3), what `targets` takes: as many annotations).
        """
        images, annotations = self.images[chosen], self.annotations(chosen)
        if choices is None:
            return images, annotations
        return flip_and_crop(images, choices.flip[places], choices.top[places], choices.left[places]), annotations

    def original(self, index):
        """Pixels uint8 (H, W, 3), RGB, of a picture as it is, before it is prepared for a network."""
        return self.images[index]

    def name_of(self, index):
        """What a picture is called: its file's name, or its number, 00000 and up."""
        paths = getattr(self.images, "paths", self.images)
        return Path(paths[index]).name if isinstance(paths, list) else f"{index:05}"

    def annotations(self, chosen):
        """Labels or other annotations of the images `chosen`."""
        return self.labels[chosen] if isinstance(self.labels, np.ndarray) else [self.labels[index] for index in chosen]

    def batches(self, epoch: int = 0):
        """Return a `mindspore.dataset.Dataset` over one epoch.

        Args:
            epoch: 0 or more; without meaning for a test split.

        Returns:
            `steps_per_epoch` rows of "image" float32 (B, 3, H, W) and the task's targets ("label" int32 (B,)), which
            are batches already. Iterate with `create_tuple_iterator(num_epochs=1)`.
        """
        return pipeline(EpochBatches(self, epoch), self.num_workers, self.columns)


def _labels_alone(labels):
    return (labels,)


def dataset_options(config, train):
    """Keyword arguments of `ImageDataset` that a config decides."""
    return {
        "train": train,
        "batch_size": config.batch_size if train else config.eval_batch_size,
        "mean": config.mean,
        "std": config.std,
        "seed": config.seed,
        "augment": getattr(config, "augment", True),
        "num_workers": config.num_workers,
    }


class EpochBatches:
    """The batches of one epoch as a sequence: `len()`, and `[k]` gives (images, *targets) as NumPy arrays."""

    def __init__(self, dataset: ImageDataset, epoch: int):
        self.dataset = dataset
        count = dataset.num_images
        self.order = draw_order(dataset.seed, epoch, count) if dataset.train else dataset._own_images()
        self.choices = dataset.draw_choices(epoch)

    def __len__(self):
        return self.dataset.steps_per_epoch

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(index)
        size = self.dataset.batch_size
        first = index * size + self.dataset.rank * self.dataset.share if self.dataset.train else index * size
        places = slice(first, first + self.dataset.share)
        chosen = self.order[places]
        images, annotations = self.dataset.load(chosen, places, self.choices)
        return normalize(images, *self.dataset.normalization), *self.dataset.targets(annotations)
