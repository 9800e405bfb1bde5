# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning: start from the parameters of another training, as far as they fit and mean the same."""

from dataclasses import dataclass

import mindspore as ms

from adabin.utils.checkpoint import network_parameters, network_values, read_checkpoint
from adabin.utils.errors import UserError

NAMED = 6  # tensors that the report names of each kind; it counts the others
# With another value of these the tensors fit all the same and compute something else, where the second key has the same
# value on both sides: between other networks the nonlinearity is one difference of many, and bits of 32 have no set.
MEANINGS = {"nonlinearity": "network", "weight_set": "w_bits", "binary_form": "a_bits", "activation_set": "a_bits"}
# What may differ too: a training adapts to it, as the second of two steps does to binary weights.
NOTED = ("nonlinearity", "w_bits", "a_bits", "mean", "std")


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
        UserError: unreadable, made with another value of one of `MEANINGS`, or no weight tensor fits: then it is of
            another network.
    """
    metadata, values = read_checkpoint(path)
    metadata = metadata or {}
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
        raise UserError(f"--pretrained {path}: {_why_nothing_fits(metadata, config)}")
    _expect_same_meaning(path, metadata, config)
    for name, parameter in fitting.items():
        parameter.set_data(ms.Tensor(values[name].astype(ms.dtype_to_nptype(parameter.dtype))))
    differences = [
        f"{key}={metadata[key]} there, {getattr(config, key)} here"
        for key in NOTED
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


def _why_nothing_fits(metadata, config):
    width = metadata.get("width", config.width)
    if metadata.get("network") == config.network and width != config.width:
        return f"has width={width}, the config says {config.width}: none of its weights fits; give --width={width}"
    of = f" ({metadata['network']})" if "network" in metadata else ""
    return (
        f"is of another network{of}: none of its weights fits {config.network}; give a checkpoint of {config.network}"
    )


def _expect_same_meaning(path, metadata, config):
    """Refuse a checkpoint whose tensors mean something else here.

    Raises:
        UserError: names the key and the flag that gives them their meaning back.
    """
    for key, where in MEANINGS.items():
        there, here = metadata.get(key, getattr(config, key)), getattr(config, key)
        if there != here and metadata.get(where) == getattr(config, where) != 32:
            raise UserError(
                f"--pretrained {path}: was made with {key}={there}, the config says {here}: its weights would compute "
                f"something else; give --{key}={there}"
            )
