# SPDX-License-Identifier: Apache-2.0
"""Health of a training: what the binary layers do, layer by layer and epoch by epoch (docs/health.md).

    python -m src.training.health --ckpt_path outputs/resnet20_shapes/20261120-101500/last.ckpt --output_path pictures

draws a picture per binary layer: latent weights and input activations with their binary sets; and, where the run's
metrics.csv lies beside the checkpoint, a picture of its course. The last line on standard output is JSON.
"""

if __name__ == "__main__":  # above the other imports, which take seconds
    from src.utils import stopping

    stopping.install()

from pathlib import Path

import mindspore as ms
import numpy as np

from src.layers import AdaBinConv2d
from src.models import build_model
from src.utils.checkpoint import adopt_classes, load_network, network_parameters
from src.utils.cli import run
from src.utils.config import parse_flags
from src.utils.device import init_device
from src.utils.errors import UserError
from src.utils.files import make_folder

QUANTITIES = ("flips", "alpha", "beta", "saturation")
IMAGES = 32  # of the test split, whose activations are looked at


def binary_layers(network):
    """Name to `AdaBinConv2d` of the layers that binarize weights or input."""
    return {
        name: cell
        for name, cell in network.cells_and_names()
        if isinstance(cell, AdaBinConv2d) and (cell.binarizes_weight or cell.binarizes_input)
    }


def weight_bits(layer):
    """Signs of a layer's binary weights: bool (C_out, N), True for the upper value of the channel's set."""
    flat = layer.weight.asnumpy().reshape(layer.weight.shape[0], -1)
    centered = layer.settings.weight_set == "adabin"
    return flat >= (flat.mean(axis=1, keepdims=True, dtype=np.float64) if centered else 0)


def layer_inputs(network, images):
    """Run a network on images, operator by operator.

    Args:
        network (Cell): is used in inference mode.
        images (Tensor): float32 (n, 3, H, W).

    Returns:
        dict: name of each layer that binarizes its input to that input, float32 (n, C, H, W).
    """
    found, handles = {}, []

    def recorder(name):
        def record(cell, inputs):
            found[name] = inputs[0].asnumpy()

        return record

    for name, layer in binary_layers(network).items():
        if layer.binarizes_input:
            handles.append(layer.register_forward_pre_hook(recorder(name)))
    before = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)  # compiled networks call no hooks
    try:
        network.set_train(False)(images)
    finally:
        ms.set_context(mode=before)
        for handle in handles:
            handle.remove()
    return found


def saturation(x, alpha, beta):
    """Share of |x - beta| > |alpha|: where the polynomial estimator passes no gradient."""
    return float(np.mean(np.abs(x - beta) > abs(alpha)))


def first_images(data, count):
    """The first test images (of this process's part), normalized: Tensor (n, 3, H, W), n at most `count`."""
    found = []
    for images, _ in data.batches(0):
        found.append(images.asnumpy())
        if sum(map(len, found)) >= count:
            break
    return ms.Tensor(np.concatenate(found)[:count])


class HealthRecord:
    """Health of every binary layer, measured once per epoch for metrics.csv.

    flips: share of the binary weights whose sign changed since the last look. alpha, beta: of the activation set.
    saturation: of the activations of the first `IMAGES` test images, in inference.

    Args:
        network (Cell): the one that is trained; it is only read.
        test_data (ImageDataset): test split.
        config (Config): of the run; a second network is built from it to look into, so that the compiled one stays.
    """

    def __init__(self, network, test_data, config):
        self.network, self.probe = network, build_model(config)
        self.layers = binary_layers(self.probe)
        if self.layers:
            self.images = first_images(test_data, IMAGES)
            self.bits = self._bits()

    def _bits(self):
        """Signs of the binary weights of each layer, as they are now."""
        own = network_parameters(self.network)
        for name, parameter in network_parameters(self.probe).items():
            parameter.set_data(ms.Tensor(own[name].asnumpy()))
        return {name: weight_bits(layer) for name, layer in self.layers.items() if layer.binarizes_weight}

    def measure(self):
        """Columns of metrics.csv, such as `flips/layer1.0.conv1`, to their values as text.

        A layer has no flips where its weights are float, none of the others where its input is; a float network has
        no column at all.
        """
        if not self.layers:
            return {}
        before, self.bits = self.bits, self._bits()
        inputs = layer_inputs(self.probe, self.images)
        found = {}
        for name, layer in self.layers.items():
            if layer.binarizes_weight:
                found["flips", name] = f"{np.mean(before[name] != self.bits[name]):.6f}"
            if layer.binarizes_input:
                alpha, beta = (float(p.asnumpy()) for p in (layer.binary_a.alpha_a, layer.binary_a.beta_a))
                found["alpha", name], found["beta", name] = f"{alpha:.6g}", f"{beta:.6g}"
                found["saturation", name] = f"{saturation(inputs[name], alpha, beta):.6f}"
        keys = [(quantity, name) for quantity in QUANTITIES for name in self.layers]
        return {f"{quantity}/{name}": found[quantity, name] for quantity, name in keys if (quantity, name) in found}


def add_flags(parser):
    """The program's own flags."""
    parser.add_argument("--ckpt_path", metavar="F.ckpt", help="checkpoint [best one of the newest run in outputs/]")
    parser.add_argument("--config_path", metavar="F.yaml", help="config [config.yaml beside the checkpoint]")
    parser.add_argument("--layer", metavar="NAME", help="draw this layer alone, such as layer1.0.conv1")
    parser.add_argument("--force", action="store_true", help="replace existing pictures")


def main(argv):
    """Draw the pictures; returns what was drawn."""
    from src.data import build_dataset, settle_classes
    from src.training.health_pictures import draw_course, draw_layer, read_course
    from src.training.run_folder import choose_checkpoint, config_beside

    flags, overrides = parse_flags(__doc__, argv, add_flags)
    target = Path(overrides.pop("output_path", "outputs/health"))
    ckpt_path = choose_checkpoint(flags.ckpt_path, overrides)
    config = config_beside(ckpt_path, flags.config_path, overrides)
    init_device(config)
    adopt_classes(config, ckpt_path)
    network = build_model(config)
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
    load_network(ckpt_path, network, config)
    data = build_dataset(config, "test")
    settle_classes(config, data)
    inputs = layer_inputs(network, first_images(data, IMAGES))
    for name in names:
        draw_layer(paths[name], name, layers[name], inputs.get(name))
    if "course" in paths:
        draw_course(paths["course"], course)
    return {"ckpt": str(ckpt_path), "pictures": str(target), "layers": len(names), "course": "course" in paths}


if __name__ == "__main__":
    run(main)
