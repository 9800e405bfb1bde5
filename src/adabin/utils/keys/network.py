# SPDX-License-Identifier: Apache-2.0
"""Config keys: which network it is, and what of it is binary."""

from adabin.utils.key import IDENTITY, MEANING, NETWORK, PICTURES, TEST, TOLD, Key
from adabin.utils.needs import BINARY_ACTIVATIONS, BINARY_WEIGHTS

KEYS = {
    "network": Key(
        "resnet20",
        "resnet20, resnet18_cifar, vgg_small, resnet18, resnet34, vgg16, vgg16_plain; detectors: ssd_vgg16, "
        "ssd_vgg16_plain; float: standard_resnet18, _20, _34; for tests: resnet8",
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
    "width": Key(
        1.0,
        "vgg16, ssd_vgg16 and their plain forms: multiplies every number of channels (0.25: a sixteenth of the work)",
        above=0,
        at_most=4,
        checkpoint=IDENTITY,
        uses=(NETWORK,),
    ),
}
