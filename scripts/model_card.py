# SPDX-License-Identifier: Apache-2.0
"""card.json as Markdown: the card beside a published model, and what the project's README says of it.

Every number comes from card.json; tests make the texts again and compare.
"""

import re
from pathlib import Path
from string import Template

from adabin.predict import table
from adabin.tasks.classification import Classification
from adabin.utils.errors import UserError

TEMPLATE = Path(__file__).with_name("model_card.md")
WHAT = {
    ".ckpt": "checkpoint of MindSpore, float32",
    ".adabin": "packed file for the C++ program",
    ".yaml": "what the packed file is and needs, as export.py writes it",
    "config.yaml": "config of the training, for the checkpoint",
    "metrics.csv": "every epoch: loss, accuracy, time, health of the binary layers",
    "curves.png": "loss and accuracy over the epochs",
    ".png": "picture to try",
}
BEGIN, END = "<!-- made by scripts/publish_model.py: {} -->", "<!-- end -->"


def percent(share):
    """A share as the documents write it."""
    return f"{100 * share:.2f} %"


def folder_of(card):
    """Folder of the model, from the repository's."""
    return f"models/{card['name']}"


def first_line(card):
    """What predict.py says first where nothing has been trained."""
    model = f"{folder_of(card)}/{card['network']}.ckpt"
    return f"taking {model}, the model that comes with the project; --ckpt_path or --model takes another"


def shown_run(card):
    """The command that runs the pictures, and what it says, as a block of code."""
    folder = f"{folder_of(card)}/pictures"
    pictures = [{**picture, "image": f"{folder}/{picture['image']}"} for picture in card["pictures"]]
    answers = table(pictures, Classification) if pictures else ()
    return "\n".join(f"    {line}" for line in (f"$ python predict.py --image {folder}", first_line(card), *answers))


def _pictures(card):
    names = (picture["image"] for picture in card["pictures"])
    return " ".join(f'<img src="pictures/{name}" width="160" alt="{name}">' for name in names)


def _right(card):
    """How many of the pictures are taken for what their names say."""
    return sum(picture["top5"][0]["name"] == Path(picture["image"]).stem for picture in card["pictures"])


def _by_class(found):
    shares = {name: found["right_by_class"][name] / count for name, count in found["images_by_class"].items()}
    ordered = sorted(shares, key=shares.get, reverse=True)
    return ", ".join(f"{name} {100 * shares[name]:.1f} %" for name in ordered)


def _course(training):
    if training["finished_epochs"] == training["epochs"]:
        return f"{training['epochs']} epochs"
    return f"{training['finished_epochs']} of {training['epochs']} epochs (the training had not ended)"


def _files(card):
    rows = ["| file | bytes | what | SHA-256 |", "|---|---|---|---|"]
    for name, facts in card["files"].items():
        what = WHAT.get(name) or WHAT[Path(name).suffix]
        rows.append(f"| `{name}` | {facts['bytes']:,} | {what} | `{facts['sha256']}` |")
    return "\n".join(rows)


def card_text(card):
    """The card: README.md of the model's folder."""
    training, found = card["training"], card["evaluation"]
    hours, minutes = divmod(training["minutes"], 60)
    plain = ("name", "network", "dataset", "image_size", "binary_form", "binary_layers")
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        {key: card[key] for key in plain},
        **{key: training[key] for key in ("command", "commit", "commit_date", "date", "seed", "device", "best_epoch")},
        folder=folder_of(card),
        parameters=f"{card['parameters']:,}",
        binary_parameters=f"{card['binary_parameters']:,}",
        count=len(card["class_names"]),
        classes=", ".join(card["class_names"]),
        pictures=_pictures(card),
        shown_run=shown_run(card),
        right=_right(card),
        tried=len(card["pictures"]),
        images=f"{found['images']:,}",
        mindspore=percent(found["mindspore"]["top1"]),
        mindspore_loss=f"{found['mindspore']['loss']:.4f}",
        cpp=percent(found["cpp"]["top1"]),
        cpp_loss=f"{found['cpp']['loss']:.4f}",
        packed_bytes=f"{card['files'][card['network'] + '.adabin']['bytes']:,}",
        equal=f"{found['equal_decisions']:,}",
        by_class=_by_class(found),
        measured_on=found["device"],
        measured_date=found["date"],
        course=_course(training),
        time=f"{hours} h {minutes:02d} min",
        epoch_seconds=f"{training['median_epoch_seconds']:.0f}",
        note=training["note"] and f" ({training['note']})",
        best=percent(training["best_top1"]),
        last=percent(training["last_top1"]),
        last_train=percent(training["last_train_top1"]),
        files=_files(card),
    )


def result_row(card):
    """The model's row in the README's table of results."""
    found, folder = card["evaluation"], folder_of(card)
    data = f"CIFAR-10, all {found['images']:,} test images"
    accuracy = f"{percent(found['mindspore']['top1'])} in MindSpore, {percent(found['cpp']['top1'])} in C++"
    return f"| ResNet-20 | {data} | {accuracy} | trained here, {_course(card['training'])}: [{folder}]({folder}/) |"


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
