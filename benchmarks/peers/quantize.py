# SPDX-License-Identifier: Apache-2.0
"""Prepare a case's files for ONNX Runtime and OpenVINO: tidy operators, and the float network in int8.

    python -m benchmarks.peers.quantize CASE FOLDER

int8 is ONNX Runtime's static quantization in QDQ form, calibrated on random images of the same distribution as the
input; weights per channel. Both programs run the same file, as ONNX Runtime's documentation recommends for x86.
"""

import sys
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.peers.cases import CASES
from benchmarks.peers.onnx_graph import tidy

CALIBRATION_BATCHES = 4


class Images(CalibrationDataReader):
    """Normal random inputs."""

    def __init__(self, shape):
        rng = np.random.default_rng(8)
        self.batches = iter([rng.normal(size=shape).astype(np.float32) for _ in range(CALIBRATION_BATCHES)])

    def get_next(self):
        """The next batch, or None."""
        batch = next(self.batches, None)
        return None if batch is None else {"x": batch}


def main(name, folder):
    """Write float_tidy.onnx, binary_tidy.onnx and int8.onnx beside the exported files."""
    case, folder = CASES[name], Path(folder)
    for kind in ("float", "binary"):
        tidy(folder / f"{kind}.onnx", folder / f"{kind}_tidy.onnx")
    prepared = folder / "float_prepared.onnx"
    quant_pre_process(str(folder / "float_tidy.onnx"), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(folder / "int8.onnx"),
        Images(case.shape),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    prepared.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
