# SPDX-License-Identifier: Apache-2.0
"""Convert a checkpoint of the authors' PyTorch code, or of torchvision's ResNet-18, ResNet-34 and VGG16, to MindSpore.

    python scripts/convert_torch_checkpoint.py --torch_path model.th --config_path config/resnet20_cifar10.yaml \\
        --ckpt_path converted/resnet20.ckpt

    python scripts/convert_torch_checkpoint.py --torch_path resnet34.pth --ckpt_path teacher/resnet34.ckpt \\
        --config_path config/teacher_resnet34_imagenet.yaml

VGG16 (`vgg16`, `vgg16_bn`) gives the float backbone of a detector, for --pretrained of train.py: a recipe with network
ssd_vgg16_plain or vgg16_plain, w_bits: 32, a_bits: 32, nonlinearity: relu. The file holds the backbone alone.

Needs no PyTorch and runs nothing that the file brings. The authors' networks compute y = alpha * (s + beta), so a
checkpoint with binary activations gets binary_form=released unless --binary_form says otherwise. The config is written
beside the checkpoint as config.yaml. The last line on standard output is JSON;
`unused` names tensors of layers that the authors' ImageNet code makes but never calls, `left_out` counts these and
the batch counters of BatchNorm.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.utils import stopping

    stopping.install()

import numpy as np

from adabin.models import build_model
from adabin.models.torchvision_vgg16 import backbone_values, is_vgg16
from adabin.utils.checkpoint import assign, describe, network_parameters, save_checkpoint
from adabin.utils.cli import run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.device import init_device
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder, replacing
from adabin.utils.torch_checkpoint import read_torch_checkpoint

BATCH_NORM_NAMES = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def to_mindspore(tensors):
    """Rename and reshape the authors' tensors.

    Args:
        tensors (dict): PyTorch name to array.

    Returns:
        dict: MindSpore name to float32 array; the batch counters of BatchNorm are left out.
    """
    names = {name.removeprefix("module."): value for name, value in tensors.items()}
    batch_norms = {name.removesuffix(".running_mean") for name in names if name.endswith(".running_mean")}
    converted = {}
    for name, value in names.items():
        owner, _, kind = name.rpartition(".")
        if kind == "num_batches_tracked":
            continue
        if owner in batch_norms:
            name = f"{owner}.{BATCH_NORM_NAMES.get(kind, kind)}"
        elif kind in ("pos_scale", "neg_scale"):
            value = value.reshape(1, -1, 1, 1)
        converted[name] = np.array(value, np.float32, order="C")
    return converted


def state_dict_of(content, path):
    """The name-to-tensor dict inside a checkpoint's content."""
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    tensors = {
        name: value
        for name, value in (state.items() if isinstance(state, dict) else ())
        if isinstance(name, str) and isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
    }
    if not tensors:
        raise UserError(f"{path}: holds no state_dict; give a checkpoint of the authors' code or of torchvision")
    return tensors


def without_unused(tensors, network):
    """Split off what the authors' code stores of layers that it never calls.

    Args:
        tensors (dict): MindSpore name to array.
        network (Cell): names those tensors in `unused_by_authors`, if its original has any.

    Returns:
        (dict of the tensors that the network may have, list of the names of the others).
    """
    unused = getattr(network, "unused_by_authors", ())
    left_out = [name for name in tensors if name in unused]
    return {name: value for name, value in tensors.items() if name not in left_out}, left_out


def of_vgg16(tensors, network, config, path):
    """(backbone of the network, its values, names without a place) of torchvision's VGG16.

    Raises:
        UserError: the network has no such backbone in float with ReLU, or the file is damaged.
    """
    backbone = getattr(network, "backbone", None)
    if backbone is None or (config.w_bits, config.a_bits, config.nonlinearity) != (32, 32, "relu"):
        raise UserError(
            f"{path}: is VGG16, which is the float backbone of ssd_vgg16_plain and vgg16_plain; give a config with one "
            "of them, w_bits: 32, a_bits: 32 and nonlinearity: relu"
        )
    try:
        values, unused = backbone_values({name.removeprefix("module."): value for name, value in tensors.items()})
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(f"{path}: is not torchvision's VGG16 ({error}); get the file again") from error
    return backbone, values, unused


def add_flags(parser):
    parser.add_argument(
        "--torch_path", required=True, metavar="F.th", help="checkpoint of the authors' code or of torchvision"
    )
    parser.add_argument("--config_path", required=True, metavar="F.yaml", help="recipe of the same network")
    parser.add_argument("--ckpt_path", required=True, metavar="OUT.ckpt", help="file to write")
    parser.add_argument("--force", action="store_true", help="replace an existing file and its config.yaml")


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    config = read_config(flags.config_path, overrides)
    if config.a_bits == 1:
        config = read_config(flags.config_path, {"binary_form": "released"} | overrides)
    target = Path(flags.ckpt_path)
    if target.suffix != ".ckpt":
        raise UserError(f"--ckpt_path {target}: must end in .ckpt")
    config_path = target.with_name("config.yaml")
    for path in (target, config_path):
        if path.exists() and not flags.force:
            raise UserError(f"{path}: exists already; choose another folder or replace it with --force")
    content = read_torch_checkpoint(flags.torch_path)
    tensors = state_dict_of(content, flags.torch_path)
    init_device(config)
    network = build_model(config)
    if is_vgg16({name.removeprefix("module.") for name in tensors}):
        network, converted, unused = of_vgg16(tensors, network, config, flags.torch_path)
    else:
        converted, unused = without_unused(to_mindspore(tensors), network)
    assign(network_parameters(network), converted, flags.torch_path)
    make_folder(target.parent, "--ckpt_path")
    try:
        more = {"recorded_top1": round(float(content.get("best_prec1")) / 100, 6)}
    except (TypeError, ValueError):
        more = {}  # none recorded
    save_checkpoint(target, network, describe(config, source=Path(flags.torch_path).name, **more))
    with replacing(config_path) as temporary:
        config.save(temporary)
    return {
        "ckpt": str(target),
        "config": str(config_path),
        "tensors": len(converted),
        "left_out": len(unused) + sum(name.endswith("num_batches_tracked") for name in tensors),
        "unused": unused,
        "binary_form": config.binary_form,
        **more,
    }


if __name__ == "__main__":
    run(main)
