# SPDX-License-Identifier: Apache-2.0
"""The objects of VOC2007's boxes as a folder of pictures per class: a small real data set for `image_folder`.

python benchmarks/voc_objects.py --voc_path VOCdevkit/VOC2007 --output_path DIR
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and says how where packages are missing

# isort: split
import cv2  # noqa: E402

from adabin.utils.cli import run  # noqa: E402
from adabin.utils.config import parse_flags  # noqa: E402
from adabin.utils.errors import UserError  # noqa: E402
from adabin.utils.files import make_folder  # noqa: E402

CLASSES = ("aeroplane", "car", "cat", "person")
SMALLEST, MOST = 40, 150  # pixels of the shorter side; pictures of a class


def add_flags(parser):
    parser.add_argument("--voc_path", required=True, metavar="DIR", help="folder with Annotations/ and JPEGImages/")
    parser.add_argument("--output_path", required=True, metavar="DIR", help="new folder to write to")


def boxes(annotation):
    """(number, class, box) of the objects of an annotation that are large enough and not marked difficult."""
    for number, thing in enumerate(ET.parse(annotation).getroot().iter("object")):
        sides = [int(float(thing.find("bndbox").findtext(name))) for name in ("xmin", "ymin", "xmax", "ymax")]
        large = min(sides[2] - sides[0], sides[3] - sides[1]) >= SMALLEST
        if thing.findtext("name") in CLASSES and large and thing.findtext("difficult", "0") == "0":
            yield number, thing.findtext("name"), sides


def main(argv):
    flags, _ = parse_flags(__doc__, argv, add_flags, with_config_keys=False)
    voc, out = Path(flags.voc_path), Path(flags.output_path)
    if out.exists():
        raise UserError(f"--output_path {out}: exists already; give a new folder")
    counts = dict.fromkeys(CLASSES, 0)
    for annotation in sorted((voc / "Annotations").glob("*.xml")):
        picture = cv2.imread(str(voc / "JPEGImages" / f"{annotation.stem}.jpg"))
        for number, name, (left, top, right, bottom) in boxes(annotation) if picture is not None else ():
            if counts[name] < MOST:
                folder = make_folder(out / name, "--output_path")
                cv2.imwrite(str(folder / f"{annotation.stem}_{number}.jpg"), picture[top:bottom, left:right])
                counts[name] += 1
    return {"folder": str(out), "pictures": counts}


if __name__ == "__main__":
    run(main)
