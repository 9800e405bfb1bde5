# SPDX-License-Identifier: Apache-2.0
"""Config keys: device, and where results go."""

from adabin.utils.key import DEVICE, KERNELS, RUNS, Key
from adabin.utils.needs import ACCELERATOR

KEYS = {
    "device_target": Key("CPU", "CPU, GPU or Ascend", choices=("CPU", "GPU", "Ascend"), uses=(DEVICE,)),
    "device_id": Key(0, "number of the device", at_least=0, uses=(DEVICE,), needs=(ACCELERATOR,)),
    "cpu_kernels": Key(
        "auto",
        "C++ kernels on CPU: auto (where a compiler is found), on (or end with an error), off",
        choices=("auto", "on", "off"),
        uses=(KERNELS,),
    ),
    "execution_mode": Key(
        "GRAPH",
        "GRAPH (compiled) or PYNATIVE (operator by operator, for debugging)",
        choices=("GRAPH", "PYNATIVE"),
        uses=(DEVICE,),
    ),
    "output_path": Key(
        "outputs", "run folders are made here: <output_path>/<network>_<dataset>/<time>", free=True, uses=(RUNS,)
    ),
    "log_steps": Key(10, "steps between two readings of the loss", at_least=1, free=True),
}
