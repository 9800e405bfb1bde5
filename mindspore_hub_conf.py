# SPDX-License-Identifier: Apache-2.0
"""Entry point of MindSpore Hub: `create_network` gives a network by name, for a checkpoint to be loaded into.

network = create_network("resnet20_cifar10", binary_form="released")
ms.load_param_into_net(network, ms.load_checkpoint("best.ckpt"))

It returns the estimator's k and t of every binary layer as not loaded: they follow the epoch and are in no checkpoint.
They have to be Parameters all the same, because a compiled training step takes new values of nothing else.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # Hub imports this file by its path

import src  # noqa: E402, F401 - before MindSpore: prepares the CPU settings
from adabin.models import MODELS, build_model  # noqa: E402
from adabin.utils.config import nearest, read_config  # noqa: E402
from adabin.utils.errors import UserError  # noqa: E402


def create_network(name, num_classes=None, **keys):
    """Untrained network, as Hub's convention wants it.

    Args:
        name (str): a recipe of config/ without `.yaml`, such as "resnet20_cifar10", or a network of base.yaml.
        num_classes (int): the recipe's when not given.
        keys: any key of config/base.yaml, such as binary_form="released" or w_bits=32.

    Returns:
        Cell in inference mode: images float32 (B, 3, H, W) -> logits (B, num_classes).

    Raises:
        UserError: unknown name, key or value.
    """
    recipes = {path.stem: path for path in (ROOT / "config").glob("*_*.yaml")}
    if name not in recipes and name not in MODELS:
        known = [*MODELS, *sorted(recipes)]
        raise UserError(f"network {name!r} is unknown{nearest(str(name), known)}; use one of {', '.join(known)}")
    if name in MODELS:
        keys["network"] = name
    if num_classes is not None:
        keys["num_classes"] = num_classes
    return build_model(read_config(recipes.get(name), keys)).set_train(False)
