# SPDX-License-Identifier: Apache-2.0
"""Pictures with objects, read or drawn, and augmented with their boxes by the threads that prepare batches."""

import cv2
import numpy as np

from adabin.data.decode import PictureError, read_picture
from adabin.data.detection_crops import SMALLEST_SIDE, look, random_view, seen, whole
from adabin.data.image_dataset import ImageDataset, dataset_options
from adabin.data.photometric import distort, random_distortion
from adabin.data.picture_dataset import PictureBatches
from adabin.data.transforms import picture_generator
from adabin.utils.errors import UserError


class DetectionDataset(ImageDataset):
    """One split of a detection data set; like `ImageDataset`, with its promises.

    How a picture is augmented in an epoch follows from (seed, epoch, its number in the list) alone. A training split
    leaves out the objects that evaluation ignores. Pictures are not cropped for tests: all of one is brought to the
    network's size, whatever its ratio.

    Args:
        pictures: `len()` and `picture(number, smallest_side)`, as of `PictureFiles` and `Scenes`.
        objects: `Objects` of each picture; a sequence.
        class_names: of the classes 0, 1, ...; the background is none of them.
        config: image_size, and what `ImageDataset` takes.
        train (bool): training split.

    Attributes: those of `ImageDataset`; `labels` are the objects, `images` the pictures.
    """

    def __init__(self, pictures, objects, class_names, config, train):
        if train and isinstance(objects, list):
            objects = [found.only(~found.ignored) if found.ignored.any() else found for found in objects]
        super().__init__(pictures, objects, class_names, **dataset_options(config, train))
        self.size = config.image_size
        self.fill = tuple(round(255 * value) for value in config.mean)
        # The smallest crop still has the network's size then.
        self.detail = int(self.size / SMALLEST_SIDE) if self.augment else self.size
        cv2.setNumThreads(1)  # the workers are the threads

    def draw_choices(self, epoch):
        return epoch if self.augment else None

    def load(self, chosen, places, epoch):
        """Pixels of the chosen pictures, uint8 (B, S, S, 3), and a list of their `Objects`, in fractions of these.

        `epoch` is None without augmentation.

        Raises:
            UserError: a picture cannot be read.
        """
        out, annotations = np.empty((len(chosen), self.size, self.size, 3), np.uint8), self.annotations(chosen)
        for row, index in enumerate(chosen):
            picture = self.images.picture(index, self.detail)
            if epoch is None:
                out[row] = look(picture, whole(*picture.shape[:2]), self.size)
            else:
                rng = picture_generator(self.seed, epoch, index)
                out[row], annotations[row] = augmented(picture, annotations[row], rng, self.size, self.fill)
        return out, annotations

    def original(self, index):
        return self.images.picture(index)

    def batches(self, epoch=0):
        return PictureBatches(self, epoch)


def augmented(picture, objects, rng, size, fill):
    """A picture as augmented for training.

    Args:
        picture: uint8 (H, W, 3), RGB.
        objects (Objects): those in it.
        rng (np.random.Generator): all chance comes from here.
        size (int): height and width of the result.
        fill: color around the picture where that is made smaller; the data's mean.

    Returns:
        (uint8 (size, size, 3), Objects): pixels, and the objects that are left, in fractions of these pixels.
    """
    height, width = picture.shape[:2]
    how, view = random_distortion(rng), random_view(rng, height, width, objects.boxes)
    pixels = look(picture, view, size, fill, lambda part: distort(part, how))
    return pixels, seen(objects, view, height, width, size)


class PictureFiles:
    """Picture files and what is annotated in them, for a `DetectionDataset`.

    Args:
        paths: of the files.
        objects: `Objects` of each of them.
    """

    def __init__(self, paths, objects):
        self.paths, self.objects = paths, objects

    def __len__(self):
        return len(self.paths)

    def picture(self, index, smallest_side=0):
        """Pixels of a picture; see `read_picture`.

        Raises:
            UserError: it cannot be read, or is another one than was annotated.
        """
        try:
            return read_annotated(self.paths[index], self.objects[index], smallest_side)
        except PictureError as error:
            raise UserError(
                f"{self.paths[index]} {error}; repair or remove it, or leave it out with --skip_corrupt=true"
            ) from error


def read_annotated(path, objects, smallest_side=0):
    """Read a picture as `read_picture` does, and compare its shape with the annotation's.

    Another size is accepted if the sides have the same ratio: boxes are fractions.

    Raises:
        PictureError: unreadable, or of another ratio than the annotation says.
    """
    picture = read_picture(path, smallest_side)
    (height, width), (high, wide) = picture.shape[:2], objects.size
    if min(abs(height - high * width / wide), abs(width - wide * height / high)) > 2:
        if smallest_side:
            return read_annotated(path, objects)  # which says how large it really is
        turned = " (turned by its camera?)" if abs(height - wide * width / high) <= 2 else ""
        raise PictureError(f"has {width} x {height} pixels, its annotation says {wide} x {high}{turned}")
    return picture
