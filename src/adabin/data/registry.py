# SPDX-License-Identifier: Apache-2.0
"""Data sets by name. A new one is a function (config, split) and a line in `DATASETS`."""

import difflib
from functools import partial

import numpy as np

from adabin.data.cifar10 import CIFAR10_CLASSES, load_cifar10
from adabin.data.class_names import check_classes, contents
from adabin.data.coco import list_coco
from adabin.data.download import download_cifar10
from adabin.data.image_dataset import ImageDataset, dataset_options
from adabin.data.image_folder import list_image_folder
from adabin.data.imagenet import list_imagenet, list_tiny_imagenet
from adabin.data.picture_files import without_corrupt
from adabin.data.scenes import SCENES_CLASSES, Scenes
from adabin.data.shapes import SHAPES_CLASSES, draw_shapes
from adabin.data.subset import refuse_sizes, take
from adabin.data.voc import list_voc
from adabin.utils.cli import log
from adabin.utils.errors import UserError

SPLITS = ("train", "test")
# `config.seed` governs order and augmentation; the pictures stay the same, so that runs can be compared.
SHAPES_SEED = SCENES_SEED = 0


def build_dataset(config, split: str, task=None):
    """Build the data set that `config.dataset` names.

    Args:
        config: attributes dataset, data_path, download, batch_size, eval_batch_size, num_workers, seed, num_classes,
            mean, std, augment (default true), train_size and test_size (0 or None: all of cifar10, the default
            number of shapes; nothing else for picture files). For data sets of picture files also
            image_size, resize_shorter_side, crop_scale, test_share, split_seed, label_file, check_pictures,
            skip_corrupt.
            For data sets with objects also task, and train_sets and test_sets where they are of files.
            num_classes 0 and empty class_names leave the classes to the data set (see `settle_classes`).
        split: "train" or "test".
        task: what becomes of a picture's annotation (adabin.tasks): its `columns` and `targets`. Without it the labels.

    Returns:
        An `ImageDataset`, a `PictureDataset` for picture files, or a `DetectionDataset` for pictures with objects.

    Raises:
        UserError: unknown name or split, num_classes that contradicts the data, or whatever loading finds wrong.
    """
    if config.dataset not in DATASETS:
        near = difflib.get_close_matches(str(config.dataset), DATASETS, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(DATASETS)}"
        raise UserError(f"dataset={config.dataset!r} is unknown; {hint}; one of your own is registered first")
    if split not in SPLITS:
        raise UserError(f"split {split!r} is unknown; use one of {', '.join(SPLITS)}")
    _check_task(config)
    dataset = DATASETS[config.dataset](config, split)
    _check_size(config, dataset)
    if task is not None:
        train = split == "train"
        dataset.columns, dataset.targets = ("image", *task.columns(train)), partial(task.targets, train=train)
    return dataset


def _check_task(config):
    task, has_objects = getattr(config, "task", ""), config.dataset in WITH_OBJECTS
    if has_objects and task == "classification":
        raise UserError(f"task=classification: {config.dataset} has objects, not one class per picture; set detection")
    if task == "detection" and config.dataset in WITH_CLASSES:
        raise UserError(f"task=detection: {config.dataset} has no boxes; use one of {', '.join(WITH_OBJECTS)}")


def _cifar10(config, split):
    check_classes(config, CIFAR10_CLASSES)  # before a long download
    path = config.data_path
    if config.download:
        path = path or "data"
        download_cifar10(path)
    return _image_dataset(config, split, *take(*load_cifar10(path, split), config, split), CIFAR10_CLASSES)


def _shapes(config, split):
    check_classes(config, SHAPES_CLASSES)
    size = getattr(config, f"{split}_size", None)
    return _image_dataset(config, split, *draw_shapes(split, size, SHAPES_SEED), SHAPES_CLASSES)


def _pictures(list_pictures):
    """Data set of picture files, from the function that lists those of a split."""

    def build(config, split):
        from adabin.data.picture_dataset import PictureDataset  # here: it imports MindSpore

        refuse_sizes(config)
        pictures = list_pictures(config, split)
        check_classes(config, pictures.class_names)
        if config.check_pictures or config.skip_corrupt:
            pictures = without_corrupt(pictures, config.skip_corrupt, split)
        return PictureDataset(pictures, config, split == "train")

    return build


def _scenes(config, split):
    from adabin.data.detection_dataset import DetectionDataset  # here: it imports MindSpore

    check_classes(config, SCENES_CLASSES)
    scenes = Scenes(split, getattr(config, f"{split}_size", None), SCENES_SEED, config.image_size)
    return DetectionDataset(scenes, scenes, SCENES_CLASSES, config, split == "train")


def _annotated(list_pictures):
    """Data set of picture files with objects, from the function that lists those of a split."""

    def build(config, split):
        from adabin.data.detection_dataset import DetectionDataset, PictureFiles, read_annotated

        refuse_sizes(config)
        pictures = list_pictures(config, split)
        check_classes(config, pictures.class_names)
        if config.check_pictures or config.skip_corrupt:
            read = partial(read_annotated, smallest_side=1)
            pictures = without_corrupt(pictures, config.skip_corrupt, split, read)
        objects = list(pictures.labels)
        if split == "train":
            counts = sum(
                (np.bincount(one.classes[~one.ignored], minlength=len(pictures.class_names)) for one in objects), 0
            )
            log(contents(pictures.class_names, counts))
        files = PictureFiles(pictures.paths, objects)
        return DetectionDataset(files, objects, pictures.class_names, config, split == "train")

    return build


def _check_size(config, dataset):
    """Refuse images in memory that are not of the size that the config says."""
    images = getattr(dataset, "images", None)
    size = getattr(config, "image_size", None)
    if isinstance(images, np.ndarray) and size is not None and images.shape[1:3] != (size, size):
        high, wide = images.shape[1:3]
        raise UserError(
            f"image_size={size} contradicts {config.dataset}, whose images have {high} x {wide} pixels; "
            f"set image_size: {high} or another dataset"
        )


def _image_dataset(config, split, images, labels, class_names):
    return ImageDataset(images, labels, class_names, **dataset_options(config, split == "train"))


DATASETS = {
    "cifar10": _cifar10,
    "shapes": _shapes,
    "image_folder": _pictures(list_image_folder),
    "imagenet": _pictures(list_imagenet),
    "tiny_imagenet": _pictures(list_tiny_imagenet),
    "scenes": _scenes,
    "voc": _annotated(list_voc),
    "coco": _annotated(list_coco),
}
WITH_OBJECTS = ("scenes", "voc", "coco")
WITH_CLASSES = ("cifar10", "shapes", "image_folder", "imagenet", "tiny_imagenet")  # others may have both
