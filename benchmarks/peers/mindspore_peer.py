# SPDX-License-Identifier: Apache-2.0
"""MindSpore on the exported MindIR of the binary network: what serves it without the packed engine."""

import os
import re
import subprocess
import sys

import mindspore as ms
from mindspore import nn

from benchmarks.peers.worker import difference, read_tensor

ONE_CONVOLUTION = (
    "import mindspore as ms, numpy as np; from mindspore import nn; "
    "nn.Conv2d(16, 16, 3, pad_mode='pad', padding=1)(ms.Tensor(np.ones((1, 16, 32, 32), np.float32))).asnumpy()"
)


def instruction_set():
    """What oneDNN inside MindSpore says that it uses, and for a 3x3 convolution."""
    environment = {**os.environ, "ONEDNN_VERBOSE": "1", "DNNL_VERBOSE": "1"}
    ended = subprocess.run([sys.executable, "-c", ONE_CONVOLUTION], env=environment, capture_output=True, text=True)
    isa = re.search(r"cpu,isa:([^\n]*)", ended.stdout)
    conv = re.search(r"exec,cpu,convolution,([^,]*)", ended.stdout)
    return "; ".join(match.group(1) for match in (isa, conv) if match) or "not told"


def load(case, folder, variant, threads):
    """A function that runs the network once, and the peer's description."""
    ms.set_context(mode=ms.GRAPH_MODE, device_target="CPU", runtime_num_threads=threads)
    network = nn.GraphCell(ms.load(str(folder / "binary.mindir")))
    images = ms.Tensor(read_tensor(folder, "input.bin", case.shape))

    def run():
        found = network(images)
        return [output.asnumpy() for output in (found if isinstance(found, tuple) else (found,))]

    return run, {
        "version": f"mindspore {ms.__version__}",
        "isa": instruction_set(),
        "difference": difference(run(), read_tensor(folder, "binary_output.bin", -1)),
    }
