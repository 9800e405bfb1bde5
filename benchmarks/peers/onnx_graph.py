# SPDX-License-Identifier: Apache-2.0
"""Exported networks in the operators that suit the peers best.

MindSpore writes a max pooling 3x3 with stride 2 as two poolings and Maxout as four elementwise operators; no one who
prepares a network for ONNX Runtime or OpenVINO would leave them so, and nor do we.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

OPSET = 13  # the first in which weights are dequantized per channel; MindSpore writes 11


class Graph:
    """An ONNX graph with who makes and who reads each tensor."""

    def __init__(self, path):
        self.model = onnx.load(str(path))
        self.nodes = self.model.graph.node
        self.values = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.model.graph.initializer}
        self.maker = {name: node for node in self.nodes for name in node.output}
        self.readers = {}
        for node in self.nodes:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def replace(self, old, new):
        """Put the node `new` at the place of the last of the nodes `old`, which go."""
        at = max(list(self.nodes).index(node) for node in old)
        self.nodes.insert(at + 1, new)
        for node in old:
            self.nodes.remove(node)
        self.maker |= dict.fromkeys(new.output, new)

    def constant(self, name, value):
        """A new constant; returns its name."""
        self.model.graph.initializer.append(numpy_helper.from_array(value, name))
        self.values[name] = value
        return name


def attributes(node):
    """Attributes of a node as a dict."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def join_max_pools(graph):
    """Pooling 3x3 of stride 1, "same", of which a pooling 1x1 takes every n-th pixel: one pooling."""
    for every in [node for node in graph.nodes if node.op_type == "MaxPool"]:
        around = graph.maker.get(every.input[0])
        if around is None or around.op_type != "MaxPool" or attributes(every)["kernel_shape"] != [1, 1]:
            continue
        pads = [side // 2 for side in attributes(around)["kernel_shape"]]
        settings = {"kernel_shape": attributes(around)["kernel_shape"], "strides": attributes(every)["strides"]}
        graph.replace(
            [around, every], helper.make_node("MaxPool", around.input, every.output, pads=pads * 2, **settings)
        )


def join_maxout(graph):
    """x * Where(Not(Less(x, 0)), pos, neg): PReLU of slope neg.

    Raises:
        ValueError: a pos is not 1, for which PReLU has no place (networks fresh from initialization have 1).
    """
    for where in [node for node in graph.nodes if node.op_type == "Where"]:
        sign, pos, neg = where.input
        product = graph.readers[where.output[0]][0]
        if product.op_type != "Mul":
            continue  # a binarization
        if not np.all(graph.values[pos] == 1):
            raise ValueError(f"{pos} is not 1 everywhere")
        less = graph.maker[graph.maker[sign].input[0]]
        slope = graph.constant(neg + ".prelu", graph.values[neg].reshape(-1, 1, 1))
        new = helper.make_node("PRelu", [less.input[0], slope], product.output)
        graph.replace([less, graph.maker[sign], where, product], new)


def tidy(source, target):
    """Write the network `source` in fewer, equivalent operators to `target`."""
    graph = Graph(source)
    join_max_pools(graph)
    join_maxout(graph)
    used = {name for node in graph.nodes for name in node.input}
    constants = graph.model.graph.initializer
    for tensor in [tensor for tensor in constants if tensor.name not in used]:
        constants.remove(tensor)
    model = version_converter.convert_version(graph.model, OPSET)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
