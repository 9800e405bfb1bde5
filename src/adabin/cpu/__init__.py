# SPDX-License-Identifier: Apache-2.0
"""Training on a CPU as fast as its memory allows: C++ kernels behind `accelerate(network)`, and the same for the
optimizer.

Nothing outside this folder knows more of it than these calls, where a network is opened, and the key `cpu_kernels`.
Without the folder the networks compute the same from MindSpore's own operators.
"""

from adabin.cpu.accelerate import accelerate, accelerate_optimizer

__all__ = ["accelerate", "accelerate_optimizer"]
