# SPDX-License-Identifier: Apache-2.0
"""Everything that depends on the device: environment, context, seeds."""

import ctypes
import os
import sys
from pathlib import Path

from adabin.utils.cli import log
from adabin.utils.errors import UserError
from adabin.utils.threads import default_threads

# oneDNN 3.10 inside MindSpore 2.10 falls to its reference convolution on CPUs with AVX-512; with AVX2 it takes
# the jitted one, about 50 times faster (docs/troubleshooting.md).
ONEDNN_ISA_VARIABLE = "ONEDNN_MAX_CPU_ISA"
_ONEDNN_AVX2, _ONEDNN_AVX512 = 0x07, 0x20  # dnnl_cpu_isa_avx2, and a bit of all that have AVX-512


def prepare_environment():
    """Set what MindSpore must find in the environment; a value the user has set stays.

    oneDNN looks when it computes for the first time, so this helps also after `import mindspore`; where that moment is
    over, a line says so.
    """
    if "mindspore" not in sys.modules:
        os.environ.setdefault("GLOG_v", "3")  # errors only: warnings of the framework are not for our users
    elif ONEDNN_ISA_VARIABLE not in os.environ and _onednn_has_chosen():
        log(
            "convolutions by MindSpore's operators will be some 50 times slower in this process: it has computed one "
            f"before `import adabin`; import that first, or set {ONEDNN_ISA_VARIABLE}=AVX2"
        )
    os.environ.setdefault(ONEDNN_ISA_VARIABLE, "AVX2")


def _onednn_has_chosen():
    """Whether the oneDNN in this process uses more than AVX2, and can no longer be told not to."""
    library = Path(sys.modules["mindspore"].__file__).parent / "lib" / "libdnnl.so.3"
    try:
        onednn = ctypes.CDLL(str(library))
        refused = onednn.dnnl_set_max_cpu_isa(_ONEDNN_AVX2) != 0
        return refused and onednn.dnnl_get_effective_cpu_isa() & _ONEDNN_AVX512 != 0
    except (OSError, AttributeError, TypeError):  # another MindSpore, or another processor's
        return False


def environment_for_other_programs():
    """Copy of the environment without the settings made for MindSpore, for the C++ engine and for peers."""
    return {key: value for key, value in os.environ.items() if key not in (ONEDNN_ISA_VARIABLE, "GLOG_v")}


def _device_number(config):
    """Number of this process's device.

    A worker of msrun is told in DEVICE_ID which one of its machine's workers it is: it takes the device of that number,
    counted from the config's.
    """
    if os.environ.get("MS_ROLE") != "MS_WORKER" or config.device_target == "CPU":
        return config.device_id
    return config.device_id + int(os.environ.get("DEVICE_ID", 0))


def available_devices():
    """The kinds of devices that the installed MindSpore finds on this machine."""
    from mindspore import device_context

    found = {"CPU": device_context.cpu, "GPU": device_context.gpu, "Ascend": device_context.ascend}
    return [name for name, device in found.items() if device.is_available()]


def init_device(config):
    """Select device, execution mode and seed.

    Args:
        config: needs `device_target` (CPU, GPU, Ascend), `device_id`, `execution_mode` (GRAPH, PYNATIVE) and `seed`.

    Raises:
        UserError: the installed MindSpore has no such device, or ADABIN_CPU_THREADS is no number of threads.
    """
    import mindspore as ms

    device_id = _device_number(config)
    if config.device_target == "CPU":
        ms.set_context(runtime_num_threads=default_threads())
    try:
        ms.set_device(config.device_target, device_id)
    except (RuntimeError, ValueError) as error:
        # In a process that has computed something already it fails even for the device that is in use.
        if (ms.get_context("device_target"), ms.get_context("device_id")) != (config.device_target, device_id):
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise UserError(
                f"--device_target {config.device_target} (device {device_id}) cannot be used here: "
                f"{reason}; this machine has {', '.join(available_devices())}; choose with --device_target, --device_id"
            ) from error
    ms.set_context(mode=ms.GRAPH_MODE if config.execution_mode == "GRAPH" else ms.PYNATIVE_MODE)
    ms.set_seed(config.seed)


def describe_device(config):
    """One line for result files: device, machine's processor and this process's threads there, MindSpore version."""
    import platform

    import mindspore as ms

    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
        processor = f"{names[0]} x{len(names)}" if names else processor
    except OSError:
        pass
    threads = f"{default_threads()} thread(s), " if config.device_target == "CPU" else ""
    return f"{config.device_target} ({processor}), {threads}MindSpore {ms.__version__}"
