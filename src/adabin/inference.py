# SPDX-License-Identifier: Apache-2.0
"""Models as callables, from an array of images to a tuple of arrays, and the walk over a split with one of them.

Whether it is a Cell (`CellModel`), a MindIR in MindSpore (`load_mindir`) or a file in the C++ program
(`adabin.engine.EngineModel`): whoever evaluates, predicts or compares calls `model(images)`.
"""

from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn
from mindspore.train import mind_ir_pb2

from adabin.utils.errors import UserError
from adabin.utils.files import plain_folder


class CellModel:
    """A network in MindSpore; it is used in inference mode, and left in it.

    Args:
        cell (Cell): images -> an output, or a tuple of them, each (B, ...).
        batch_size (int): images of a call of the Cell, so that one compiled graph serves all: more are given to it in
            pieces, the last of which is filled up with zeros; 0: as many as the first call has.
    """

    def __init__(self, cell, batch_size=0):
        self.cell, self.batch_size = cell, batch_size

    def __call__(self, images):
        """Outputs, a tuple of arrays (n, ...), of any number of images float32 (n, C, H, W)."""
        self.cell.set_train(False)
        self.batch_size = self.batch_size or len(images)
        return outputs_of(self._piece, images, self.batch_size)

    def _piece(self, images):
        count = len(images)
        if count < self.batch_size:
            images = np.concatenate([images, np.zeros((self.batch_size - count, *images.shape[1:]), images.dtype)])
        outputs = self.cell(ms.Tensor(images))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return tuple(output.asnumpy()[:count] for output in outputs)


def load_mindir(path, batch_size=0):
    """Model of a MindIR file, for any number of images.

    Args:
        path: the file.
        batch_size (int): images of a call, which is fixed in the file; 0: it is read from there.

    Raises:
        UserError: MindSpore cannot load it.
    """
    try:
        with plain_folder("adabin-load-") as folder:
            plain = folder / "network.mindir"
            plain.symlink_to(Path(path).absolute())
            return CellModel(nn.GraphCell(ms.load(str(plain))), batch_size or _batch_size_of(path))
    except (RuntimeError, ValueError, LookupError) as error:
        raise UserError(f"{path}: is not a MindIR that MindSpore can load; export it again") from error


def _batch_size_of(mindir):
    model = mind_ir_pb2.ModelProto()
    model.ParseFromString(Path(mindir).read_bytes())
    return model.graph.input[0].tensor[0].dims[0]


def outputs_of(model, images, batch_size):
    """Outputs for all images, a tuple of arrays (N, ...): for as many as fit into memory."""
    parts = [model(images[start : start + batch_size]) for start in range(0, len(images), batch_size)]
    if len(parts) == 1:
        return parts[0]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def evaluate(model, batches, metric, on_batch=None):
    """Feed a metric with a model's outputs for all images of a split; no batch is dropped, and none is kept.

    Args:
        model: callable, images -> tuple of arrays.
        batches: iterable of (images float32 (n, C, H, W), *targets), Tensors or arrays.
        metric: see adabin.tasks.
        on_batch: called with the number of images after each batch.

    Returns:
        the metric.
    """
    for images, *targets in batches:
        images, *targets = (x.asnumpy() if isinstance(x, ms.Tensor) else x for x in (images, *targets))
        metric.update(model(images), *targets)
        if on_batch:
            on_batch(len(images))
    return metric
