# SPDX-License-Identifier: Apache-2.0
"""Config keys: which pictures, and how they are prepared."""

from adabin.utils.key import IDENTITY, MEANING, NETWORK, PICTURES, TEST, Key
from adabin.utils.needs import AUGMENT, CIFAR10, CROPPED, FILES, IMAGE_SETS, IMAGENET, PICTURE_FILES, SIZES, SPLIT_HERE

KEYS = {
    "dataset": Key(
        "shapes",
        "shapes, scenes (drawn by this project), cifar10, image_folder, imagenet, tiny_imagenet, voc, coco",
        checkpoint=IDENTITY,
        uses=(NETWORK, TEST, PICTURES),
    ),
    "data_path": Key(
        "", "folder of the data set; not needed for shapes and scenes", free=True, uses=(TEST,), needs=(FILES,)
    ),
    "download": Key(
        False, "fetch the data set into data_path when it is not there (cifar10)", uses=(TEST,), needs=(CIFAR10,)
    ),
    "train_size": Key(
        0,
        "shapes, scenes, cifar10: number of training images, classes balanced; 0: all of cifar10, 6000 drawn",
        at_least=0,
        at_most=10**6,
        needs=(SIZES,),
    ),
    "test_size": Key(
        0,
        "shapes, scenes, cifar10: number of test images, the same; 0: all of cifar10, 1000 shapes, 500 scenes",
        at_least=0,
        at_most=10**6,
        exported=True,
        uses=(TEST,),
        needs=(SIZES,),
    ),
    "test_share": Key(
        0.2,
        "image_folder, voc: share of the pictures that are kept for testing, where there is no val/ or image set",
        at_most=0.9,
        above=0,
        exported=True,
        uses=(TEST,),
        needs=(SPLIT_HERE,),
    ),
    "split_seed": Key(
        1,
        "image_folder, voc: which pictures these are; a seed of its own, so that runs can be compared",
        at_least=0,
        exported=True,
        uses=(TEST,),
        needs=(SPLIT_HERE,),
    ),
    "label_file": Key(
        "", "imagenet: labels of a flat val/ folder [found under its usual names]", uses=(TEST,), needs=(IMAGENET,)
    ),
    "check_pictures": Key(
        True,
        "picture files: read each one once before the work begins",
        free=True,
        uses=(TEST,),
        needs=(PICTURE_FILES,),
    ),
    "skip_corrupt": Key(
        False,
        "picture files: leave out those that cannot be read, and objects without a usable box, instead of an error",
        uses=(TEST, PICTURES),
        needs=(PICTURE_FILES,),
    ),
    "resize_shorter_side": Key(
        0,
        "picture files: shorter side before the center crop; 0: image_size * 256 / 224",
        at_least=0,
        exported=True,
        uses=(TEST, PICTURES),
        needs=(CROPPED,),
    ),
    "crop_scale": Key(
        0.08,
        "picture files: smallest share of the area that a random crop keeps",
        at_most=1.0,
        above=0,
        needs=(CROPPED, AUGMENT),
    ),
    "augment": Key(True, "random flip and crop of training images; of those with objects all that SSD does"),
    "mean": Key(
        [0.485, 0.456, 0.406],
        "mean of the channels R, G, B, in units of the full range",
        checkpoint=MEANING,
        uses=(TEST, PICTURES),
    ),
    "std": Key(
        [0.229, 0.224, 0.225], "standard deviation of the channels", above=0, checkpoint=MEANING, uses=(TEST, PICTURES)
    ),
    "num_workers": Key(
        1, "threads of the data pipeline; has no influence on results", at_least=1, free=True, uses=(TEST,)
    ),
    "train_sets": Key(
        [],
        "voc, coco: image sets to train on, such as VOC2007/trainval or train2017; empty: the usual ones",
        example="[VOC2007/trainval, VOC2012/trainval]",
        needs=(IMAGE_SETS,),
    ),
    "test_sets": Key(
        [],
        "voc, coco: image sets to test on; empty: the usual ones",
        example="[VOC2007/test]",
        exported=True,
        uses=(TEST,),
        needs=(IMAGE_SETS,),
    ),
}
