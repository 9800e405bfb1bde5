# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning: start from the parameters of another training, as far as they fit."""

from dataclasses import dataclass

import mindspore as ms

from adabin.utils.checkpoint import network_parameters, network_values, read_checkpoint
from adabin.utils.errors import UserError
from adabin.utils.key import MEANING
from adabin.utils.schema import keys_with

NAMED = 6  # tensors that the report names of each kind; it counts the others


@dataclass(frozen=True)
class Report:
    """What became of the tensors of a checkpoint.

    Attributes:
        path: the checkpoint.
        loaded: names of the network's tensors that were set.
        other_shape: those of another shape in the file, which keep their initial values: (name, there, here).
        missing: names of those that the file does not have; they keep their initial values.
        unused: names of the file's tensors that the network does not have.
        differences: 'key=value there, value here' of what the trainings were given.
    """

    path: str
    loaded: list
    other_shape: list
    missing: list
    unused: list
    differences: list

    def text(self):
        """The report in lines."""
        shapes = [f"{name} {there} there, {here} here" for name, there, here in self.other_shape]
        lines = [f"starting from {self.path}: {len(self.loaded)} tensors loaded"]
        for what, names in (
            ("left out, of another shape", shapes),
            ("not in the file, initialized", self.missing),
            ("in the file alone, not used", self.unused),
            ("made with other settings", self.differences),
        ):
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            lines += [f"  {what}: {len(names)} ({', '.join(names[:NAMED])}{more})"] if names else []
        return "\n".join(lines)

    def counts(self):
        """The report as a dictionary of numbers, and the file."""
        lists = ("loaded", "other_shape", "missing", "unused")
        return {"ckpt": str(self.path)} | {name: len(getattr(self, name)) for name in lists}


def load_pretrained(path, network, config):
    """Set the parameters of a network to those of equal name and shape in a checkpoint.

    Args:
        path: checkpoint of train.py or of the converter, of the same network or one that shares layers with it.
        network (Cell): is changed only if something fits.
        config (Config): that of the network.

    Returns:
        Report.

    Raises:
        UserError: unreadable, or no weight tensor fits: then it is of another network.
    """
    metadata, values = read_checkpoint(path)
    values = network_values(values, config)
    parameters = network_parameters(network)
    fitting, other_shape = {}, []
    for name, parameter in parameters.items():
        if name in values:
            there, here = tuple(values[name].shape), tuple(parameter.shape)
            if there == here:
                fitting[name] = parameter
            else:
                other_shape.append((name, there, here))
    # Values per channel or layer have equal names in any two networks; what tells is a matrix or more.
    if not any(sum(side > 1 for side in parameter.shape) > 1 for parameter in fitting.values()):
        of = f" ({metadata['network']})" if metadata and "network" in metadata else ""
        raise UserError(
            f"--pretrained {path}: is of another network{of}: none of its weights fits {config.network}; "
            f"give a checkpoint of {config.network}"
        )
    for name, parameter in fitting.items():
        parameter.set_data(ms.Tensor(values[name].astype(ms.dtype_to_nptype(parameter.dtype))))
    metadata = metadata or {}
    differences = [
        f"{key}={metadata[key]} there, {getattr(config, key)} here"
        for key in keys_with("checkpoint", MEANING)
        if key in metadata and metadata[key] != getattr(config, key)
    ]
    return Report(
        path,
        list(fitting),
        other_shape,
        [name for name in parameters if name not in values],
        [name for name in values if name not in parameters],
        differences,
    )
