# SPDX-License-Identifier: Apache-2.0
"""Config keys: how the weights are learned."""

from adabin.utils.key import TEST, WEIGHTS, Key
from adabin.utils.needs import CLASSIFICATION, DECAY, LABELS, PROGRESSIVE, SGD, TANH

KEYS = {
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
        needs=(LABELS, CLASSIFICATION),
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
