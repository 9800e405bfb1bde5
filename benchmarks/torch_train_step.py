# SPDX-License-Identifier: Apache-2.0
"""The peer of train_step.py: a training step of AdaBin's networks in plain PyTorch (torch_resnet.py, torch_ssd.py).

Run by an interpreter that has torch; imports nothing of this project. Prints one line of JSON.
"""

import argparse
import json
import resource
import statistics
import time

import torch
import torch_resnet
import torch_ssd

PEERS = (torch_resnet, torch_ssd)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    names = [name for module in PEERS for name in module.NETWORKS]
    parser.add_argument("--network", choices=names, default="resnet20")
    parser.add_argument("--image_size", type=int, default=32)
    parser.add_argument("--width", type=float, default=1.0, help="of a detector")
    parser.add_argument("--classes", type=int, default=20, help="of a detector")
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="sgd")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--layout", choices=("contiguous", "channels_last"), default="contiguous")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    torch.manual_seed(1)
    layout = torch.channels_last if flags.layout == "channels_last" else torch.contiguous_format
    peer = next(module for module in PEERS if flags.network in module.NETWORKS)
    network, loss_of, targets = peer.build(flags.network, flags)
    network = network.to(memory_format=layout)
    if flags.optimizer == "adam":
        optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    else:
        optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    images = torch.randn(flags.batch_size, 3, flags.image_size, flags.image_size).to(memory_format=layout)

    def step():
        began = time.perf_counter()
        optimizer.zero_grad()
        loss = loss_of(network(images), targets)
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
