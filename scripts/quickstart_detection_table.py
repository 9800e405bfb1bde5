# SPDX-License-Identifier: Apache-2.0
"""The table at the end of quickstart_detection.sh, made from the JSON lines that its steps left.

python scripts/quickstart_detection_table.py WORK_FOLDER MODEL RUN_FOLDER SECONDS
"""

import json
import sys
from pathlib import Path


def main(work, model, run, seconds):
    """Print the table; a binary layer that did not run packed is an error.

    Args:
        work: folder with `json/`, `tests/` and `found/`.
        model: path of the published model, without suffix.
        run: folder of the training.
        seconds: that all has taken.
    """
    work, run = Path(work), Path(run)
    result = {path.stem: json.loads(path.read_text()) for path in (work / "json").glob("*.json")}
    packed, as_float = result["latency_auto"], result["latency_float"]
    layers = f"{packed['binary_layers_packed']} of {packed['binary_layers']}"
    if packed["binary_layers_packed"] != packed["binary_layers"] != 0:
        sys.exit(f"quickstart: {layers} binary layers ran packed in C++")
    sizes = {name: Path(f"{model}.{name}").stat().st_size for name in ("ckpt", "adabin")}
    smaller, faster = sizes["ckpt"] / sizes["adabin"], as_float["latency_ms_median"] / packed["latency_ms_median"]
    of = {name: f"mAP {100 * result[name]['map']:.2f} %" for name in ("eval", "cpp", "trained")}
    trained = result["train"]
    sections = {
        f"the detector that comes with the project, {model}": [
            ("in MindSpore", f"{of['eval']} on {result['eval']['images']} scenes, {result['eval']['objects']} objects"),
            ("in C++, bit-packed", f"{of['cpp']}, {layers} binary layers packed"),
            ("checkpoint, float32", f"{sizes['ckpt']:,} bytes"),
            ("packed", f"{sizes['adabin']:,} bytes ({smaller:.1f}x smaller)"),
            ("latency in C++, float", f"{as_float['latency_ms_median']:.1f} ms per picture, one thread"),
            (
                "latency in C++, packed",
                f"{packed['latency_ms_median']:.1f} ms ({faster:.1f}x faster), {packed['kernel']} kernel",
            ),
            ("new scenes with boxes", f"{work / 'found'}"),
            ("beside what is there", f"{work / 'tests'}"),
        ],
        f"the same, trained for {trained['epochs']} more epoch(s) just now, {run}": [
            ("in MindSpore", f"mAP {100 * trained['best_map']:.2f} %"),
            ("in C++, bit-packed", f"{of['trained']}"),
            ("curves, metrics, log", "curves.png, metrics.csv, train.log"),
        ],
    }
    width = max(len(name) for rows in sections.values() for name, _ in rows)
    for title, rows in sections.items():
        print(f"\n{title}")
        for name, text in rows:
            print(f"  {name:<{width}}   {text}")
    print(f"\n{seconds} s without set-up")


if __name__ == "__main__":
    main(*sys.argv[1:])
