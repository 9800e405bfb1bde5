# SPDX-License-Identifier: Apache-2.0
"""Bits and operations of a network, layer by layer.

Parameters are the trained ones; BatchNorm's moving statistics are not counted. A binary weight takes 1 bit, everything
else 32. Operations are multiply-accumulates of convolutions and linear layers for one picture, padding counted: BOPs
where weights and input are binary, FLOPs elsewhere, and OPs = FLOPs + BOPs / 64. Shapes come from running the network
on a picture of zeros.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import mindspore as ms
import numpy as np

from adabin.layers import traits_of

BOPS_PER_OP = 64
COLUMNS = ("binary_weights", "float_params", "packed_bytes", "float_bytes", "bops", "flops", "ops")


@dataclass
class Layer:
    """One row of the summary: a layer that has parameters, its own and those of its parts.

    Attributes:
        name, kind: where it stands in the network, and its class.
        output: shape of its output for one picture, without the batch; () for cells that are not traced.
        binary_weights, float_params: trained parameters of 1 and of 32 bits.
        bops, flops: multiply-accumulates on bits and on floats.
    """

    name: str
    kind: str
    output: tuple = ()
    binary_weights: int = 0
    float_params: int = 0
    bops: int = 0
    flops: int = 0

    @property
    def packed_bytes(self):
        """Bytes with 8 binary weights in one."""
        return -(-self.binary_weights // 8) + 4 * self.float_params

    @property
    def float_bytes(self):
        """Bytes with everything in float32."""
        return 4 * (self.binary_weights + self.float_params)

    @property
    def ops(self):
        """Operations, 64 binary ones for one."""
        return self.flops + self.bops / BOPS_PER_OP


def trace(network, input_shape):
    """Run the network on zeros.

    Returns:
        dict: name of each convolution and linear layer, in the order of their calls, to the shapes of its outputs.
    """
    shapes, handles = {}, []

    def recorder(name):
        def record(cell, inputs, output):
            y = output[0] if isinstance(output, tuple) else output  # a shortcut begins there
            shapes.setdefault(name, []).append(tuple(y.shape))

        return record

    for name, cell in network.cells_and_names():
        traits = traits_of(cell)
        if traits and traits.counted:
            handles.append(cell.register_forward_hook(recorder(name)))
    before = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)  # compiled networks call no hooks
    try:
        network.set_train(False)(ms.Tensor(np.zeros(input_shape, np.float32)))
    finally:
        ms.set_context(mode=before)
        for handle in handles:
            handle.remove()
    return shapes


def summarize(network, image_size):
    """Layers of a network that have parameters.

    Args:
        network (Cell): in training form.
        image_size (int): height and width of its input.

    Returns:
        list of `Layer`.
    """
    shapes = trace(network, (1, 3, image_size, image_size))
    cells = dict(network.cells_and_names())
    layers, whole = {}, []
    for name, cell in cells.items():
        if any(name.startswith(prefix) for prefix in whole):
            continue  # part of a layer
        traits = traits_of(cell)
        if traits:
            whole.append(f"{name}." if name else "")
        parameters = [(own, p) for own, p in cell.parameters_and_names(expand=bool(traits)) if p.requires_grad]
        if not parameters:
            continue
        layer = layers[name] = Layer(name, type(cell).__name__)
        for own, parameter in parameters:
            if traits and own in traits.binary_weights:
                layer.binary_weights += parameter.size
            else:
                layer.float_params += parameter.size
    for name, outputs in shapes.items():
        layer, cell = layers[name], cells[name]
        layer.output = outputs[0][1:]
        for output in outputs:
            macs = int(np.prod(output)) * (cell.weight.size // cell.weight.shape[0])
            if traits_of(cell).on_bits:
                layer.bops += macs
            else:
                layer.flops += macs
    return list(layers.values())


def full_precision_layers(network, layers):
    """Name to reason of the convolutions and linear layers that do not compute on bits.

    Raises:
        ValueError: neither one of them nor the network says why it stays in full precision.
    """
    found, cells = {}, dict(network.cells_and_names())
    for layer in layers:
        if not layer.flops:
            continue
        found[layer.name] = traits_of(cells[layer.name]).float_reason
        if found[layer.name]:
            continue
        reasons = [why for pattern, why in network.full_precision.items() if fnmatchcase(layer.name, pattern)]
        if len(reasons) != 1:
            raise ValueError(f"{layer.name} is in full precision, and full_precision of the network does not say why")
        found[layer.name] = reasons[0]
    return found


def totals(layers):
    """Sums over all layers, as the last line prints them."""
    sums = {column: sum(getattr(layer, column) for layer in layers) for column in COLUMNS}
    sums["params"] = sums["binary_weights"] + sums.pop("float_params")
    return sums
