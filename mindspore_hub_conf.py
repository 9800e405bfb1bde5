# SPDX-License-Identifier: Apache-2.0
"""Entry point of MindSpore Hub: `create_network` gives a network by name, with the weights of a checkpoint.

network = create_network("resnet20_cifar10", checkpoint="converted/resnet20.ckpt")

What the checkpoint says of its network counts: the authors' computes with another form of the activation set than the
recipe, and its tensors fit either. `ms.load_param_into_net` looks at names and shapes alone: it loads it without a word
into a network that then answers wrongly.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # Hub imports this file by its path

import src  # noqa: E402, F401 - before MindSpore: prepares the CPU settings
from adabin.models import MODELS, build_model  # noqa: E402
from adabin.utils.checkpoint import DESCRIBED_KEYS, load_network, read_checkpoint  # noqa: E402
from adabin.utils.config import checked_value, nearest, read_config  # noqa: E402
from adabin.utils.errors import UserError  # noqa: E402


def create_network(name, num_classes=None, checkpoint=None, **keys):
    """Network as Hub's convention wants it: untrained, or with the weights of a checkpoint.

    Args:
        name (str): a recipe of config/ without `.yaml`, such as "resnet20_cifar10", or a network of base.yaml.
        num_classes (int): the checkpoint's, else the recipe's when not given.
        checkpoint: file of train.py or of the converter. Where the recipe differs from its description (classes, form,
            sets, bits, nonlinearity) the description holds.
        keys: any key of config/base.yaml, such as binary_form="released" or w_bits=32.

    Returns:
        Cell in inference mode: images float32 (B, 3, H, W) -> logits (B, num_classes).

    Raises:
        UserError: unknown name, key or value; a checkpoint that is unreadable, without a description, or that
            contradicts the network or data set of the name or a key.
    """
    recipes = {path.stem: path for path in (ROOT / "config").glob("*_*.yaml")}
    if not isinstance(name, str) or name not in {*recipes, *MODELS}:
        known = [*MODELS, *sorted(recipes)]
        raise UserError(f"network {name!r} is unknown{nearest(str(name), known)}; use one of {', '.join(known)}")
    if name in MODELS:
        keys["network"] = name
    if num_classes is not None:
        keys["num_classes"] = num_classes
    config = read_config(recipes.get(name), keys)
    if checkpoint is None:
        return build_model(config).set_train(False)
    named = ("network", "dataset") if name in recipes else ()
    config = read_config(recipes.get(name), keys | _described(checkpoint, {*keys, *named}, config))
    network = build_model(config)
    load_network(checkpoint, network, config)
    return network.set_train(False)


def _described(checkpoint, given, config):
    """What a checkpoint says of its network, after no key that was given was found to contradict it."""
    metadata = read_checkpoint(checkpoint)[0] or {}
    if not set(DESCRIBED_KEYS) <= metadata.keys():
        raise UserError(
            f"{checkpoint}: does not say which network it holds; give a checkpoint of train.py or of "
            "scripts/convert_torch_checkpoint.py"
        )
    found = {key: checked_value(key, metadata[key], checkpoint) for key in DESCRIBED_KEYS}
    for key in given:
        if key in found and found[key] != getattr(config, key):
            raise UserError(
                f"{checkpoint}: was made with {key}={found[key]}, but {key}={getattr(config, key)} is given, by itself "
                "or by the name; leave it out, or give the name of the checkpoint's network"
            )
    return found
