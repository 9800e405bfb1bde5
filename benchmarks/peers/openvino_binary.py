# SPDX-License-Identifier: Apache-2.0
"""AdaBin in OpenVINO's BinaryConvolution, which no front end and no converter uses: the graph is built by hand here.

With bits s = +-1, an activation of a binary layer is m_a + h_a s_a and a weight m_w + h_w s_w (m: middle of the set,
h: half its width; m_w and h_w per output channel). Over the valid taps of an output pixel p

    y[o,p] = h_a h_w[o] X[o,p] + h_a m_w[o] S[p] + m_a (m_w[o] N[p] + h_w[o] W[o,p])

X = sum s_a s_w is what BinaryConvolution computes when it skips padding (pad_value 0). S = sum s_a, the window sum, is
the same with a single filter of ones. The last term, of N taps and W = sum s_w over the valid ones, is a constant map,
absent where m_a = 0. BatchNorm is folded into the factors, and with a residual r the layer becomes

    h X + (k S + c + r)      the bracket being a float convolution 1x1 from one channel, with bias and a fused sum

BinaryConvolution takes no padding wider than four, as a dilated layer has. Such a map is padded before, with what
becomes bits of -1, and the sums over these taps, known beforehand, are taken off the constant maps.
"""

import numpy as np
import openvino as ov
from openvino import opset1 as ops

WIDEST_PADDING = 4
TINY = np.float32(np.finfo(np.float32).tiny)  # the smallest that no program takes for 0
LARGE = np.float32(3e38)


def constant(value):
    """A float32 constant."""
    return ops.constant(np.ascontiguousarray(value, np.float32))


def ones_and_zeros(bits):
    """Weights of BinaryConvolution from an array (O, I, kh, kw) of bools.

    The plug-in for CPUs takes the first weight from the lowest bit of a byte; Constant puts it into the highest.
    """
    order = np.packbits(bits.reshape(-1), bitorder="little")
    flat = np.unpackbits(order, bitorder="big")[: bits.size]
    return ov.op.Constant(ov.Type.u1, ov.Shape(list(bits.shape)), flat.astype(int).tolist())


def source(node, port):
    """The node that feeds an input."""
    return node.input_value(port).get_node()


def value(node, port):
    """The constant that feeds an input, in double."""
    return source(node, port).get_data().astype(np.float64)


def binarized(select, begin, end):
    """Bits of a Select(not (x < t) or not (t < x), upper, lower) by a FakeQuantize of two levels, and the two values.

    Args:
        select: the node.
        begin, end: zero bits around the map, rows and columns.

    Returns:
        (bits as 0 and 1, value of bit 1, value of bit 0)
    """
    less = source(source(select, 0), 0)
    upper, lower = value(select, 1), value(select, 2)
    if source(less, 1).get_type_name() == "Constant":  # upper where x >= t, that is x > the number before t
        x, t = less.input_value(0), value(less, 1).astype(np.float32)
        edge, ends, zero = np.nextafter(t, np.float32(-np.inf)) if t else -TINY, (0, 1), -LARGE
    else:  # upper where x <= t; FakeQuantize takes its first output value there
        x, t = less.input_value(1), value(less, 0).astype(np.float32)
        edge, ends, zero = t, (1, 0), LARGE
    if any(begin) or any(end):
        sides = (ops.constant(np.array([0, 0, *side], np.int64)) for side in (begin, end))
        x = ops.pad(x, *sides, "constant", ops.constant(zero))
    edge, low, high = (constant(np.reshape(number, (1, 1, 1, 1))) for number in (edge, *ends))
    return ops.fake_quantize(x, edge, edge, low, high, 2), upper, lower


def window_constants(positive, conv):
    """(N, W): valid taps per output pixel (1, H, W), and the sum of the signs of the valid weights (O, H, W)."""
    height, width = (int(side) for side in conv.input(0).get_shape()[2:])
    signs = np.where(positive, 1.0, -1.0).astype(np.float32)
    filters = np.concatenate([np.ones_like(signs[:1]), signs]).sum(1, keepdims=True)
    window = {"strides": conv.get_strides(), "pads_begin": conv.get_pads_begin(), "pads_end": conv.get_pads_end()}
    image = constant(np.ones((1, 1, height, width)))
    maps = ops.convolution(image, constant(filters), dilations=conv.get_dilations(), **window)
    result = ov.compile_model(ov.Model([maps], []), "CPU")([])[0][0].astype(np.float64)
    return result[:1], result[1:]


def replace_layer(conv, beta_w):
    """Put BinaryConvolution in the place of a binary layer with its BatchNorm and, where there is one, its residual."""
    none = [0, 0]
    begin, end = list(conv.get_pads_begin()), list(conv.get_pads_end())
    before = max(*begin, *end) > WIDEST_PADDING
    bits, upper, lower = binarized(source(conv, 0), begin if before else none, end if before else none)
    weights = value(conv, 1)
    most, least = (end(axis=(1, 2, 3)) for end in (weights.max, weights.min))
    positive = weights == most[:, None, None, None]
    m_a, h_a, m_w, h_w = (upper + lower) / 2, (upper - lower) / 2, (most + least) / 2, (most - least) / 2
    (norm,) = (reader.get_node() for reader in conv.output(0).get_target_inputs())
    gamma, beta, mean, variance = (value(norm, port) for port in range(1, 5))
    g = gamma / np.sqrt(variance + norm.get_attributes()["epsilon"])
    shift = beta - g * mean

    def convolve(filters):
        window = (list(conv.get_strides()), none if before else begin, none if before else end)
        return ops.binary_convolution(
            bits, ones_and_zeros(filters), *window, list(conv.get_dilations()), "xnor-popcount", 0.0
        )

    def channels(array):
        return constant(np.reshape(array, (1, -1, 1, 1)))

    def merged(array):
        return ops.add(ops.multiply(convolve(positive), channels(g * h_a * h_w)), array)

    rest = channels(shift)
    if m_a or before:
        taps, signs = window_constants(positive, conv)
        factors = [array[:, None, None] for array in (g * m_a * m_w, g * m_a * h_w, shift)]
        known = factors[0] * taps + factors[1] * signs + factors[2]
        if before:
            outside = np.where(positive, 1.0, -1.0).sum((1, 2, 3))[:, None, None] - signs
            known += (g * h_a * h_w)[:, None, None] * outside
            known += (g * h_a * m_w)[:, None, None] * (positive[0].size - taps) if beta_w else 0
        rest = constant(known[None])
    if not beta_w:
        return replace(norm, merged(rest))  # the residual's sum is fused as it stands
    window_sum = convolve(np.ones_like(positive[:1]))
    ones, zeros = [1, 1], [0, 0]
    spread = ops.convolution(window_sum, constant((g * h_a * m_w)[:, None, None, None]), ones, zeros, zeros, ones)
    rest = ops.add(spread, rest)
    reader = next(iter(norm.output(0).get_target_inputs())).get_node()
    if reader.get_type_name() != "Add":
        return replace(norm, merged(rest))
    (residual,) = (port for port in reader.input_values() if port.get_node() != norm)
    return replace(reader, merged(ops.add(rest, residual)))


def replace(old, new):
    """Give all readers of one node the other."""
    for target in old.output(0).get_target_inputs():
        target.replace_source_output(new.output(0))


def build(path, beta_w=True):
    """An exported network, tidied, with every binary layer as BinaryConvolution.

    Args:
        path: binary_tidy.onnx.
        beta_w: with the window sum; without it the arithmetic is that of sets centered at 0 and the outputs are
            wrong, but this is what BinaryConvolution was made for.
    """
    model = ov.Core().read_model(str(path))
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Convolution" and source(node, 0).get_type_name() == "Select":
            replace_layer(node, beta_w)
    model.validate_nodes_and_infer_types()
    return model
