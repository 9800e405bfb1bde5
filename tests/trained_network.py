# SPDX-License-Identifier: Apache-2.0
"""Hold a trained network to what is promised of every export, on real images.

    python -m tests.trained_network --ckpt_path outputs/.../best.ckpt --data_path DIR [--layer_images 4] [--images 500]

Exports MindIR and ONNX, packs, and compares with MindSpore's deploy form: every binary layer in C++ on MindSpore's own
input (equal bits, outputs within 1e-5 of the layer's largest), the whole network in C++ from the packed file, and in
ONNX Runtime. The last line is JSON; where a layer differs it is within an error, with status 1.
"""

import src  # noqa: F401 - makes adabin importable

# isort: split
import json
import tempfile
from pathlib import Path

import numpy as np

from adabin.data.subset import first_images
from adabin.deploy import to_deploy
from adabin.inference import CellModel, outputs_of
from adabin.opening import choose_checkpoint, open_checkpoint
from adabin.utils.cli import run
from adabin.utils.config import parse_flags
from adabin.utils.errors import RunError
from tests import cpp
from tests.golden.make_golden import record_layers
from tests.test_cpp_networks import run_onnx, write_both

# Of the largest logit. A rounding that differs flips a bit now and then, so whole networks are held to their decisions;
# where no bit flips, logits differ by less than this.
SMALL = 1e-4


def add_flags(parser):
    parser.add_argument("--ckpt_path", metavar="F.ckpt", help="checkpoint [best one of the newest run in outputs/]")
    parser.add_argument("--config_path", metavar="F.yaml", help="config [config.yaml beside the checkpoint]")
    parser.add_argument("--layer_images", type=int, default=4, metavar="N", help="images for the layers [4]")
    parser.add_argument("--images", type=int, default=500, metavar="N", help="images for the whole network [500]")


def compare(logits, expected):
    """Agreement of two arrays of logits."""
    differences = np.abs(logits - expected).max(axis=1) / np.abs(expected).max()
    return {
        "equal_decisions": float(np.mean(logits.argmax(1) == expected.argmax(1))),
        "share_of_images_within_1e-4": float(np.mean(differences <= SMALL)),
    }


def main(argv):
    import mindspore as ms  # after src, which prepares the environment

    flags, overrides = parse_flags(__doc__, argv, add_flags)
    path = choose_checkpoint(flags.ckpt_path, overrides)
    opened = open_checkpoint(path, flags.config_path, overrides, split="test")
    config = opened.config
    images = first_images(opened.data, flags.images)
    deployed = to_deploy(opened.network)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_both(deployed, folder, (1, *images.shape[1:]))
        packed = cpp.run("adabin_pack", "--model", folder / "net.mindir", "--output", folder / "net.adabin")
        (expected,) = outputs_of(CellModel(deployed, 50), images, 50)
        logits, inferred = cpp.infer(folder / "net.adabin", images, folder / "cpp", "--threads", 2)
        onnx = np.concatenate([run_onnx(folder / "net.onnx", image[None]) for image in images[:100]])
        ms.set_context(mode=ms.PYNATIVE_MODE)
        records = record_layers(deployed, images[: flags.layer_images])
        differences = cpp.layer_differences(folder / "net.adabin", records, folder)
    assert inferred["binary_layers"] == inferred["binary_layers_packed"] == len(records)
    result = {
        "network": config.network,
        "ckpt": str(path),
        "images": len(images),
        "binary_layers": len(records),
        "binary_layers_packed": inferred["binary_layers_packed"],
        "bits_compared": int(sum(bits.size for _, bits, _ in records)),
        "bits_different": sum(bits for bits, _ in differences),
        "largest_difference_of_outputs": max(difference for _, difference in differences),
        "packed_bytes": packed["packed_bytes"],
        "cpp": compare(logits, expected),
        "onnxruntime": compare(onnx, expected[: len(onnx)]),
    }
    if result["bits_different"] or result["largest_difference_of_outputs"] > cpp.OUTPUTS_WITHIN:
        raise RunError(f"a binary layer computes something else in C++: {json.dumps(result)}")
    return result


if __name__ == "__main__":
    run(main)
