# SPDX-License-Identifier: Apache-2.0
"""OpenVINO: the float twin in fp32 and int8, and the binary network in hand-built BinaryConvolutions."""

import openvino as ov

from benchmarks.peers.openvino_binary import build
from benchmarks.peers.worker import difference, read_tensor


def model_of(folder, variant):
    """File or model of a variant."""
    if variant.startswith("binary"):
        return build(folder / "binary_tidy.onnx", beta_w="nobeta" not in variant)
    return folder / {"fp32": "float_tidy.onnx", "int8": "int8.onnx"}[variant]


def primitives(compiled):
    """The implementations that OpenVINO chose for its convolutions."""
    found = set()
    for node in compiled.get_runtime_model().get_ordered_ops():
        info = {key: value.astype(str) for key, value in node.get_rt_info().items()}
        if info.get("layerType") in ("Convolution", "BinaryConvolution"):
            found.add(info["primitiveType"])
    return " ".join(sorted(found))


def load(case, folder, variant, threads):
    """A function that runs the network once, and the peer's description."""
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(model_of(folder, variant), "CPU", settings)
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(read_tensor(folder, "input.bin", case.shape).copy()))
    request.infer()
    expected = "binary_output.bin" if variant.startswith("binary") else "float_output.bin"
    return request.infer, {
        "version": f"openvino {ov.get_version().split('-')[0]}",
        "isa": primitives(compiled),
        "difference": difference([tensor.data for tensor in request.output_tensors], read_tensor(folder, expected, -1)),
    }
