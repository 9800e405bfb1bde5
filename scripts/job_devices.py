# SPDX-License-Identifier: Apache-2.0
"""Devices of this machine, one for each of its workers. distributed_job.py uses this."""

import os
from itertools import takewhile
from pathlib import Path

from adabin.utils.errors import UserError

ROOT = Path("/")
VISIBLE = {"Ascend": "ASCEND_RT_VISIBLE_DEVICES", "GPU": "CUDA_VISIBLE_DEVICES"}  # hide devices from programs


def count_devices(target):
    """Number of the machine's devices that programs may see; 0 where none is found.

    Ascend: /dev/davinci<number>, of them what ASCEND_RT_VISIBLE_DEVICES leaves. GPU: the driver's folders in /proc, of
    them what CUDA_VISIBLE_DEVICES leaves.
    """
    if target == "Ascend":
        found = [path for path in (ROOT / "dev").glob("davinci*") if path.name[7:].isdigit()]
    else:
        found = list((ROOT / "proc/driver/nvidia/gpus").glob("*"))
    visible = os.environ.get(VISIBLE[target])
    if visible is None:
        return len(found)
    # The list ends at the first entry that is no device.
    return min(len(found), len([*takewhile(lambda word: word.strip()[:1] not in ("", "-"), visible.split(","))]))


def own_workers(config, on_cpu):
    """Number of workers on this machine when the user names none: on_cpu, or one per device from `device_id` on."""
    if config.device_target == "CPU":
        return on_cpu
    return max(1, count_devices(config.device_target) - config.device_id)


def refuse_too_many(workers, config):
    """Every worker needs a device of its own. Where none is found, the workers are left to say why.

    Raises:
        UserError: this machine has fewer.
    """
    found = 0 if config.device_target == "CPU" else count_devices(config.device_target)
    left = max(0, found - config.device_id)
    if found and workers > left:
        beyond = f" ({left} from --device_id {config.device_id} on)" if config.device_id else ""
        raise UserError(
            f"{workers} workers on this machine (N_WORKERS): each needs a device of its own, and programs see "
            f"{found} with --device_target {config.device_target}{beyond}; give fewer workers, or share them among "
            "machines (--nodes)"
        )
