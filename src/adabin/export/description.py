# SPDX-License-Identifier: Apache-2.0
"""Names of what an export writes, and the description beside the network: what it is and needs."""

from pathlib import Path

import yaml

from adabin.data.crops import resize_side
from adabin.utils.config import Config, read_config
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder, replacing
from adabin.utils.schema import KEYS, OUTPUTS, keys_with

DESCRIPTION_HEADER = "# Written by export.py: what the exported network beside this file is and needs.\n"
SUFFIXES = {"MINDIR": ".mindir", "ONNX": ".onnx", "AIR": ".air"}
NOT_WRITTEN = (".adabin", ".ckpt")  # known suffixes of what other programs write


def target_path(file_name, file_format, force):
    """Path of the file to write, with the format's suffix.

    Raises:
        UserError: it is no name of such a file, it exists and `force` is not set, or its folder cannot be written.
    """
    suffix = SUFFIXES[file_format]
    if file_name.endswith("/") or Path(file_name).name in ("", "..", *SUFFIXES.values()):
        raise UserError(f"--file_name {file_name!r}: names no file; give one, such as out/net{suffix}, or leave it out")
    found = Path(file_name).suffix.lower()
    if found != suffix and found in (*SUFFIXES.values(), *NOT_WRITTEN):
        raise UserError(
            f"--file_name {file_name}: ends in {found}, but --file_format {file_format} writes {suffix}; "
            "leave the suffix out, or give the --file_format that it belongs to"
        )
    path = Path(file_name if file_name.endswith(suffix) else file_name + suffix)
    make_folder(path.parent, "--file_name")
    if path.exists() and not force:
        raise UserError(f"{path}: exists already; choose another --file_name or replace it with --force")
    return path


def describe_network(config):
    """What whoever uses an exported network needs to know, as a Config whose file `read_config` reads."""
    keys = dict.fromkeys((*keys_with("exported"), *keys_with("checkpoint")))
    keys = [key for key in keys if all(need.holds(config) for need in KEYS[key].needs if need.key == "task")]
    return Config(**{key: getattr(config, key) for key in keys} | {"resize_shorter_side": resize_side(config)})


def _network_of(config):
    """What makes it this network and no other: a second file beside it may be checked on other pictures."""
    return {key: getattr(config, key) for key in (*keys_with("checkpoint"), "image_size")}


def description_path(path, config, force):
    """Path of the file that describes the exported network `path`: the same name with .yaml.

    Raises:
        UserError: a file of that name exists that describes another network, and `force` is not set; or one that
            is not export.py's.
    """
    description = path.with_suffix(".yaml")
    if not description.exists():
        return description
    try:
        text = description.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text.startswith(DESCRIPTION_HEADER):
        raise UserError(
            f"{description}: exists already and is none of export.py's, which would write there what the network is; "
            "choose another --file_name"
        )
    # Values, not text: an older description has other names for some keys, in another order.
    if not force and _network_of(read_config(description)) != _network_of(config):
        raise UserError(
            f"{description}: exists already, of another network; choose another --file_name or replace it with --force"
        )
    return description


def write_description(description, config, task):
    """Write the file of `description_path`, with what the task says of the network's outputs.

    Returns:
        bool: there was none.
    """
    outputs = task.description() if hasattr(task, "description") else {}
    text = describe_network(config).text(DESCRIPTION_HEADER)
    if outputs:
        text += yaml.safe_dump(
            {OUTPUTS: outputs}, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
        )
    anew = not description.exists()
    with replacing(description, anew) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return anew
