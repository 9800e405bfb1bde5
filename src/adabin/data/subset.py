# SPDX-License-Identifier: Apache-2.0
"""The first images of a data set, in an order that is fixed: for short trainings and quick looks."""

import numpy as np

from adabin.utils.errors import UserError


def first_of_each_class(labels, size):
    """Numbers of `size` images, as many of each class as of any other, up to one.

    The k-th image of every class comes before the k+1-th of any, so a smaller subset is part of a larger one. Nothing
    is left to chance: runs of every seed get the same images.

    Args:
        labels: int (N,), in the order of the data set.
        size (int): 0 to N; a class that has fewer images than its share leaves the rest to the others.

    Returns:
        int64 (size,), ascending.
    """
    by_class = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[by_class], labels[by_class])
    place = np.empty(len(labels), np.int64)  # of an image among those of its class
    place[by_class] = np.arange(len(labels)) - starts
    return np.sort(np.lexsort((labels, place))[:size])


def take(images, labels, config, split):
    """The `<split>_size` images of a data set in memory that the config wants; all of them where that is 0.

    Raises:
        UserError: there are fewer.
    """
    size = getattr(config, f"{split}_size", None) or len(labels)
    if size > len(labels):
        raise UserError(
            f"{split}_size={size}: {config.dataset} has {len(labels)} images for that; give {len(labels)} or less, 0 "
            f"for all, with --{split}_size"
        )
    if size == len(labels):
        return images, labels
    chosen = first_of_each_class(labels, size)
    return images[chosen], labels[chosen]


def first_images(data, count):
    """The first images that a split delivers (of this process's part), normalized.

    Returns:
        float32 (n, 3, H, W), n at most `count`.
    """
    images, found = [], 0
    for batch, *_ in data.batches(0):
        images.append(batch.asnumpy())
        found += len(images[-1])
        if found >= count:
            break
    return np.concatenate(images)[:count]


def refuse_sizes(config):
    """For data sets that are always taken whole: train_size and test_size would have no effect.

    Raises:
        UserError: one of them is given.
    """
    for key in ("train_size", "test_size"):
        if getattr(config, key, None):
            raise UserError(
                f"{key}={getattr(config, key)}: has no effect on {config.dataset}, whose pictures are all used; leave "
                f"--{key} out, or make a folder with fewer pictures"
            )
