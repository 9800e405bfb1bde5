# SPDX-License-Identifier: Apache-2.0
"""Make a folder of models/ from a run: checkpoint, packed file, their descriptions, curve, and a card with all numbers.

    bash ascend310_infer/build.sh
    python scripts/publish_model.py --run outputs/resnet20_cifar10/20261120-101500 --commit a634fb3 --data_path DIR \\
        --target models/resnet20_cifar10 --note "shared with other work" --readme_path README.md --force

Evaluates on all test images in MindSpore and in C++, and runs the pictures in TARGET/pictures. What was found goes into
card.json, and from there into the card, README.md, and with --readme_path into the places of the project's README that
are for it. Nothing in the files names a folder of this machine. The last line on standard output is JSON.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and says how where packages are missing

# isort: split
import numpy as np

import eval as evaluation
import export
from adabin.data import build_dataset
from adabin.engine import EngineModel
from adabin.engine.library import LIBRARY
from adabin.inference import CellModel
from adabin.models import build_model
from adabin.opening import open_checkpoint
from adabin.predict import find_pictures, predict_files
from adabin.summary import summarize, totals
from adabin.tasks import build_task
from adabin.utils.checkpoint import describe, load_network, save_checkpoint
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.device import describe_device, environment_for_other_programs, init_device
from adabin.utils.errors import RunError, UserError
from adabin.utils.files import make_folder, replacing
from scripts.model_card import card_text, readme_with
from scripts.model_facts import commit_facts, file_facts, run_facts

PACKER = LIBRARY.with_name("adabin_pack")
OF_THIS_MACHINE = {"data_path": "", "output_path": "outputs", "label_file": ""}


def add_flags(parser):
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder of a training that has ended")
    parser.add_argument("--commit", required=True, help="that the training was started from")
    parser.add_argument("--data_path", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--target", required=True, metavar="DIR", help="folder to write to, models/<name>")
    parser.add_argument("--note", default="", metavar="TEXT", help="what else the card says of the training's cost")
    parser.add_argument("--readme_path", metavar="F.md", help="the project's README, to be brought up to date")
    parser.add_argument("--unfinished", action="store_true", help="also a run that has not ended; the card says so")
    parser.add_argument("--force", action="store_true", help="replace the files of an earlier call")


def check(flags):
    """Whether all is there; nothing has been done before.

    Raises:
        UserError: no run folder, one of a training that started from another, no C++ programs, or the files exist.
    """
    folder = Path(flags.run)
    for name in ("best.ckpt", "config.yaml", "metrics.csv", "curves.png", "train.log"):
        if not (folder / name).is_file():
            raise UserError(f"--run {folder}: has no {name}; give a run folder that train.py made")
    config = read_config(folder / "config.yaml")
    if config.dataset != "cifar10" or config.pretrained or config.teacher or config.stages:
        raise UserError(
            f"--run {folder}: model_card.md speaks of one training on CIFAR-10 that begins with random weights; "
            "give a run of that kind, or write there what the card says of others"
        )
    for program in (LIBRARY, PACKER):
        if not program.is_file():
            raise UserError(f"the C++ program {program} is missing; build it with: bash ascend310_infer/build.sh")
    if (Path(flags.target) / "card.json").exists() and not flags.force:
        raise UserError(f"--target {flags.target}: holds a model; give another folder, or replace it with --force")
    return config


def write_checkpoint(run_folder, config, path, commit):
    """The run's best weights without what only a training needs, and the config beside them; returns their sizes."""
    init_device(config)
    network = build_model(config)
    metadata = load_network(run_folder / "best.ckpt", network, config)
    kept = {key: metadata[key] for key in ("epoch", "top1") if key in metadata}
    save_checkpoint(path, network, describe(config, **kept, commit=commit))
    config.save(path.with_name("config.yaml"), "# Config of the training, without the folders of its machine.\n")
    return totals(summarize(network, config.image_size))


def pack(mindir, path):
    """Write the packed file of a MindIR; returns what adabin_pack prints."""
    command = [str(PACKER), "--model", str(mindir), "--output", str(path)]
    ended = subprocess.run(command, env=environment_for_other_programs(), capture_output=True, text=True)
    if ended.returncode:
        raise RunError(f"{PACKER.name}: {ended.stderr.strip()}")
    return json.loads(ended.stdout)


def evaluate_both(ckpt, packed, config):
    """Accuracy on all test images of the checkpoint in MindSpore and of the packed file in C++."""
    expected_path = ckpt.with_name("logits.npy")
    flags = ("--ckpt_path", str(ckpt), "--data_path", config.data_path, "--logits_path", str(expected_path))
    in_mindspore = evaluation.main(list(flags))
    expected = np.load(expected_path)
    task = build_task(config)
    data = build_dataset(config, "test", task)
    images, labels = zip(*((x.asnumpy(), y.asnumpy()) for x, y in data.batches(0)), strict=True)
    labels = np.concatenate(labels)
    found = EngineModel(packed)(np.concatenate(images))
    metric = task.metric()
    metric.update(found, labels)
    in_cpp = metric.result([metric.state()])
    decisions, others = expected.argmax(1), task.decisions(found)
    right = {name: int(np.sum((decisions == c) & (labels == c))) for c, name in enumerate(config.class_names)}
    return {
        "images": len(labels),
        "mindspore": {key: in_mindspore[key] for key in ("top1", "loss")},
        "cpp": {key: in_cpp[key] for key in ("top1", "loss")},
        "device": describe_device(config),
        "date": time.strftime("%Y-%m-%d"),
        "equal_decisions": int(np.sum(decisions == others)),
        "right_by_class": right,
        "images_by_class": {name: int(np.sum(labels == c)) for c, name in enumerate(config.class_names)},
    }


def try_pictures(ckpt, folder):
    """What the checkpoint says of the pictures that lie beside it: a list of file name and five best classes."""
    if not folder.is_dir():
        return []
    opened = open_checkpoint(ckpt)
    model = CellModel(opened.network)
    predictions, _ = predict_files(model, opened.task, opened.config, find_pictures([folder])[0], "", False)
    return [{"image": Path(prediction["image"]).name, "top5": prediction["top5"]} for prediction in predictions]


def main(argv):
    flags, _ = parse_flags(__doc__, argv, add_flags, with_config_keys=False)
    config = check(flags)
    training = run_facts(Path(flags.run), config, flags.unfinished) | commit_facts(flags.commit) | {"note": flags.note}
    target = make_folder(flags.target, "--target")
    config = config.changed(**OF_THIS_MACHINE)
    with tempfile.TemporaryDirectory(prefix="adabin-publish-") as work:
        ckpt = Path(work, f"{config.network}.ckpt")
        sizes = write_checkpoint(Path(flags.run), config, ckpt, training["commit"])
        config = config.changed(data_path=flags.data_path)
        log("exporting and packing")
        mindir, packed = ckpt.with_suffix(".mindir"), ckpt.with_suffix(".adabin")
        exported = export.main(["--ckpt_path", str(ckpt), "--file_name", str(mindir), "--data_path", flags.data_path])
        layers = pack(mindir, packed)["binary_layers"]
        if layers != exported["binary_layers"]:
            raise RunError(f"{layers} of {exported['binary_layers']} binary layers are packed")
        log("evaluating in MindSpore and in C++")
        card = {
            "name": target.resolve().name,
            **{key: getattr(config, key) for key in ("network", "dataset", "class_names", "image_size", "binary_form")},
            "binary_layers": layers,
            "parameters": sizes["params"],
            "binary_parameters": sizes["binary_weights"],
            "training": training,
            "evaluation": evaluate_both(ckpt, packed, config),
            "pictures": try_pictures(ckpt, target / "pictures"),
        }
        for name in ("metrics.csv", "curves.png"):
            shutil.copy(Path(flags.run, name), work)
        names = (ckpt.name, packed.name, ckpt.with_suffix(".yaml").name, "config.yaml", "metrics.csv", "curves.png")
        card["files"] = file_facts([Path(work, name) for name in names], sorted((target / "pictures").glob("*.png")))
        Path(work, "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        Path(work, "README.md").write_text(card_text(card), encoding="utf-8")
        for name in (*names, "card.json", "README.md"):
            with replacing(target / name) as temporary:
                shutil.copyfile(Path(work, name), temporary)
    if flags.readme_path:
        readme = Path(flags.readme_path)
        text = readme_with(card, readme.read_text(encoding="utf-8"), readme)
        with replacing(readme) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return {"target": str(target), **{key: card["evaluation"][key] for key in ("images", "mindspore", "cpp")}}


if __name__ == "__main__":
    run(main)
