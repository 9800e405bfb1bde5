# SPDX-License-Identifier: Apache-2.0
"""Which class has which number and name, and what happens when data set, config and checkpoint disagree.

A class has an identity, the name of its folder, by which pictures are sorted into classes; and a name to be shown. They
are the same but for ImageNet, where a name is like "tench (n01440764)" once a list of names lies beside the data.
"""

import re
from pathlib import Path

from adabin.utils.errors import UserError

WNID = re.compile(r"\bn\d{8}\b")
# Files with a wnid and its names in every line, as they are commonly found beside ImageNet.
NAME_FILES = ("class_index.csv", "synset_words.txt", "LOC_synset_mapping.txt", "words.txt")


def identity(name):
    """Name of the folder of a class that is shown under this name."""
    match = re.search(r"\((n\d{8})\)$", name)
    return match.group(1) if match else name


def readable_names(folder, wnids):
    """Names to show for ImageNet's classes, from a list beside the data where there is one."""
    path = next((Path(folder) / name for name in NAME_FILES if (Path(folder) / name).is_file()), None)
    if path is None:
        return tuple(wnids)
    wanted, found = set(wnids), {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = WNID.search(line)
        if match and match.group() in wanted:
            found[match.group()] = line[match.end() :].strip(' \t",').split(",")[0].strip()
    return tuple(f"{found[wnid]} ({wnid})" if found.get(wnid) else wnid for wnid in wnids)


def class_identities(config, found, where):
    """Identities of the classes in the order of their numbers.

    Args:
        config: `class_names` there, put in by train.py, fixes the numbers; otherwise the folders do, in sorted order.
        found (iterable): identities of the classes that are there.
        where: folder, for messages.

    Raises:
        UserError: a class is there that the config does not know, or there are fewer than two.
    """
    found = sorted(found)
    known = [identity(name) for name in getattr(config, "class_names", [])]
    unknown = [name for name in found if name not in known] if known else []
    if unknown:
        raise UserError(
            f"{where}: class {unknown[0]} is not among the {len(known)} that the network was trained on "
            f"({', '.join(known[:5])}{', ...' if len(known) > 5 else ''}); remove its folder, or train on this data set"
        )
    if len(known or found) < 2:
        only = f"one class, {found[0]}" if found else "no class"
        raise UserError(f"{where}: has {only}; give a folder with one sub-folder of pictures per class, at least two")
    return known or found


def check_classes(config, class_names):
    """Compare a data set's classes with a config's, where that says something about them.

    Raises:
        UserError: another number (the message says which one to set), or other classes.
    """
    count, names = config.num_classes, list(getattr(config, "class_names", []))
    if count not in (0, len(class_names)):
        raise UserError(
            f"num_classes={count} contradicts {config.dataset}, which has {len(class_names)} "
            f"classes; set num_classes: {len(class_names)} or another dataset"
        )
    ours, theirs = [identity(name) for name in class_names], [identity(name) for name in names]
    if names and ours != theirs:
        first = next((pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]), (len(ours), len(theirs)))
        raise UserError(
            f"class_names: the classes of {config.dataset} are others than the config's ({first[0]} instead of "
            f"{first[1]}); give the data set that the network was trained on, or train on this one"
        )


def contents(class_names, counts):
    """'3 classes: blue, green, red; 40 objects; none of red': a line on what there is to learn from.

    Args:
        class_names: of all classes.
        counts: how many objects of each there are.
    """
    none = [name for name, count in zip(class_names, counts, strict=True) if not count]
    of = f"; none of {', '.join(none)}" if none else ""
    kinds = "1 class" if len(class_names) == 1 else f"{len(class_names)} classes"
    return f"{kinds}: {', '.join(class_names)}; {sum(counts)} objects to learn from{of}"


def settle_classes(config, dataset):
    """The config with number and names of a data set's classes, so that run folder and checkpoints carry them."""
    return config.changed(num_classes=dataset.num_classes, class_names=list(dataset.class_names))
