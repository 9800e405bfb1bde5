# SPDX-License-Identifier: Apache-2.0
"""The cases' networks in Larq, converted for Larq Compute Engine.

The same convolutions, poolings and shortcuts in channels-last order, binary ones as sign(x) * sign(w) with zero
padding. There is neither a center of the weights nor a nonlinearity (as in Bi-Real Net): less work than AdaBin.
"""

import larq
import larq_compute_engine
import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, layers


def norm(x):
    """BatchNorm."""
    return layers.BatchNormalization(epsilon=1e-5)(x)


def binary_layer(x, channels, stride=1, shortcut=None):
    """Binary 3x3 convolution -> BatchNorm -> + shortcut."""
    y = larq.layers.QuantConv2D(
        channels,
        3,
        strides=stride,
        padding="same",
        pad_values=0.0,
        use_bias=False,
        input_quantizer="ste_sign",
        kernel_quantizer="ste_sign",
    )(x)
    return layers.Add()([norm(y), x if shortcut is None else shortcut])


def shortcut_between_stages(x, channels, stride, case):
    """What lies around a convolution that changes the map's shape, as in src/adabin/models."""
    if case.network == "resnet20":
        extra = channels - x.shape[-1]
        x = layers.AveragePooling2D(1, stride)(x)
        return tf.pad(x, [[0, 0], [0, 0], [0, 0], [extra // 2, extra - extra // 2]])
    if case.network == "resnet18":
        x = layers.AveragePooling2D(stride, stride)(x)
        stride = 1
    return norm(layers.Conv2D(channels, 1, stride, use_bias=False)(x))


def build(case):
    """The network of a case, in Keras, with random constants in place of those that a training leaves."""
    tf.keras.utils.set_random_seed(5)
    model = untrained(case)
    rng = np.random.default_rng(5)
    for layer in model.layers:  # BatchNorms as a converter could remove none
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.1, 0.5, value.shape) for value in layer.get_weights()])
    return model


def untrained(case):
    """The layers of `build`."""
    image = layers.Input((case.size, case.size, case.channels), 1)  # the interpreter takes images one by one
    if case.network == "layer":
        x = image
        for _ in range(case.layers):
            x = binary_layer(x, case.channels)
        return Model(image, x)
    widths, blocks = ((16, 32, 64), 3) if case.network == "resnet20" else ((64, 128, 256, 512), 2)
    if case.network == "resnet18":
        x = norm(layers.Conv2D(widths[0], 7, 2, "same", use_bias=False)(image))
        x = layers.MaxPool2D(3, 2, "same")(layers.ReLU()(x))
    else:
        x = layers.ReLU()(norm(layers.Conv2D(widths[0], 3, 1, "same", use_bias=False)(image)))
    for stage, channels in enumerate(widths):
        for block in range(blocks):
            if stage and not block:
                x = binary_layer(x, channels, 2, shortcut_between_stages(x, channels, 2, case))
            else:
                x = binary_layer(x, channels)
            x = binary_layer(x, channels)
    x = norm(layers.GlobalAveragePooling2D()(x))
    return Model(image, layers.Dense(case.classes)(x))


def convert(model):
    """Flatbuffer of a model for the interpreter."""
    return larq_compute_engine.convert_keras_model(model)
