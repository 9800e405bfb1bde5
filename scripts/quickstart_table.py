# SPDX-License-Identifier: Apache-2.0
"""The table at the end of quickstart.sh, made from the JSON lines that its steps left.

python scripts/quickstart_table.py WORK_FOLDER RUN_FOLDER SECONDS
"""

import json
import sys
from pathlib import Path


def main(work, run, seconds):
    """Print the table; a binary layer that did not run packed is an error."""
    work, run = Path(work), Path(run)
    result = {path.stem: json.loads(path.read_text()) for path in work.glob("*.json")}
    expected = result["export"]["binary_layers"]
    if result["infer"]["binary_layers_packed"] != expected:
        sys.exit(f"quickstart: {result['infer']['binary_layers_packed']} of {expected} binary layers ran packed in C++")
    packed, as_float = result["latency_auto"], result["latency_float"]
    sizes = {name: (run / name).stat().st_size for name in ("best.ckpt", "resnet20.mindir", "resnet20.adabin")}
    smaller = sizes["best.ckpt"] / sizes["resnet20.adabin"]
    faster = as_float["latency_ms_median"] / packed["latency_ms_median"]
    layers = f"{result['infer']['binary_layers_packed']} of {expected}"
    rows = [
        ("accuracy in MindSpore", f"{100 * result['eval']['top1']:.2f} % of {result['eval']['images']} test images"),
        ("accuracy in C++, bit-packed", f"{100 * result['cpp']['top1']:.2f} %, {layers} binary layers packed"),
        ("checkpoint, float32", f"{sizes['best.ckpt']:,} bytes   {run / 'best.ckpt'}"),
        ("MindIR", f"{sizes['resnet20.mindir']:,} bytes   {run / 'resnet20.mindir'}"),
        ("packed", f"{sizes['resnet20.adabin']:,} bytes ({smaller:.0f}x smaller)   {run / 'resnet20.adabin'}"),
        ("latency in C++, float", f"{as_float['latency_ms_median']:.2f} ms per image, one thread"),
        (
            "latency in C++, packed",
            f"{packed['latency_ms_median']:.2f} ms ({faster:.1f}x faster), {packed['kernel']} kernel",
        ),
        ("curves, metrics, log", f"{run / 'curves.png'}, metrics.csv, train.log"),
        ("time without set-up", f"{seconds} s"),
    ]
    width = max(len(name) for name, _ in rows)
    print()
    for name, text in rows:
        print(f"{name:<{width}}   {text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
