# SPDX-License-Identifier: Apache-2.0
"""AdaBin's layers in plain PyTorch, operators of autograd only, for the peers of train_step.py.

Written for this benchmark after the paper and the released form of the activation set, the way a PyTorch user writes
it: the straight-through estimator by detaching, weight statistics by autograd. Imports nothing of this project.
"""

import torch
import torch.nn.functional as F
from torch import nn


class SignWithTanhGradient(torch.autograd.Function):
    """sign(v), with k t (1 - tanh^2(t v)) as its derivative."""

    @staticmethod
    def forward(ctx, v, k, t):
        """Forward."""
        ctx.save_for_backward(v)
        ctx.k, ctx.t = k, t
        return torch.sign(v)

    @staticmethod
    def backward(ctx, gradient):
        """Backward."""
        (v,) = ctx.saved_tensors
        return ctx.k * ctx.t * (1 - torch.tanh(v * ctx.t) ** 2) * gradient, None, None


class BinaryConv(nn.Conv2d):
    """Convolution of a binarized input with binarized weights."""

    def __init__(self, before, channels, stride, kernel_size=3, padding=1, dilation=1):
        super().__init__(before, channels, kernel_size, stride, padding, dilation, bias=False)
        self.alpha, self.beta = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(0.0))
        self.k, self.t = 1000.0, 0.001

    def forward(self, x):
        """Forward."""
        u = (x - self.beta) / self.alpha
        below, negative, inside = (u < -1).float(), (u < 0).float(), (u < 1).float()
        smooth = -below + (u * u + 2 * u) * (1 - below)
        smooth = smooth * negative + (2 * u - u * u) * (1 - negative)
        smooth = smooth * inside + (1 - inside)
        x = self.alpha * (torch.sign(u).detach() - smooth.detach() + smooth + self.beta)
        w = self.weight
        center = w.mean((1, 2, 3), keepdim=True)
        distance = torch.sqrt(((w - center) ** 2).sum((1, 2, 3), keepdim=True) / w[0].numel())
        w = SignWithTanhGradient.apply((w - center) / distance, self.k, self.t) * distance + center
        return F.conv2d(x, w, None, self.stride, self.padding, self.dilation)


class Maxout(nn.Module):
    """Slopes per channel: pos for x > 0, neg for x < 0."""

    def __init__(self, channels):
        super().__init__()
        self.pos = nn.Parameter(torch.full((channels, 1, 1), 1.0))
        self.neg = nn.Parameter(torch.full((channels, 1, 1), 0.25))

    def forward(self, x):
        """Forward."""
        return self.pos * F.relu(x) - self.neg * F.relu(-x)
