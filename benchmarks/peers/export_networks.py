# SPDX-License-Identifier: Apache-2.0
"""Make a case's files: the network in deploy form, its float twin, an input and the outputs to expect.

    python -m benchmarks.peers.export_networks CASE FOLDER

Weights are random, which costs no program more or less time than trained ones. Written are

    binary.mindir, binary.onnx   W1A1 with Maxout, deploy form, as export.py writes it
    float.onnx                   the same topology in float32, with ReLU in place of Maxout: fewer operators and one
                                 that every program fuses, so the float peers are given an easier network than ours
    input.bin, binary_output.bin, float_output.bin    float32, from MindSpore
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.utils.device import prepare_environment  # noqa: E402

prepare_environment()

import mindspore as ms  # noqa: E402
import numpy as np  # noqa: E402
from mindspore import nn, ops  # noqa: E402

from adabin.binarize import Binarization  # noqa: E402
from adabin.deploy import to_deploy  # noqa: E402
from adabin.export import write  # noqa: E402
from adabin.models import build_model  # noqa: E402
from adabin.models.blocks import BATCH_NORM, Style  # noqa: E402
from adabin.models.ssd_vgg16 import by_box  # noqa: E402
from adabin.utils.config import read_config  # noqa: E402
from benchmarks.peers.cases import CASES  # noqa: E402


class ResidualLayer(nn.Cell):
    """Binary 3x3 convolution -> BatchNorm -> + input -> nonlinearity, the layer that binary ResNets are made of."""

    def __init__(self, channels, style):
        super().__init__()
        self.conv = style.binary_conv(channels, channels)
        self.bn = nn.BatchNorm2d(channels, **BATCH_NORM)
        self.nonlinear = style.act(channels)

    def construct(self, x):
        return self.nonlinear(self.bn(self.conv(x)) + x)


class BitsLayer(ResidualLayer):
    """The same without a residual: the next layer reads nothing of it but bits."""

    def construct(self, x):
        return self.nonlinear(self.bn(self.conv(x)))


class Heads(nn.Cell):
    """Float 1x1 convolution from few channels -> ReLU -> heads as in SSD, side by side, box by box."""

    def __init__(self, case, style):
        super().__init__()
        self.conv = style.float_conv(case.channels, case.inner, 1)
        self.heads = nn.CellList([style.float_conv(case.inner, case.filters, 3, bias=True) for _ in range(case.layers)])

    def construct(self, x):
        x = ops.relu(self.conv(x))
        found = ()
        for head in self.heads:
            found += (by_box(head(x), 2),)
        return ops.concat(found, 1)


def build(case, bits):
    """The network of a case with 1 or 32 bits, in training form with random parameters."""
    nonlinearity = "maxout" if bits == 1 else "relu"
    style = Style(Binarization(w_bits=bits, a_bits=bits), nonlinearity)
    if case.network in ("layer", "bits"):
        layer = ResidualLayer if case.network == "layer" else BitsLayer
        network = nn.SequentialCell([layer(case.channels, style) for _ in range(case.layers)])
    elif case.network == "head":
        network = Heads(case, style)
    else:
        keys = {"network": case.network, "image_size": case.size, "num_classes": case.classes}
        network = build_model(read_config(None, keys | {"w_bits": bits, "a_bits": bits, "nonlinearity": nonlinearity}))
    rng = np.random.default_rng(5)
    for parameter in network.get_parameters():
        kind, shape = parameter.name.rpartition(".")[2], parameter.shape
        if kind == "weight" and len(shape) == 4:
            spread = np.prod(shape[1:]) ** -0.5  # keeps the maps' size from layer to layer
            value = rng.normal(0.3 * spread, spread, shape)
        elif kind == "gamma":
            value = rng.uniform(0.5, 1.0, shape)
        elif kind in ("beta", "moving_mean"):
            value = rng.normal(-0.1, 0.3, shape)
        elif kind == "moving_variance":
            value = rng.uniform(0.5, 2, shape)
        else:
            continue
        parameter.set_data(ms.Tensor(value.astype(np.float32)))
    return network.set_train(False)


def joined(outputs):
    """All outputs of a network, one behind the other."""
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return np.concatenate([output.asnumpy().reshape(-1) for output in outputs])


def main(name, folder):
    """Write the files of a case into a folder."""
    case, folder = CASES[name], Path(folder)
    ms.set_context(mode=ms.GRAPH_MODE)
    x = np.random.default_rng(6).normal(size=case.shape).astype(np.float32)
    x.tofile(folder / "input.bin")
    for kind, bits in (("binary", 1), ("float", 32)):
        deployed = to_deploy(build(case, bits))
        joined(deployed(ms.Tensor(x))).tofile(folder / f"{kind}_output.bin")
        write(deployed, folder / f"{kind}.onnx", "ONNX", case.shape)
        if bits == 1:
            write(deployed, folder / "binary.mindir", "MINDIR", case.shape)


if __name__ == "__main__":
    main(*sys.argv[1:])
