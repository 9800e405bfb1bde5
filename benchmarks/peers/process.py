# SPDX-License-Identifier: Apache-2.0
"""The peers as the comparison sees them: one process each, awake only while it is measured."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adabin.utils.errors import RunError

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "ascend310_infer" / "build" / "adabin_infer"
# A setting meant for one program must not decide the speed of another (src/adabin/utils/device.py).
LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "OMP_NUM_THREADS", "GLOG_v")
MISSING_STATUS = 3


@dataclass(frozen=True)
class Peer:
    """A way to run a case.

    Attributes:
        name: on the command line and in the CSV; what follows the first "-" is the variant.
        label: in tables.
        python: of its virtual environment; empty for the packed engine.
        setup: command that installs it.
        limit: instruction set that it is held to, for oneDNN and, in the engine, `--kernel`.
        exact: whether its outputs are those of our network up to rounding.
    """

    name: str
    label: str
    python: str = ""
    setup: str = "bash benchmarks/setup_peers.sh"
    limit: str = ""
    exact: bool = True


def _peers():
    ort = openvino = str(ROOT / ".venv-peers" / "bin" / "python")
    larq = str(ROOT / ".venv-lce" / "bin" / "python")
    build = "bash ascend310_infer/build.sh"
    return (
        Peer("engine", "**AdaBin engine**", setup=build),
        Peer("engine-avx2", "AdaBin engine, held to AVX2", setup=build, limit="AVX2"),
        Peer("openvino-binary", "OpenVINO, BinaryConvolution by hand, exact (with beta_w)", openvino),
        Peer("openvino-binary-nobeta", "OpenVINO, BinaryConvolution by hand, no beta_w", openvino, exact=False),
        Peer("openvino-binary-avx2", "OpenVINO, exact, oneDNN held to AVX2", openvino, limit="AVX2"),
        Peer("openvino-int8", "OpenVINO int8", openvino, exact=False),
        Peer("openvino-fp32", "OpenVINO fp32", openvino),
        Peer("onnxruntime-int8", "ONNX Runtime int8", ort, exact=False),
        Peer("onnxruntime-fp32", "ONNX Runtime fp32", ort),
        Peer("larq", "Larq Compute Engine (indirect BGEMM, XNNPACK)", larq, exact=False),
        Peer("mindspore-avx2", "MindSpore CPU, oneDNN held to AVX2", sys.executable, "bash scripts/setup.sh", "AVX2"),
        Peer("mindspore", "MindSpore CPU", sys.executable, "bash scripts/setup.sh"),
    )


PEERS = {peer.name: peer for peer in _peers()}


class Missing(Exception):
    """A peer that is not installed, or cannot do what is asked."""


def environment(peer):
    """Environment of a peer's process: no limits but its own, our modules importable."""
    env = {key: value for key, value in os.environ.items() if key not in LIMITS}
    if peer.limit:
        env |= {"ONEDNN_MAX_CPU_ISA": peer.limit, "DNNL_MAX_CPU_ISA": peer.limit}
    return env | {"PYTHONPATH": str(ROOT), "GLOG_v": "3"}


class Worker:
    """A peer other than our engine, loaded once; stopped by a signal between its rounds, so that it cannot disturb.

    Args:
        peer (Peer), case (Case), folder, threads (int), core (int or None).

    Raises:
        Missing: it is not installed, or failed to load.
    """

    def __init__(self, peer, case, folder, threads, core):
        if not Path(peer.python).is_file():
            raise Missing(f"not installed; install it with: {peer.setup}")
        program = [peer.python, "-m", "benchmarks.peers.worker"]
        arguments = [peer.name, case.name, str(folder), str(threads), "any" if core is None else str(core)]
        self.log = open(Path(folder) / f"{peer.name}.log", "w+", encoding="utf-8")  # noqa: SIM115
        self.process = subprocess.Popen(
            program + arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=folder,
            env=environment(peer),
        )
        try:
            self.description = self._answer(peer)
        except BaseException:
            self.close()
            raise
        self._send(signal.SIGSTOP)

    def _send(self, number):
        self.process.send_signal(number)

    def _answer(self, peer):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.log.seek(0)
        last = next(iter(self.log.read().strip().splitlines()[-1:]), "no message")
        if self.process.wait() == MISSING_STATUS:
            raise Missing(f"not installed ({last}); install it with: {peer.setup}")
        raise Missing(f"failed: {last}")

    def measure(self, seconds):
        """(median, minimum, number) of the runs of a round, in milliseconds."""
        self._send(signal.SIGCONT)
        print(seconds, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RunError(f"{self.log.name}: the peer ended while it was measured; the file holds its messages")
        self._send(signal.SIGSTOP)
        times = json.loads(line)
        return statistics.median(times), min(times), len(times)

    def close(self):
        """End the process."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            with contextlib.suppress(OSError):
                stream.close()


class Engine:
    """The packed engine: a process per round, which it loads in milliseconds. Arguments and methods as `Worker`."""

    def __init__(self, peer, case, folder, threads, core):
        if not ENGINE.is_file():
            raise Missing(f"not built; build it with: {peer.setup}")
        self.folder, self.core, self.env = folder, core, environment(peer)
        kernel = peer.limit.lower() or "auto"
        kernels = subprocess.run([str(ENGINE), "--list_kernels"], capture_output=True, text=True).stdout
        if kernel != "auto" and f"{kernel}:" not in kernels:
            raise Missing(f"no kernel {kernel} for this processor in {ENGINE.name} --list_kernels")
        self.command = [str(ENGINE), "--model", "binary.adabin", "--input", "input.bin", "--output", f"out-{peer.name}"]
        self.command += ["--threads", str(threads), "--kernel", kernel]
        first = self._run(3)
        self.estimate = first["latency_ms_median"]
        expected = np.fromfile(folder / "binary_output.bin", np.float32)
        found = self._outputs(folder / f"out-{peer.name}")
        self.description = {
            "version": "this checkout",
            "isa": first["kernel"],
            "difference": float(np.abs(found - expected).max() / np.abs(expected).max()),
            "peak_memory_mb": self._run(1)["peak_memory_mb"],
            "model_bytes": first["model_bytes"],
        }

    @staticmethod
    def _outputs(folder):
        files = sorted(folder.glob("input_*.bin"), key=lambda path: int(path.stem.rpartition("_")[2]))
        return np.concatenate([np.fromfile(path, np.float32) for path in files])

    def _run(self, repeat, warmup=0):
        pin = (lambda: os.sched_setaffinity(0, {self.core})) if self.core is not None else None
        command = [*self.command, "--repeat", str(repeat), "--warmup", str(warmup)]
        ended = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, preexec_fn=pin)
        if ended.returncode:
            last = next(iter(ended.stderr.strip().splitlines()[-1:]), "no message")
            raise RunError(f"adabin_infer failed: {last}")
        return json.loads(ended.stdout.strip().splitlines()[-1])

    def measure(self, seconds):
        """(median, minimum, number) of the runs of a round, in milliseconds."""
        repeat = max(3, int(1000 * seconds / self.estimate))
        result = self._run(repeat, warmup=max(1, repeat // 20))
        return result["latency_ms_median"], result["latency_ms_min"], repeat

    def close(self):
        """Nothing is left running."""
