# SPDX-License-Identifier: Apache-2.0
"""Every config key: one entry each, read by whoever needs to know something of a key (see `Key`).

A new key is an entry in a file of `keys` and its use; `python scripts/write_base.py` then writes it into
config/base.yaml. The order is that of the file and of `-h`.
"""

from adabin.utils.keys import data, network, run, task, training

GROUPS = {"task": task.KEYS, "network": network.KEYS, "data": data.KEYS, "training": training.KEYS, "run": run.KEYS}
RENAMED = {  # before: now; the old names are still understood wherever a user or an older file gives them
    "steps": "stages",
    "mode": "execution_mode",
    "resize": "resize_shorter_side",
    "val_share": "test_share",
    "progressive": "estimator_progressive",
    "t_min": "estimator_t_min",
    "t_max": "estimator_t_max",
}
OUTPUTS = "outputs"  # what an exported network's description says beside the keys, for programs of others
KEYS = {name: key for group in GROUPS.values() for name, key in group.items()}


def keys_with(attribute, *values):
    """Names of the keys whose entry has one of these values, in their order; without values: that says anything."""
    return tuple(
        name for name, key in KEYS.items() if (getattr(key, attribute) in values if values else getattr(key, attribute))
    )
