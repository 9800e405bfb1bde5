# SPDX-License-Identifier: Apache-2.0
"""Every config key: one entry each, read by whoever needs to know something of a key (see `Key`).

A new key is an entry here and its use; `python scripts/write_base.py` then writes it into config/base.yaml. The order
is that of the file and of `-h`.
"""

from adabin.utils.key import DEVICE, IDENTITY, KERNELS, MEANING, NETWORK, PICTURES, RUNS, TEST, TOLD, WEIGHTS, Key
from adabin.utils.needs import (
    ACCELERATOR,
    AUGMENT,
    BINARY_ACTIVATIONS,
    BINARY_WEIGHTS,
    CIFAR10,
    CROPPED,
    DECAY,
    FILES,
    IMAGE_SETS,
    IMAGENET,
    LABELS,
    PICTURE_FILES,
    PROGRESSIVE,
    SGD,
    SIZES,
    SPLIT_HERE,
    TANH,
)

TASK_KEYS = {
    "task": Key(
        "classification",
        "what the network's outputs mean: classification",
        checkpoint=TOLD,
        uses=(NETWORK, TEST, PICTURES),
    ),
}
NETWORK_KEYS = {
    "network": Key(
        "resnet20",
        "resnet20, resnet18_cifar, vgg_small, resnet18, resnet34; standard_resnet18, _20, _34: float; resnet8: tests",
        checkpoint=IDENTITY,
        uses=(NETWORK,),
    ),
    "num_classes": Key(
        10,
        "number of classes; must be the data set's; 0: take it from the data set",
        at_least=0,
        checkpoint=IDENTITY,
        uses=(NETWORK, TEST, PICTURES),
    ),
    "class_names": Key(
        [],
        "their names in the order of their numbers; train.py puts in those of the data set",
        example="[cat, dog]",
        checkpoint=TOLD,
        uses=(NETWORK, TEST, PICTURES),
    ),
    "image_size": Key(
        32, "height and width of the network's input", at_least=4, exported=True, uses=(NETWORK, TEST, PICTURES)
    ),
    "w_bits": Key(
        1, "weights: 1 (binary) or 32 (float)", choices=(1, 32), checkpoint=MEANING, in_stage=True, uses=(NETWORK,)
    ),
    "a_bits": Key(
        1, "activations: 1 (binary) or 32 (float)", choices=(1, 32), checkpoint=MEANING, in_stage=True, uses=(NETWORK,)
    ),
    "binary_form": Key(
        "paper",
        "activation set: paper (alpha*s+beta) or released (alpha*(s+beta), the authors' checkpoint)",
        checkpoint=MEANING,
        uses=(NETWORK,),
        needs=(BINARY_ACTIVATIONS,),
    ),
    "weight_set": Key(
        "adabin",
        "weights: adabin (mean and deviation per channel), scale (no center), fixed ({-1,+1})",
        checkpoint=MEANING,
        uses=(NETWORK,),
        needs=(BINARY_WEIGHTS,),
    ),
    "activation_set": Key(
        "adabin",
        "activations: adabin (alpha and beta learned), scale (no beta), fixed ({-1,+1})",
        checkpoint=MEANING,
        uses=(NETWORK,),
        needs=(BINARY_ACTIVATIONS,),
    ),
    "weight_estimator": Key(
        "tanh", "gradient of sign for weights: tanh, polynomial, ste, clipped_ste", needs=(BINARY_WEIGHTS,)
    ),
    "activation_estimator": Key(
        "polynomial",
        "gradient of sign for activations: tanh, polynomial, ste, clipped_ste",
        needs=(BINARY_ACTIVATIONS,),
    ),
    "nonlinearity": Key(
        "maxout", "maxout (two learned slopes per channel), relu or prelu", checkpoint=MEANING, uses=(NETWORK,)
    ),
}
DATA_KEYS = {
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
TRAINING_KEYS = {
    "pretrained": Key("", "checkpoint to start from: what fits of it is loaded, and reported"),
    "teacher": Key("", "checkpoint of a trained network: its outputs are learned in place of the labels"),
    "stages": Key(
        [],
        'trainings one after the other, each a text of keys: "w_bits=32 weight_decay=1e-5"',
        example="['w_bits=32 lr=1e-3', 'lr=1e-3']",
    ),
    "epochs": Key(
        400, "length of the training; learning rate and estimator schedules scale with it", at_least=1, in_stage=True
    ),
    "batch_size": Key(128, "images per training step", at_least=1, at_most=65536),
    "accumulation": Key(1, "parts of a batch that are computed one after the other, to save memory", at_least=1),
    "eval_batch_size": Key(
        250, "images per evaluation step; has no influence on results", at_least=1, at_most=65536, uses=(TEST,)
    ),
    "optimizer": Key("sgd", "sgd (with momentum) or adam", choices=("sgd", "adam"), in_stage=True),
    "lr": Key(0.1, "initial learning rate; decays to 0, epoch by epoch", above=0, in_stage=True),
    "lr_schedule": Key(
        "cosine",
        "cosine, or linear: lr * (1 - e / epochs) in epoch e = 1, 2, ..., as ReActNet does",
        choices=("cosine", "linear"),
        in_stage=True,
    ),
    "momentum": Key(0.9, "SGD momentum", at_least=0, below=1, in_stage=True, needs=(SGD,)),
    "weight_decay": Key(1e-4, "applied to every parameter, as the authors do", at_least=0, in_stage=True),
    "decay_exclude": Key(
        [],
        "spared from it: any of batch_norm, alpha, beta, nonlinearity, linear",
        example="[batch_norm]",
        needs=(DECAY,),
    ),
    "clip_norm": Key(
        0.0, "gradients are scaled down to this global norm where it is larger; 0: never", at_least=0, in_stage=True
    ),
    "label_smoothing": Key(
        0.0,
        "share of each label that is spread over all classes",
        at_least=0,
        at_most=0.9,
        in_stage=True,
        needs=(LABELS,),
    ),
    "ema_decay": Key(
        0.0, "exponential moving average of the weights, such as 0.999; 0: none", at_least=0, at_most=0.9999999
    ),
    "evaluate_ema": Key(
        True, "evaluate and export that average where a checkpoint holds one, else the weights", uses=(WEIGHTS,)
    ),
    "amp_level": Key(
        "O0", "O0 (float32) or O2 (convolutions and maps between layers in float16)", choices=("O0", "O2")
    ),
    "dataset_sink": Key(False, "feed the device through its own queue (GPU, Ascend)"),
    "estimator_progressive": Key(
        True,
        "estimator k, t: t rises from estimator_t_min to _t_max over the epochs; false: k=10, t=0.1",
        in_stage=True,
        needs=(TANH,),
    ),
    "estimator_t_min": Key(
        1e-3, "first t of the progressive estimator", above=0, in_stage=True, needs=(TANH, PROGRESSIVE)
    ),
    "estimator_t_max": Key(
        10.0, "t that the progressive estimator approaches", above=0, in_stage=True, needs=(TANH, PROGRESSIVE)
    ),
    "seed": Key(
        1,
        "initial weights, order and augmentation follow from it",
        at_least=0,
        at_most=2**32 - 1,
        exported=True,
    ),
}
RUN_KEYS = {
    "device_target": Key("CPU", "CPU, GPU or Ascend", choices=("CPU", "GPU", "Ascend"), uses=(DEVICE,)),
    "device_id": Key(0, "number of the device", at_least=0, uses=(DEVICE,), needs=(ACCELERATOR,)),
    "cpu_kernels": Key(
        "auto",
        "C++ kernels on CPU: auto (where a compiler is found), on (or end with an error), off",
        choices=("auto", "on", "off"),
        uses=(KERNELS,),
    ),
    "execution_mode": Key(
        "GRAPH",
        "GRAPH (compiled) or PYNATIVE (operator by operator, for debugging)",
        choices=("GRAPH", "PYNATIVE"),
        uses=(DEVICE,),
    ),
    "output_path": Key(
        "outputs", "run folders are made here: <output_path>/<network>_<dataset>/<time>", free=True, uses=(RUNS,)
    ),
    "log_steps": Key(10, "steps between two readings of the loss", at_least=1, free=True),
}
GROUPS = {"task": TASK_KEYS, "network": NETWORK_KEYS, "data": DATA_KEYS, "training": TRAINING_KEYS, "run": RUN_KEYS}
RENAMED = {  # before: now; the old names are still understood wherever a user or an older file gives them
    "steps": "stages",
    "mode": "execution_mode",
    "resize": "resize_shorter_side",
    "val_share": "test_share",
    "progressive": "estimator_progressive",
    "t_min": "estimator_t_min",
    "t_max": "estimator_t_max",
}
KEYS = {name: key for group in GROUPS.values() for name, key in group.items()}


def keys_with(attribute, *values):
    """Names of the keys whose entry has one of these values, in their order; without values: that says anything."""
    return tuple(
        name for name, key in KEYS.items() if (getattr(key, attribute) in values if values else getattr(key, attribute))
    )
