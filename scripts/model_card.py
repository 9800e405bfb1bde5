# SPDX-License-Identifier: Apache-2.0
"""card.json as Markdown: the card beside a published model, and what the project's README says of it.

Every number comes from card.json; tests make the texts again and compare. A card without `task` is of a classifier.
"""

import re
from pathlib import Path
from string import Template

from adabin.predict import table
from adabin.tasks import TASKS
from adabin.utils.errors import UserError

TEMPLATES = {"classification": "model_card.md", "detection": "detector_card.md"}
WHAT = {
    ".ckpt": "checkpoint of MindSpore, float32",
    ".adabin": "packed file for the C++ program",
    ".yaml": "what the packed file is and needs, as export.py writes it",
    "config.yaml": "config of the training, for the checkpoint",
    "metrics.csv": "every epoch: loss, accuracy, time, health of the binary layers",
    "curves.png": "loss and accuracy over the epochs",
    ".png": "picture to try",
    "pictures": "picture to try",
    "found": "what is found in it",
}
BEGIN, END = "<!-- made by scripts/publish_model.py: {} -->", "<!-- end -->"


def percent(share):
    """A share as the documents write it."""
    return f"{100 * share:.2f} %"


def folder_of(card):
    """Folder of the model, from the repository's."""
    return f"models/{card['name']}"


def task_of(card):
    return card.get("task", "classification")


def first_line(card):
    """What predict.py says first where nothing has been trained."""
    model = f"{folder_of(card)}/{card['network']}.ckpt"
    return f"taking {model}, the model that comes with the project; --ckpt_path or --model takes another"


def shown_run(card):
    """The command that runs the pictures, and what it says, as a block of code."""
    folder = f"{folder_of(card)}/pictures"
    pictures = [{**picture, "image": f"{folder}/{picture['image']}"} for picture in card["pictures"]]
    answers = table(pictures, TASKS[task_of(card)]) if pictures else ()
    if task_of(card) == "classification":  # what predict.py takes where nothing is given
        lines = (f"$ python predict.py --image {folder}", first_line(card), *answers)
    else:
        lines = (f"$ python predict.py --ckpt_path {folder_of(card)}/{card['network']}.ckpt --image {folder}", *answers)
    return "\n".join(f"    {line}" for line in lines)


def _pictures(card):
    folder, width = ("pictures", 160) if task_of(card) == "classification" else ("found", 320)
    names = (picture["image"] for picture in card["pictures"])
    return " ".join(f'<img src="{folder}/{name}" width="{width}" alt="{name}">' for name in names)


def _right(card):
    """How many of the pictures are taken for what their names say."""
    return sum(picture["top5"][0]["name"] == Path(picture["image"]).stem for picture in card["pictures"])


def _by_class(found):
    shares = {name: found["right_by_class"][name] / count for name, count in found["images_by_class"].items()}
    ordered = sorted(shares, key=shares.get, reverse=True)
    return ", ".join(f"{name} {100 * shares[name]:.1f} %" for name in ordered)


def _course(training):
    """In words; of a detector with the number of scenes, and what came before."""
    before = f"{_course(training['before'])}, then " if "before" in training else ""
    return before + _epochs(training) + (f" of {training['train_size']:,} scenes" if "train_size" in training else "")


def _epochs(training):
    if training["finished_epochs"] == training["epochs"]:
        return f"{training['epochs']} epochs"
    return f"{training['finished_epochs']} of {training['epochs']} epochs (the training had not ended)"


def _files(card):
    rows = ["| file | bytes | what | SHA-256 |", "|---|---|---|---|"]
    for name, facts in card["files"].items():
        what = WHAT.get(name) or WHAT.get(name.split("/")[0]) or WHAT[Path(name).suffix]
        rows.append(f"| `{name}` | {facts['bytes']:,} | {what} | `{facts['sha256']}` |")
    return "\n".join(rows)


def card_text(card):
    """The card: README.md of the model's folder."""
    training, found = card["training"], card["evaluation"]
    plain = ("name", "network", "dataset", "image_size", "binary_form", "binary_layers")
    own = _of_classifier if task_of(card) == "classification" else _of_detector
    template = Path(__file__).with_name(TEMPLATES[task_of(card)])
    return Template(template.read_text(encoding="utf-8")).substitute(
        {key: card[key] for key in plain},
        **{key: training[key] for key in ("command", "commit", "commit_date", "date", "seed", "device", "best_epoch")},
        folder=folder_of(card),
        parameters=f"{card['parameters']:,}",
        binary_parameters=f"{card['binary_parameters']:,}",
        count=len(card["class_names"]),
        classes=", ".join(card["class_names"]),
        pictures=_pictures(card),
        shown_run=shown_run(card),
        tried=len(card["pictures"]),
        images=f"{found['images']:,}",
        packed_bytes=f"{card['files'][card['network'] + '.adabin']['bytes']:,}",
        measured_on=found["device"],
        measured_date=found["date"],
        course=_course(training),
        time=_duration(training),
        epoch_seconds=f"{training['median_epoch_seconds']:.0f}",
        note=training["note"] and f" ({training['note']})",
        files=_files(card),
        **own(card),
    )


def _of_classifier(card):
    training, found = card["training"], card["evaluation"]
    return {
        "right": _right(card),
        "mindspore": percent(found["mindspore"]["top1"]),
        "mindspore_loss": f"{found['mindspore']['loss']:.4f}",
        "cpp": percent(found["cpp"]["top1"]),
        "cpp_loss": f"{found['cpp']['loss']:.4f}",
        "equal": f"{found['equal_decisions']:,}",
        "by_class": _by_class(found),
        "best": percent(training["best_top1"]),
        "last": percent(training["last_top1"]),
        "last_train": percent(training["last_train_top1"]),
    }


def _commands(training):
    """What trained it, as lines of code."""
    first = training.get("before")
    lines = [f"git checkout {first['commit']}", f"{first['command']}        # its best.ckpt is F.ckpt"] if first else []
    if not first or first["commit"] != training["commit"]:
        lines.append(f"git checkout {training['commit']}")
    return "\n".join(f"    {line}" for line in (*lines, training["command"], "git checkout main"))


def _duration(training):
    hours, minutes = divmod(training["minutes"], 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} minutes"


def _detector_rows(card):
    file = f"{folder_of(card)}/{card['network']}"
    commands = {
        "mindspore": ("MindSpore", f"python eval.py --ckpt_path {file}.ckpt"),
        "cpp": ("C++, packed", f"bash scripts/run_infer_310.sh {file}.adabin scenes -"),
    }
    for key, (form, command) in commands.items():
        scores = (percent(card["evaluation"][key][score]) for score in ("map", "map_11point", "ap"))
        yield f"| {form} | {' | '.join(scores)} | `{command}` |"


def _of_detector(card):
    training, found = card["training"], card["evaluation"]
    by_class = sorted(found["ap_by_class"].items(), key=lambda pair: -pair[1])
    sizes = (f"{name} {percent(found['mindspore'][f'ap_{name}'])}" for name in ("small", "medium", "large"))
    return {
        "width": f"{card['width']:g}",
        "rows": "\n".join(_detector_rows(card)),
        "mindspore": percent(found["mindspore"]["map"]),
        "cpp": percent(found["cpp"]["map"]),
        "objects": f"{found['mindspore']['objects']:,}",
        "by_class": ", ".join(f"{name} {100 * ap:.1f} %" for name, ap in by_class),
        "by_size": ", ".join(sizes),
        "commands": _commands(training),
        "of_last": " of the last training" if "before" in training else "",
        "spent": " after ".join(_duration(one) for one in (training, training.get("before")) if one),
        "right": sum(one["right"] for one in card["pictures"]),
        "wrong": sum(one["wrong"] for one in card["pictures"]),
        "there": sum(one["there"] for one in card["pictures"]),
        "best": percent(training["best_map"]),
        "last": percent(training["last_map"]),
    }


def result_row(card):
    """The model's row in the README's table of results."""
    found, folder = card["evaluation"], folder_of(card)
    course = _course(card["training"])
    if task_of(card) == "classification":
        network, data, score = "ResNet-20", f"CIFAR-10, all {found['images']:,} test images", "top1"
    else:
        network, score = f"SSD{card['image_size']}, {card['width']:g} of its width", "map"
        data = f"{found['images']:,} drawn scenes with {found['mindspore']['objects']:,} objects"
    accuracy = f"{percent(found['mindspore'][score])} in MindSpore, {percent(found['cpp'][score])} in C++"
    accuracy += " (mAP)" if score == "map" else ""
    return f"| {network} | {data} | {accuracy} | trained here, {course}: [{folder}]({folder}/) |"


def _replaced(pattern, new, text, missing):
    text, count = re.subn(pattern, lambda match: new, text, flags=re.DOTALL | re.MULTILINE)
    if count != 1:
        raise UserError(missing.format(count))
    return text


def readme_with(card, text, path):
    """The project's README with this model's run and row.

    Args:
        card (dict): content of card.json.
        text (str): of the README.
        path: its path, for messages.

    Raises:
        UserError: the places for them are not there.
    """
    begin, folder = BEGIN.format(folder_of(card)), re.escape(folder_of(card))
    where = f"--readme_path {path}: has {{}} places"
    missing = f"{where} from {begin} to {END}; there has to be one"
    text = _replaced(f"{begin}\n.*?{END}", f"{begin}\n\n{shown_run(card)}\n\n{END}", text, missing)
    missing = f"{where} in a table that link to {folder_of(card)}/; there has to be one"
    return _replaced(rf"^\| [^\n]*\]\({folder}/\)[^\n]*\|$", result_row(card), text, missing)
