# SPDX-License-Identifier: Apache-2.0
"""Training on a CPU as fast as its memory allows: C++ kernels behind one call, `accelerate(network, config)`.

Nothing outside this folder knows more of it than that call, in train.py and eval.py, and the config key `cpu_kernels`.
Without the folder the networks compute the same from MindSpore's own operators.
"""

from src.cpu.accelerate import accelerate

__all__ = ["accelerate"]
