# SPDX-License-Identifier: Apache-2.0
"""Larq Compute Engine in its fastest setting on x86: indirect BGEMM, and XNNPACK for the float layers."""

import logging
import os
from importlib.metadata import version

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
logging.disable(logging.WARNING)

import numpy as np  # noqa: E402
from larq_compute_engine.tflite.python.interpreter import Interpreter  # noqa: E402

from benchmarks.peers.larq_network import build, convert  # noqa: E402
from benchmarks.peers.worker import difference, read_tensor  # noqa: E402


def load(case, folder, variant, threads):
    """A function that runs the network once, and the peer's description; `folder` gives only the input."""
    images = np.ascontiguousarray(read_tensor(folder, "input.bin", case.shape).transpose(0, 2, 3, 1))
    model = build(case)
    interpreter = Interpreter(convert(model), num_threads=threads, use_indirect_bgemm=True, use_xnnpack=True)
    found, expected = interpreter.predict(images), model.predict(images, 1, verbose=0)
    return lambda: interpreter.predict(images), {
        "version": f"larq-compute-engine {version('larq-compute-engine')} (tensorflow {version('tensorflow-cpu')})",
        "isa": "portable C++ for binary layers, XNNPACK for the others",
        "difference": difference([found], expected),
    }
