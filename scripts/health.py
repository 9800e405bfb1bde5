# SPDX-License-Identifier: Apache-2.0
"""Draw the health of a training: what its binary layers do (docs/health.md).

    python scripts/health.py --ckpt_path outputs/resnet20_shapes/20261120-101500/last.ckpt --output_path pictures

draws a picture per binary layer: latent weights and input activations with their binary sets; and, where the run's
metrics.csv lies beside the checkpoint, a picture of its course. The last line on standard output is JSON.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.utils import stopping

    stopping.install()

import mindspore as ms

from adabin.data.subset import first_images
from adabin.opening import choose_checkpoint, open_checkpoint
from adabin.training.health import IMAGES, binary_layers, layer_inputs
from adabin.training.health_pictures import draw_course, draw_layer, read_course
from adabin.utils.cli import run
from adabin.utils.config import parse_flags
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder
from adabin.utils.key import ON_TESTS


def add_flags(parser):
    parser.add_argument("--ckpt_path", metavar="F.ckpt", help="checkpoint [best one of the newest run in outputs/]")
    parser.add_argument("--config_path", metavar="F.yaml", help="config [config.yaml beside the checkpoint]")
    parser.add_argument("--layer", metavar="NAME", help="draw this layer alone, such as layer1.0.conv1")
    parser.add_argument("--force", action="store_true", help="replace existing pictures")


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags, uses=ON_TESTS)
    target = Path(overrides.pop("output_path", "outputs/health"))
    ckpt_path = choose_checkpoint(flags.ckpt_path, overrides)
    opened = open_checkpoint(ckpt_path, flags.config_path, overrides, split="test")
    config, network = opened.config, opened.network
    layers = binary_layers(network)
    if not layers:
        raise UserError(f"--ckpt_path {ckpt_path}: holds a float network; there are no binary sets to draw")
    if flags.layer and flags.layer not in layers:
        raise UserError(
            f"--layer {flags.layer}: is no binary layer of {config.network}; choose from {', '.join(layers)}"
        )
    names = [flags.layer] if flags.layer else list(layers)
    paths = {name: target / f"{name}.png" for name in names}
    record = Path(ckpt_path).with_name("metrics.csv")
    course = {} if flags.layer or not record.is_file() else read_course(record)
    if course:
        paths["course"] = target / "course.png"
    for path in paths.values():
        if path.exists() and not flags.force:
            raise UserError(f"{path}: exists already; give a new folder with --output_path, or replace it with --force")
    make_folder(target, "--output_path")
    inputs = layer_inputs(network, ms.Tensor(first_images(opened.data, IMAGES)))
    for name in names:
        draw_layer(paths[name], name, layers[name], inputs.get(name))
    if "course" in paths:
        draw_course(paths["course"], course)
    return {"ckpt": str(ckpt_path), "pictures": str(target), "layers": len(names), "course": "course" in paths}


if __name__ == "__main__":
    run(main)
