# SPDX-License-Identifier: Apache-2.0
r"""What each part of AdaBin contributes: the same training with one part replaced at a time, over several seeds.

    python benchmarks/ablation.py --output_path results_of_mine --data_path DIR --epochs=10 --seeds 1,2
    python benchmarks/ablation.py --config_path config/ssd300_vgg16_scenes.yaml --seeds 1 \
        --variants adabin,fixed_sets,float

Every training is the recipe (--config_path) with the variant's keys; any config key is a flag and holds for all.
Stopped at any moment, the same command goes on. Writes results.csv and results.md after every training; the last line
on standard output is JSON.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.effect import missing_need, refuse_without_effect
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder
from benchmarks.trainings import ROOT, parse_seeds, result_row, train, write_results

RECIPE = ROOT / "config" / "resnet20_cifar10.yaml"
# Variant: (what the table says, keys over the recipe).
VARIANTS = {
    "adabin": ("adaptive sets, equalized weights, Maxout, progressive k and t", {}),
    "fixed_sets": ("weights and activations in {-1, +1}", {"weight_set": "fixed", "activation_set": "fixed"}),
    "fixed_activations": ("activations in {-1, +1}", {"activation_set": "fixed"}),
    "no_center": ("activations in {-alpha, +alpha}", {"activation_set": "scale"}),
    "no_equalization": ("weights in {-mean of magnitudes, +mean of magnitudes}", {"weight_set": "scale"}),
    "relu": ("ReLU in place of Maxout", {"nonlinearity": "relu"}),
    "prelu": ("PReLU in place of Maxout", {"nonlinearity": "prelu"}),
    "fixed_k_t": ("k = 10, t = 0.1 throughout", {"estimator_progressive": False}),
    "float": ("the float twin: nothing binarized", {"w_bits": 32, "a_bits": 32}),
}


def add_flags(parser):
    parser.add_argument("--config_path", default=str(RECIPE), help="recipe [%(default)s]")
    parser.add_argument("--seeds", default="1,2", metavar="LIST", help="seeds [%(default)s]")
    parser.add_argument("--variants", default=",".join(VARIANTS), metavar="LIST", help="some of [%(default)s]")


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    seeds, names = parse_seeds(flags.seeds), flags.variants.split(",")
    for name in names:
        if name not in VARIANTS:
            raise UserError(f"--variants {name}: is unknown; choose from {', '.join(VARIANTS)}")
    for key in ("seed", *dict.fromkeys(key for _, keys in VARIANTS.values() for key in keys)):
        if key in overrides:
            raise UserError(f"--{key}: is what the variants and seeds differ in; leave it out")
    folder = make_folder(overrides.pop("output_path", "outputs/ablation"), "--output_path")
    # Mistakes show before the first training.
    refuse_without_effect(overrides, read_config(flags.config_path, overrides))
    rows = []
    for seed in seeds:  # a seed of all variants first: comparable results early
        for name in names:
            log(f"==> {name}, seed {seed}")
            config = read_config(flags.config_path, overrides | VARIANTS[name][1])
            # A variant may leave a flag without effect, such as the first t where t is fixed.
            given = {key: value for key, value in overrides.items() if not missing_need(key, [config])}
            keys = given | VARIANTS[name][1] | {"seed": seed}
            rows.append(result_row(name, seed, train(folder / f"{name}_seed{seed}", flags.config_path, keys)))
            write_results(folder, rows, {name: VARIANTS[name][0] for name in names})
    return {"results": str(folder / "results.csv"), "trainings": len(rows)}


if __name__ == "__main__":
    run(main)
