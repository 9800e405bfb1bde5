# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the float twin of a case: fp32, or int8 by static quantization (QDQ)."""

import os

import onnxruntime

from benchmarks.peers.processor import widest
from benchmarks.peers.worker import difference, peak_memory_mb, read_tensor

FILES = {"fp32": "float_tidy.onnx", "int8": "int8.onnx"}


def load(case, folder, variant, threads):
    """A function that runs the network once, and the peer's description."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    path = str(folder / FILES[variant])
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = {"x": read_tensor(folder, "input.bin", case.shape)}
    outputs = session.run(None, inputs)
    return lambda: session.run(None, inputs), {
        "version": f"onnxruntime {onnxruntime.__version__}",
        "isa": f"not told (MLAS takes the best: {widest()})",
        "model_bytes": os.path.getsize(path),
        "peak_memory_mb": peak_memory_mb(),
        "difference": difference(outputs, read_tensor(folder, "float_output.bin", -1)),
    }
