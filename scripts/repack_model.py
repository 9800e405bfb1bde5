# SPDX-License-Identifier: Apache-2.0
"""Pack a model of models/ again after a change of the packed file's format: new packed file, description and card.

    bash ascend310_infer/build.sh
    python scripts/repack_model.py --target models/resnet20_cifar10

Exports the checkpoint that lies there and packs it. What was measured stays: run tests/test_published_model.py with the
data, which holds the card to the files. The last line on standard output is JSON.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and says how where packages are missing

# isort: split
import export
from adabin.utils.cli import run
from adabin.utils.config import parse_flags
from adabin.utils.errors import RunError, UserError
from adabin.utils.files import replacing
from scripts.model_card import card_text
from scripts.model_facts import file_facts
from scripts.publish_model import PACKER, pack


def add_flags(parser):
    parser.add_argument("--target", required=True, metavar="DIR", help="folder of the model, models/<name>")


def main(argv):
    flags, _ = parse_flags(__doc__, argv, add_flags, with_config_keys=False)
    target = Path(flags.target)
    if not (target / "card.json").is_file():
        raise UserError(f"--target {target}: has no card.json; scripts/publish_model.py makes such folders")
    if not PACKER.is_file():
        raise UserError(f"{PACKER}: is not built; bash ascend310_infer/build.sh makes it")
    card = json.loads((target / "card.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="adabin-repack-") as work:
        mindir = Path(work, f"{card['network']}.mindir")
        ckpt = target / f"{card['network']}.ckpt"
        export.main(["--ckpt_path", str(ckpt), "--file_name", str(mindir), "--check_images=0"])
        packed = pack(mindir, mindir.with_suffix(".adabin"))
        if packed["binary_layers"] != card["binary_layers"]:
            raise RunError(f"{packed['binary_layers']} of {card['binary_layers']} binary layers are packed")
        written = [mindir.with_suffix(suffix) for suffix in (".adabin", ".yaml")]
        card["files"] |= file_facts(written, [])
        Path(work, "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        Path(work, "README.md").write_text(card_text(card), encoding="utf-8")
        for path in (*written, Path(work, "card.json"), Path(work, "README.md")):
            with replacing(target / path.name) as temporary:
                shutil.copyfile(path, temporary)
    return {"target": str(target), "packed_bytes": packed["packed_bytes"]}


if __name__ == "__main__":
    run(main)
