# SPDX-License-Identifier: Apache-2.0
"""Health of a training: what the binary layers do, layer by layer and epoch by epoch (docs/health.md)."""

import contextlib

import mindspore as ms
import numpy as np

from adabin.data.subset import first_images
from adabin.models import build_model
from adabin.utils.checkpoint import network_parameters

QUANTITIES = ("flips", "alpha", "beta", "saturation")
IMAGES = 32  # of the test split, whose activations are looked at


def binary_layers(network):
    """Name to layer of those that say that they binarize weights or input, as `AdaBinConv2d` does."""
    return {
        name: cell
        for name, cell in network.cells_and_names()
        if getattr(cell, "binarizes_weight", False) or getattr(cell, "binarizes_input", False)
    }


def weight_bits(layer):
    """Signs of a layer's binary weights: bool (C_out, N), True for the upper value of the channel's set."""
    flat = layer.weight.asnumpy().reshape(layer.weight.shape[0], -1)
    beta, _ = layer.binary_w.of_weights(ms.Tensor(flat))
    return flat >= beta.asnumpy()


@contextlib.contextmanager
def operator_by_operator(network, seen):
    """Within this context a network runs in Python, each operator by itself, in whichever mode the process is.

    Calling a Cell compiles it in GRAPH mode, and compiled networks call no hooks; `construct` is an ordinary method.
    Switching the mode instead is global: it would reach whatever else the process has compiled.

    Args:
        network (Cell): is used in no other way meanwhile.
        seen: function (cell, first input), called before every cell.
    """

    def call(cell, *inputs, **named):
        if inputs:
            seen(cell, inputs[0])
        return cell.construct(*inputs, **named)

    classes = {cell: type(cell) for _, cell in network.cells_and_names()}
    eager = {cls: type(cls.__name__, (cls,), {"__call__": call}) for cls in set(classes.values())}
    try:
        for cell, cls in classes.items():
            cell.__class__ = eager[cls]
        yield
    finally:
        for cell, cls in classes.items():
            cell.__class__ = cls


def layer_inputs(network, images):
    """Run a network on images, operator by operator.

    Args:
        network (Cell): is used in inference mode.
        images (Tensor): float32 (n, 3, H, W).

    Returns:
        dict: name of each layer that binarizes its input to that input, float32 (n, C, H, W).
    """
    names = {cell: name for name, cell in binary_layers(network).items() if cell.binarizes_input}
    found = {}

    def keep(cell, x):
        if cell in names:
            found[names[cell]] = x.asnumpy()

    with operator_by_operator(network.set_train(False), keep):
        network(images)
    return found


def saturation(x, alpha, beta):
    """Share of |x - beta| > |alpha|: where the polynomial estimator passes no gradient."""
    return float(np.mean(np.abs(x - beta) > abs(alpha)))


class HealthRecord:
    """Health of every binary layer, measured once per epoch for metrics.csv.

    flips: share of the binary weights whose sign changed since the last look. alpha, beta: of the activation set.
    saturation: of the activations of the first `IMAGES` test images, in inference.

    Args:
        network (Cell): the one that is trained; it is only read.
        test_data (ImageDataset): test split.
        config (Config): of the run; a second network is built from it to look into, so that the compiled one stays.
    """

    def __init__(self, network, test_data, config):
        self.network, self.probe = network, build_model(config)
        self.layers = binary_layers(self.probe)
        if self.layers:
            self.images = ms.Tensor(first_images(test_data, IMAGES))
            self.bits = self._bits()

    def _bits(self):
        """Signs of the binary weights of each layer, as they are now."""
        own = network_parameters(self.network)
        for name, parameter in network_parameters(self.probe).items():
            parameter.set_data(ms.Tensor(own[name].asnumpy()))
        return {name: weight_bits(layer) for name, layer in self.layers.items() if layer.binarizes_weight}

    def measure(self):
        """Columns of metrics.csv, such as `flips/layer1.0.conv1`, to their values as text.

        A layer has no flips where its weights are float, none of the others where its input is; a float network has
        no column at all.
        """
        if not self.layers:
            return {}
        before, self.bits = self.bits, self._bits()
        inputs = layer_inputs(self.probe, self.images)
        found = {}
        for name, layer in self.layers.items():
            if layer.binarizes_weight:
                found["flips", name] = f"{np.mean(before[name] != self.bits[name]):.6f}"
            if layer.binarizes_input:
                alpha, beta = (float(p.asnumpy()) for p in (layer.binary_a.alpha_a, layer.binary_a.beta_a))
                found["alpha", name], found["beta", name] = f"{alpha:.6g}", f"{beta:.6g}"
                found["saturation", name] = f"{saturation(inputs[name], alpha, beta):.6f}"
        keys = [(quantity, name) for quantity in QUANTITIES for name in self.layers]
        return {f"{quantity}/{name}": found[quantity, name] for quantity, name in keys if (quantity, name) in found}
