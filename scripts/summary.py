# SPDX-License-Identifier: Apache-2.0
"""Count a network's bits and operations, layer by layer; adabin.summary says what is counted.

    python scripts/summary.py --config_path config/resnet18_imagenet.yaml

The last line on standard output is JSON.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.utils import stopping

    stopping.install()

from adabin.models import build_model
from adabin.summary import COLUMNS, full_precision_layers, summarize, totals
from adabin.utils.cli import run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.device import init_device
from adabin.utils.key import DEVICE, NETWORK

TITLES = ("1-bit", "32-bit", "bytes packed", "bytes float", "BOPs", "FLOPs", "OPs")


def print_table(layers, kept):
    """Rows for people: each layer, the sum, and what stays in full precision."""
    rows = [("layer", "kind", "output", *TITLES)]
    for layer in layers:
        numbers = (f"{getattr(layer, column):,.0f}" for column in COLUMNS)
        rows.append((layer.name, layer.kind, "x".join(map(str, layer.output)), *numbers))
    rows.append(("total", "", "", *(f"{sum(getattr(layer, c) for layer in layers):,.0f}" for c in COLUMNS)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        texts = (c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        print("  ".join(texts).rstrip())
    print("full precision:")
    for name, why in kept.items():
        print(f"  {name}: {why}")
    print("  and every BatchNorm and nonlinearity")


def add_flags(parser):
    parser.add_argument("--config_path", default="config/resnet20_cifar10.yaml", help="recipe [%(default)s]")


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags, uses=(NETWORK, DEVICE))
    config = read_config(flags.config_path, overrides)
    init_device(config)
    network = build_model(config)
    layers = summarize(network, config.image_size)
    kept = full_precision_layers(network, layers)
    print_table(layers, kept)
    return {
        "network": config.network,
        "num_classes": config.num_classes,
        "image_size": config.image_size,
        "w_bits": config.w_bits,
        "a_bits": config.a_bits,
        **totals(layers),
        "full_precision": list(kept),
    }


if __name__ == "__main__":
    run(main)
