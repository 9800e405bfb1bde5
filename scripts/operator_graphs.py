# SPDX-License-Identifier: Apache-2.0
"""Operators of a network's graphs: a training step, evaluation, the deploy form. scripts/write_devices.py uses this.

A graph is compiled for export, as a MindIR, and its operators are read from the file. No kernel is chosen there, so any
device's graph can be made on a CPU: where MindSpore's Python code asks for the device, it is told the one in question.
The CPU kernels of adabin.cpu are left out; no other device has them.
"""

import contextlib
from unittest import mock

import mindspore as ms
import numpy as np
from mindspore import nn
from mindspore.train import mind_ir_pb2

from adabin.deploy import to_deploy
from adabin.layers import MaxPool
from adabin.models import build_model
from adabin.tasks import build_task
from adabin.training.step import build_step
from adabin.training.steps import step_configs
from adabin.utils.config import read_config
from adabin.utils.files import temporary_folder

# Of the graph itself: they move or order values, and no device computes them.
BOOKKEEPING = {
    "Constant", "Depend", "Load", "MakeTuple", "Partial", "Return", "Switch", "TupleGetItem", "UpdateState",
}  # fmt: skip
FORMS = ("training", "evaluation", "deploy")
CLASSES = 3
# Keys that a graph depends on: of every form; of training; those that are a number, 0 for none.
OF_NETWORK = ("task", "network", "nonlinearity", "w_bits", "a_bits", "binary_form", "weight_set", "activation_set")
OF_STEP = ("weight_estimator", "activation_estimator", "optimizer", "accumulation", "amp_level")
SWITCHES = ("clip_norm", "ema_decay", "label_smoothing", "weight_decay")


@contextlib.contextmanager
def as_if_on(device):
    """Context in which MindSpore's Python code is told that this is the device."""
    own = ms.context.get_context

    def get_context(key):
        return device if key == "device_target" else own(key)

    with mock.patch.object(ms.context, "get_context", get_context):
        yield


def operators(cell, *inputs):
    """Names of the operators that a Cell is compiled to, without `BOOKKEEPING`."""
    with temporary_folder("adabin-graph-") as folder:
        ms.export(cell, *inputs, file_name=str(folder / "graph"), file_format="MINDIR")
        model = mind_ir_pb2.ModelProto()
        model.ParseFromString((folder / "graph.mindir").read_bytes())
    graphs = (model.graph, *model.functions)
    kinds = {node.op_type.removeprefix("REF::").split(":")[0] for graph in graphs for node in graph.node}
    return kinds - {graph.name for graph in graphs} - BOOKKEEPING


def small(config):
    """A config whose graphs have the operators of the given one's, and few channels, pixels and images."""
    changes = {"num_classes": CLASSES, "class_names": [], "batch_size": 2 * config.accumulation, "cpu_kernels": "off"}
    changes["image_size"] = 64 if config.task == "detection" else 32
    if config.network.startswith(("vgg16", "ssd_vgg16")):
        changes["width"] = 1 / 64
    return config.changed(**changes)


def network_of(config):
    """The network of a config; of equal blocks in a row those are left out that add no operator and do not pool."""
    network, seen = build_model(config), set()
    for _, row in network.cells_and_names():
        cells = dict(row._cells) if isinstance(row, nn.SequentialCell) else {}
        if len({type(cell) for cell in cells.values()}) != 1:
            continue
        for number, (name, cell) in enumerate(cells.items()):
            structure = tuple((part, type(own)) for part, own in cell.cells_and_names())
            if number and structure in seen and not any(isinstance(own, MaxPool) for _, own in cell.cells_and_names()):
                del row._cells[name]
            seen.add(structure)
        row.cell_list = list(row._cells.values())  # what it runs
    return network


def batch(config, task):
    """(images, targets) of a part of a training batch, all zeros."""
    images = ms.Tensor(np.zeros((2, 3, config.image_size, config.image_size), np.float32))
    if config.task == "detection":
        count = len(task.priors)
        return images, ms.Tensor(np.zeros((2, count), np.int32)), ms.Tensor(np.zeros((2, count, 4), np.float32))
    return images, ms.Tensor(np.zeros(2, np.int32))


def training_operators(config, teacher=None):
    """Operators of the training step that a config describes; its parts, where it accumulates gradients."""
    task = build_task(config)
    step = build_step(network_of(config), config, task.loss(teacher)).set_train()
    inputs = batch(config, task)
    if config.accumulation == 1:
        return operators(step, *inputs)
    return operators(step.add, ms.Tensor(True), *inputs) | operators(step.finish)


def inference_operators(config, form):
    """Operators of evaluation, or of the deploy form."""
    network = network_of(config).set_train(False)
    image = batch(config, build_task(config))[0]
    return operators(to_deploy(network) if form == "deploy" else network, image)


_known = {}  # what recipes have in common is compiled once


def _once(form, config):
    """Operators of a graph, by the values of the keys that it depends on."""
    key = (form, *(getattr(config, name) for name in OF_NETWORK))
    if form == "training":
        key += (*(getattr(config, name) for name in OF_STEP), *(getattr(config, name) > 0 for name in SWITCHES))
    if key not in _known:
        config = small(config)
        _known[key] = training_operators(config) if form == "training" else inference_operators(config, form)
    return _known[key]


def graphs_of(config):
    """Form to operators, of all stages of a config."""
    stages = step_configs(config.changed(teacher=config.teacher or "labels"), {})
    return {
        "training": set().union(*(_once("training", stage) for stage in stages)),
        "evaluation": _once("evaluation", stages[-1]),
        "deploy": _once("deploy", stages[-1]),
    }


def teacher():
    """A float network, as distillation has it in its loss."""
    flags = {"network": "standard_resnet8", "w_bits": 32, "a_bits": 32, "nonlinearity": "relu"}
    network = build_model(small(read_config(None, flags))).set_train(False)
    for parameter in network.get_parameters():
        parameter.requires_grad = False
        parameter.name = f"teacher.{parameter.name}"
    return network
