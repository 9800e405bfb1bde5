# SPDX-License-Identifier: Apache-2.0
"""Make a folder of models/ from a run: checkpoint, packed file, their descriptions, curve, and a card with all numbers.

    bash ascend310_infer/build.sh
    python scripts/publish_model.py --run outputs/resnet20_cifar10/20261120-101500 --commit a634fb3 --data_path DIR \\
        --target models/resnet20_cifar10 --note "shared with other work" --readme_path README.md --force

Evaluates on all test images in MindSpore and in C++, and runs the pictures in TARGET/pictures; of a detector it draws
them first, and with what is found in them into TARGET/found. What was found goes into
card.json, and from there into the card, README.md, and with --readme_path into the places of the project's README that
are for it. Nothing in the files names a folder of this machine. The last line on standard output is JSON.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and says how where packages are missing

# isort: split
import export
from adabin.engine.library import LIBRARY
from adabin.models import build_model
from adabin.summary import summarize, totals
from adabin.tasks import TASKS
from adabin.utils.checkpoint import describe, load_network, save_checkpoint
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.device import environment_for_other_programs, init_device
from adabin.utils.errors import RunError, UserError
from adabin.utils.files import make_folder, replacing
from scripts.draw_scenes import draw
from scripts.model_card import card_text, readme_with
from scripts.model_facts import commit_facts, file_facts, run_facts
from scripts.model_trials import evaluate_both, try_pictures

PACKER = LIBRARY.with_name("adabin_pack")
SETS = {"cifar10": "classification", "scenes": "detection"}  # of which the cards speak
OF_THIS_MACHINE = {"pretrained": "", "data_path": "", "output_path": "outputs", "label_file": ""}


def add_flags(parser):
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder of a training that has ended")
    parser.add_argument("--commit", required=True, help="that the training was started from")
    parser.add_argument(
        "--from_run", metavar="DIR", help="run folder of the training whose best checkpoint this one started from"
    )
    parser.add_argument("--from_commit", metavar="C", help="that it was started from [that of --commit]")
    parser.add_argument("--data_path", default="", metavar="DIR", help="folder of the data set; scenes need none")
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
    if SETS.get(config.dataset) != config.task or config.teacher or config.stages:
        raise UserError(
            f"--run {folder}: a card speaks of a training on CIFAR-10, or of a detector on scenes, without a teacher; "
            "give a run of that kind, or write in scripts/ what a card says of others"
        )
    if bool(config.pretrained) != bool(flags.from_run):
        raise UserError(
            f"--run {folder}: started from {config.pretrained or 'random weights'}; give --from_run where it started "
            "from the best checkpoint of another run, and there alone"
        )
    if flags.from_run and read_config(Path(flags.from_run, "config.yaml")).pretrained:
        raise UserError(f"--from_run {flags.from_run}: started from a checkpoint, too; a card tells of two trainings")
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
    kept = {key: metadata[key] for key in ("epoch", TASKS[config.task].score) if key in metadata}
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


def main(argv):
    flags, _ = parse_flags(__doc__, argv, add_flags, with_config_keys=False)
    config = check(flags)
    training = run_facts(Path(flags.run), config, flags.unfinished) | commit_facts(flags.commit) | {"note": flags.note}
    if flags.from_run:
        before = Path(flags.from_run)
        first = run_facts(before, read_config(before / "config.yaml"), flags.unfinished)
        training["before"] = first | commit_facts(flags.from_commit or flags.commit)
    target = make_folder(flags.target, "--target")
    config = config.changed(**OF_THIS_MACHINE)
    with tempfile.TemporaryDirectory(prefix="adabin-publish-") as work:
        ckpt = Path(work, f"{config.network}.ckpt")
        sizes = write_checkpoint(Path(flags.run), config, ckpt, training["commit"])
        config = config.changed(data_path=flags.data_path)
        log("exporting and packing")
        mindir, packed = ckpt.with_suffix(".mindir"), ckpt.with_suffix(".adabin")
        data = ["--data_path", flags.data_path] if flags.data_path else []
        data += ["--check_images", "256" if config.task == "classification" else "16"]  # the others take minutes
        exported = export.main(["--ckpt_path", str(ckpt), "--file_name", str(mindir), *data])
        layers = pack(mindir, packed)["binary_layers"]
        if layers != exported["binary_layers"]:
            raise RunError(f"{layers} of {exported['binary_layers']} binary layers are packed")
        log("evaluating in MindSpore and in C++")
        if config.task == "detection":
            draw(target / "pictures", force=True)
        card = {
            "name": target.resolve().name,
            "task": config.task,
            **{
                key: getattr(config, key)
                for key in ("network", "dataset", "class_names", "image_size", "width", "binary_form")
            },
            "binary_layers": layers,
            "parameters": sizes["params"],
            "binary_parameters": sizes["binary_weights"],
            "training": training,
            "evaluation": evaluate_both(ckpt, packed, config),
            "pictures": try_pictures(ckpt, target / "pictures", Path(work, "found")),
        }
        for name in ("metrics.csv", "curves.png"):
            shutil.copy(Path(flags.run, name), work)
        names = (ckpt.name, packed.name, ckpt.with_suffix(".yaml").name, "config.yaml", "metrics.csv", "curves.png")
        drawn = sorted(Path(work).glob("found/*.jpg"))
        pictures = [*sorted((target / "pictures").glob("*.*")), *drawn]
        card["files"] = file_facts([Path(work, name) for name in names], pictures)
        Path(work, "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        Path(work, "README.md").write_text(card_text(card), encoding="utf-8")
        if drawn:
            make_folder(target / "found", "--target")
        for name in (*names, *(f"found/{path.name}" for path in drawn), "card.json", "README.md"):
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
