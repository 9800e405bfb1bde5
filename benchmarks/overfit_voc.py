# SPDX-License-Identifier: Apache-2.0
"""Whether a detector learns some pictures by heart: if readers, targets, loss, decoding and metric agree, it does.

    python benchmarks/overfit_voc.py --data_path VOCdevkit/VOC2007 --output_path DIR

Trains a narrow SSD300-AdaBin on the first 40 pictures of an image set, without augmentation, an epoch showing each ten
times, and evaluates on those same 40. Any config key is a flag. Stopped at any moment, the same command goes on. The
last line on standard output is JSON: mAP of the last and of the best epoch.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and says how where packages are missing

# isort: split
from adabin.utils.cli import run  # noqa: E402
from adabin.utils.config import parse_flags  # noqa: E402
from adabin.utils.errors import UserError  # noqa: E402
from adabin.utils.files import make_folder  # noqa: E402
from benchmarks.trainings import ROOT, train  # noqa: E402

RECIPE = ROOT / "config" / "ssd300_vgg16_voc_folder.yaml"
KEYS = {
    "width": 0.25, "augment": False, "epochs": 20, "batch_size": 8, "eval_batch_size": 8, "lr": 1e-3, "num_workers": 1,
    "check_pictures": False, "train_sets": ["train"], "test_sets": ["test"],
}  # fmt: skip


def add_flags(parser):
    parser.add_argument("--data_path", required=True, metavar="DIR", help="a year's folder, with JPEGImages/")
    parser.add_argument("--image_set", default="trainval", metavar="NAME", help="in ImageSets/Main [%(default)s]")
    parser.add_argument("--pictures", type=int, default=40, metavar="N", help="how many [%(default)s]")
    parser.add_argument("--repeats", type=int, default=10, metavar="N", help="of each in an epoch [%(default)s]")


def link_pictures(voc, image_set, count, repeats, folder):
    """A folder in VOC's layout: the first pictures of a set once in its test set, several times in its training set."""
    listed = voc / "ImageSets" / "Main" / f"{image_set}.txt"
    if not listed.is_file():
        raise UserError(
            f"--data_path {voc}: has no {listed.relative_to(voc)}; give the folder of a year, such as VOC2007"
        )
    names = listed.read_text(encoding="utf-8").split()[:count]
    for kind, suffix in (("Annotations", "xml"), ("JPEGImages", "jpg")):
        for name in names:
            for turn in range(repeats):
                link = make_folder(folder / kind, "--output_path") / f"{name}_{turn}.{suffix}"
                if not link.is_symlink():
                    link.symlink_to((voc / kind / f"{name}.{suffix}").resolve())
    sets = make_folder(folder / "ImageSets" / "Main", "--output_path")
    every = [f"{name}_{turn}\n" for name in names for turn in range(repeats)]
    (sets / "train.txt").write_text("".join(every), encoding="utf-8")
    (sets / "test.txt").write_text("".join(every[::repeats]), encoding="utf-8")
    return folder


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags)
    if flags.pictures < 1 or flags.repeats < 1:
        raise UserError("--pictures and --repeats take 1 or more")
    folder = make_folder(overrides.pop("output_path", "outputs/overfit_voc"), "--output_path")
    pictures = link_pictures(Path(flags.data_path), flags.image_set, flags.pictures, flags.repeats, folder / "pictures")
    return train(folder / "training", RECIPE, {**KEYS, **overrides, "data_path": str(pictures)})


if __name__ == "__main__":
    run(main)
