# SPDX-License-Identifier: Apache-2.0
"""Pictures in files, decoded and augmented by the threads that prepare batches."""

import threading

import cv2
import mindspore.dataset as ds
import numpy as np

from adabin.data.crops import center_box, cut, random_box, resize_side
from adabin.data.decode import PictureError, read_picture
from adabin.data.image_dataset import EpochBatches, ImageDataset, dataset_options
from adabin.data.prefetch import pipeline
from adabin.data.transforms import picture_generator
from adabin.utils.errors import UserError

QUEUED_BYTES = 256 << 20  # of prepared batches that may wait for the network


class PictureDataset(ImageDataset):
    """One split of a data set of picture files; like `ImageDataset`, with its promises.

    A picture's box and mirroring in an epoch follow from (seed, epoch, its number in the list) alone.

    Args:
        pictures (PictureList): files, labels and classes.
        config: image_size, resize_shorter_side, crop_scale, and what `ImageDataset` takes.
        train (bool): training split.
    """

    def __init__(self, pictures, config, train):
        super().__init__(pictures.paths, pictures.labels, pictures.class_names, **dataset_options(config, train))
        self.size, self.side, self.crop_scale = config.image_size, resize_side(config), config.crop_scale
        if self.side < self.size:
            raise UserError(f"resize_shorter_side={self.side} is below image_size={self.size}; give that or more, or 0")
        # The smallest box still has the network's size then.
        self.detail = int(self.size / self.crop_scale**0.5) if self.augment else self.side
        cv2.setNumThreads(1)  # the workers are the threads

    def draw_choices(self, epoch):
        return epoch if self.augment else None

    def load(self, chosen, places, epoch):
        """Pixels of the chosen pictures, uint8 (B, S, S, 3), and their labels; `epoch` is None without augmentation.

        Raises:
            UserError: a picture cannot be read.
        """
        out = np.empty((len(chosen), self.size, self.size, 3), np.uint8)
        for row, index in enumerate(chosen):
            try:
                picture = read_picture(self.images[index], self.detail)
            except PictureError as error:
                raise UserError(
                    f"{self.images[index]} {error}; repair or remove it, or leave it out with --skip_corrupt=true"
                ) from error
            if epoch is None:
                box = center_box(*picture.shape[:2], self.size / self.side)
            else:
                box = random_box(picture_generator(self.seed, epoch, index), *picture.shape[:2], self.crop_scale)
            out[row] = cut(picture, box, self.size)
        return out, self.annotations(chosen)

    def original(self, index):
        return read_picture(self.images[index])

    def batches(self, epoch=0):
        return PictureBatches(self, epoch)


class PictureBatches:
    """One epoch: to be iterated like a `mindspore.dataset.Dataset`; a picture that cannot be read is a UserError."""

    def __init__(self, dataset, epoch):
        self.source = _Guarded(EpochBatches(dataset, epoch), dataset)
        batch_bytes = dataset.batch_size * 3 * dataset.size**2 * 4
        ds.config.set_prefetch_size(max(1, min(16, QUEUED_BYTES // batch_bytes)))
        self.pipeline = pipeline(self.source, dataset.num_workers, dataset.columns)

    def __iter__(self):
        return self.create_tuple_iterator(num_epochs=1)

    def create_tuple_iterator(self, **options):
        for row in self.pipeline.create_tuple_iterator(**options):
            if self.source.failure:
                raise self.source.failure
            yield row

    def get_dataset_size(self):
        return len(self.source)


class _Guarded:
    """Batches of one epoch for the data engine, which would wrap an exception into a page of text.

    The worker keeps it here and delivers a blank batch instead, which is never handed on.
    """

    def __init__(self, batches, dataset):
        self.batches, self.dataset, self.failure = batches, dataset, None
        self.lock = threading.Lock()

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        try:
            return self.batches[index]
        except UserError as error:
            with self.lock:
                self.failure = self.failure or error
            size = self.dataset.size
            targets = self.dataset.targets(self.dataset.annotations([0]))
            return np.zeros((1, 3, size, size), np.float32), *targets
