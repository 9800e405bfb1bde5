# SPDX-License-Identifier: Apache-2.0
"""SGD with momentum over all parameters as one operator (kernels/momentum.cc)."""

import numpy as np
from mindspore import Tensor, nn

from adabin.cpu.operators import operator


class CpuMomentum(nn.Momentum):
    """`nn.Momentum` by the kernel; made of an optimizer by `take_over`.

    v = m v + (g + decay w), w = w - lr v, with the parameters, velocities and names that the optimizer had.
    """

    @classmethod
    def serves(cls, optimizer):
        """Whether the kernel computes what this optimizer does: one learning rate, constant decay, nothing else."""
        options = ("use_nesterov", "is_group_lr", "dynamic_lr", "need_scale", "grad_centralization_flags")
        plain = not any(np.any(getattr(optimizer, option, False)) for option in options)
        return type(optimizer) is nn.Momentum and plain and optimizer.is_group

    def take_over(self):
        """Complete an optimizer that has just become of this class."""
        self.decays = Tensor(np.array([float(value) for value in self.group_weight_decay], np.float32))
        self.update = operator("Momentum", 1, lambda *shapes: [1])
        # It changes parameters in place. MindSpore must know: it would hand over copies, and lose the updates, where
        # an operator of its own reads the same parameters.
        self.update.add_prim_attr("side_effect_mem", True)

    def construct(self, gradients):
        lr = self.get_lr()
        self.assignadd(self.global_step, self.global_step_increase_tensor)
        return self.update(*gradients, *self.params, *self.moments, lr, self.momentum, self.decays)
