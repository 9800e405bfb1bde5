# SPDX-License-Identifier: Apache-2.0
"""The peer of train_step.py: AdaBin's ResNets for CIFAR and their recipe in plain PyTorch, operators of autograd only.

Written for this benchmark after the paper and the released form of the activation set, the way a PyTorch user writes
it: the straight-through estimator by detaching, weight statistics by autograd, SGD with momentum and weight decay.
Run by an interpreter that has torch; imports nothing of this project. Prints one line of JSON.
"""

import argparse
import json
import resource
import statistics
import time

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
    """Convolution 3x3 of a binarized input with binarized weights."""

    def __init__(self, before, channels, stride):
        super().__init__(before, channels, 3, stride, 1, bias=False)
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
        return F.conv2d(x, w, None, self.stride, self.padding)


class Maxout(nn.Module):
    """Slopes per channel: pos for x > 0, neg for x < 0."""

    def __init__(self, channels):
        super().__init__()
        self.pos = nn.Parameter(torch.full((channels, 1, 1), 1.0))
        self.neg = nn.Parameter(torch.full((channels, 1, 1), 0.25))

    def forward(self, x):
        """Forward."""
        return self.pos * F.relu(x) - self.neg * F.relu(-x)


class Subsample(nn.Module):
    """Shortcut without parameters: every second pixel, zero channels on both sides."""

    def __init__(self, extra):
        super().__init__()
        self.extra = extra

    def forward(self, x):
        """Forward."""
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra // 2, self.extra // 2))


class Block(nn.Module):
    """Two binary convolutions, each with BatchNorm, shortcut and Maxout."""

    def __init__(self, before, channels, stride, projection):
        super().__init__()
        self.conv1, self.bn1, self.act1 = (
            BinaryConv(before, channels, stride),
            nn.BatchNorm2d(channels),
            Maxout(channels),
        )
        self.conv2, self.bn2, self.act2 = BinaryConv(channels, channels, 1), nn.BatchNorm2d(channels), Maxout(channels)
        self.shortcut = nn.Identity()
        if stride != 1 and projection:
            conv = nn.Conv2d(before, channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(channels))
        elif stride != 1:
            self.shortcut = Subsample(channels - before)

    def forward(self, x):
        """Forward."""
        x = self.act1(self.bn1(self.conv1(x)) + self.shortcut(x))
        return self.act2(self.bn2(self.conv2(x)) + x)


NETWORKS = {"resnet20": ((16, 32, 64), 3, False), "resnet18_cifar": ((64, 128, 256, 512), 2, True)}


class ResNet(nn.Module):
    """conv -> BatchNorm -> Maxout -> stages -> mean -> BatchNorm -> linear."""

    def __init__(self, widths, blocks, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(widths[0]), Maxout(widths[0])
        layers, before = [], widths[0]
        for stage, channels in enumerate(widths):
            for index in range(blocks):
                layers.append(Block(before, channels, 2 if stage and not index else 1, projection))
                before = channels
        self.layers = nn.Sequential(*layers)
        self.bn2, self.linear = nn.BatchNorm1d(before), nn.Linear(before, 10)

    def forward(self, x):
        """Forward."""
        x = self.layers(self.act1(self.bn1(self.conv1(x))))
        return self.linear(self.bn2(x.mean((2, 3))))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=tuple(NETWORKS), default="resnet20")
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--layout", choices=("contiguous", "channels_last"), default="contiguous")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    torch.manual_seed(1)
    layout = torch.channels_last if flags.layout == "channels_last" else torch.contiguous_format
    network = ResNet(*NETWORKS[flags.network]).to(memory_format=layout)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    images = torch.randn(flags.batch_size, 3, 32, 32).to(memory_format=layout)
    labels = torch.randint(0, 10, (flags.batch_size,))

    def step():
        began = time.perf_counter()
        optimizer.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()
        return time.perf_counter() - began

    first = step()
    for _ in range(flags.warmup):
        step()
    processor = time.process_time()
    times = [step() for _ in range(flags.steps)]
    processor = time.process_time() - processor
    print(
        json.dumps(
            {
                "median_step_s": statistics.median(times),
                "fastest_step_s": min(times),
                "cpu_over_wall": processor / sum(times),
                "first_step_s": first,
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "version": f"PyTorch {torch.__version__}",
            }
        )
    )


if __name__ == "__main__":
    main()
