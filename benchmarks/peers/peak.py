# SPDX-License-Identifier: Apache-2.0
"""What a layer would take if the popcount loop on registers alone decided: the peak that bench_layers measures."""

import json
import os
import statistics
import subprocess

from benchmarks.peers.cases import LAYER_MACS
from benchmarks.peers.process import ENGINE, Missing, environment

BENCH = ENGINE.parent / "bench_layers"
SETUP = "cmake --build ascend310_infer/build --target bench_layers (needs Google Benchmark, installed before build.sh)"


def measure_peak(peer, core, rounds):
    """Milliseconds of one layer at the peak of the peer's kernel.

    Args:
        peer (Peer): a variant of the engine.
        core (int): to be pinned to.
        rounds (int): measurements.

    Returns:
        (median, minimum, name of the kernel)

    Raises:
        Missing: bench_layers is not built, or knows no peak of this kernel.
    """
    if not BENCH.is_file():
        raise Missing(f"the popcount peak needs bench_layers; build it with: {SETUP}")
    env = environment(peer)
    kernels = subprocess.run([str(ENGINE), "--list_kernels"], capture_output=True, text=True, env=env).stdout
    kernel = peer.limit.lower() or kernels.partition(":")[0].strip()
    command = [str(BENCH), f"--benchmark_filter=resnet20/64-64.*/{kernel}$", "--benchmark_min_time=0.01"]
    times = []
    for _ in range(rounds):
        ended = subprocess.run(
            [*command, "--benchmark_format=json"],
            capture_output=True,
            text=True,
            env=env,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        try:
            peak = float(json.loads(ended.stdout)["context"][f"peak of {kernel}, GMAC/s"])
        except (ValueError, KeyError) as error:
            raise Missing(f"bench_layers tells no peak of {kernel}") from error
        times.append(LAYER_MACS / peak / 1e6)
    return statistics.median(times), min(times), kernel
