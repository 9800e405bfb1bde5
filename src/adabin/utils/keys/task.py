# SPDX-License-Identifier: Apache-2.0
"""Config keys: what the outputs mean, and what a task decides."""

from adabin.utils.key import NETWORK, PICTURES, TEST, TOLD, Key
from adabin.utils.needs import DETECTION

KEYS = {
    "task": Key(
        "classification",
        "what the network's outputs mean: classification or detection",
        checkpoint=TOLD,
        uses=(NETWORK, TEST, PICTURES),
    ),
    "match_iou": Key(
        0.5,
        "detection: a prior box learns the object that it overlaps by this or more (IoU); one box learns each anyway",
        above=0,
        at_most=1,
        needs=(DETECTION,),
    ),
    "neg_pos_ratio": Key(
        3.0,
        "detection: as many of the hardest background boxes of a picture as this times its boxes with an object learn",
        at_least=0,
        needs=(DETECTION,),
    ),
    "min_score": Key(
        0.01,
        "detection: least score of a box that is evaluated",
        at_least=0,
        below=1,
        exported=True,
        uses=(TEST, PICTURES),
        needs=(DETECTION,),
    ),
    "nms_iou": Key(
        0.45,
        "detection: of two boxes of a class that overlap by more (IoU) the better one is kept",
        at_least=0,
        at_most=1,
        exported=True,
        uses=(TEST, PICTURES),
        needs=(DETECTION,),
    ),
    "max_detections": Key(
        200,
        "detection: boxes of a picture that are kept at most, and of each class before overlaps are looked at",
        at_least=1,
        at_most=200,
        exported=True,
        uses=(TEST, PICTURES),
        needs=(DETECTION,),
    ),
    "shown_score": Key(
        0.3,
        "detection: least score of an object that is told and drawn",
        at_least=0,
        below=1,
        exported=True,
        uses=(TEST, PICTURES),
        needs=(DETECTION,),
    ),
}
