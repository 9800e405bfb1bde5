# SPDX-License-Identifier: Apache-2.0
"""Write the tables of docs/devices.md: every operator of every network's graphs, and where MindSpore says it runs.

    python scripts/write_devices.py

To be run when a network, a layer, a recipe or MindSpore's version changes; compiles all graphs, which takes minutes.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and prepares the environment for MindSpore

# isort: split
import ast

from adabin.models import CLASSIFIERS, DETECTORS
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags, read_config
from adabin.utils.files import replacing
from adabin.utils.places import PACKAGE, RECIPES
from scripts import operator_graphs
from scripts.operator_graphs import FORMS, as_if_on, graphs_of, small, training_operators
from scripts.platform_statements import PLATFORMS, has_kernel, statement

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "devices.md"
BEGIN, END = "<!-- made by scripts/write_devices.py -->", "<!-- end -->"
FLOAT = {"w_bits": 32, "a_bits": 32, "nonlinearity": "relu"}
# What no recipe asks for, in as few graphs as will do; resnet8.
OPTIONS = {
    "adam, clip_norm, ema_decay, label_smoothing, prelu, sets `scale`": {
        "optimizer": "adam", "clip_norm": 1.0, "ema_decay": 0.9, "label_smoothing": 0.1, "nonlinearity": "prelu",
        "weight_set": "scale", "activation_set": "scale", "weight_estimator": "clipped_ste",
    },
    "accumulation, teacher, relu, sets `fixed`, form `released`": {
        "accumulation": 2, "nonlinearity": "relu", "weight_set": "fixed", "activation_set": "fixed",
        "weight_estimator": "polynomial", "activation_estimator": "tanh", "binary_form": "released",
    },
}  # fmt: skip
HALF = "amp_level O2, on {}"
SEVERAL = "several workers"
# Of `ops` in training/distributed.py, but no operators.
NOT_OPERATORS = {"HyperMap", "MultitypeFuncGraph", "ReduceOp"}


def subjects():
    """Name to config: every recipe, and every network that has none."""
    found = {path.stem: read_config(path) for path in sorted(RECIPES.glob("*.yaml")) if path.stem != "base"}
    known = {config.network for config in found.values()}
    for name in (name for name in (*CLASSIFIERS, *DETECTORS) if name not in known):  # MODELS may have others' too
        flags = {"network": name, **(FLOAT if name.startswith("standard_") else {})}
        flags |= {"task": "detection"} if name.startswith("ssd_") else {}
        found[name] = read_config(None, flags)
    return found


def option_graphs(name):
    """Form to operators of one of `OPTIONS`."""
    config = read_config(None, {"network": "resnet8"} | OPTIONS[name])
    graphs = graphs_of(config)
    if "teacher" in name:
        graphs["training"] = graphs["training"] | training_operators(small(config), operator_graphs.teacher())
    return graphs


def half_graphs(device):
    """The same in mixed precision, as MindSpore's Python code builds it on a device."""
    with as_if_on(device):
        return {"training": training_operators(small(read_config(None, {"network": "resnet8", "amp_level": "O2"})))}


def collectives():
    """Operators that several workers use besides: those that the module calls by name."""
    tree = ast.parse((PACKAGE / "training" / "distributed.py").read_text(encoding="utf-8"))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr[0].isupper()
             and ast.unparse(node.value) in ("ops", "ops.auto_generate")}  # fmt: skip
    return {"training": names - NOT_OPERATORS}


def all_graphs(tell=log):
    """Subject to form to operators."""
    graphs = {}
    for name, config in subjects().items():
        tell(name)
        graphs[name] = graphs_of(config)
    for name in OPTIONS:
        tell(name)
        graphs[name] = option_graphs(name)
    for device in PLATFORMS:
        graphs[HALF.format(device)] = half_graphs(device)
    graphs[SEVERAL] = collectives()
    return graphs


def unsupported(names, platform):
    """Of some operators those that a platform lacks: documented for others alone, or not at all and with no kernel."""

    def lacks(name):
        said = statement(name)
        return platform not in said.platforms if said else not has_kernel(name, platform)

    return [name for name in sorted(names) if lacks(name)]


def share(name, form, graphs):
    """Where an operator is: "all", or in how many of the subjects that have this form."""
    having = [forms[form] for forms in graphs.values() if form in forms]
    count = sum(name in names for names in having)
    return "all" if count == len(having) else f"{count} of {len(having)}" if count else "-"


def operator_row(name, graphs):
    """A line of the table of operators."""
    said = statement(name)
    kernels = ", ".join(platform for platform in PLATFORMS if has_kernel(name, platform)) or "-"
    cells = [
        f"`{name}`",
        *(share(name, form, graphs) for form in FORMS),
        ", ".join(said.platforms) if said else "nothing said",
        f"`{said.by}`" if said and said.by != name else "itself" if said else "-",
        kernels,
    ]
    return f"| {' | '.join(cells)} |"


def subject_row(name, forms):
    """A line of the table of recipes."""
    counts = [str(len(forms[form])) if form in forms else "-" for form in FORMS]
    whole = set().union(*forms.values())
    device = name.rpartition(" on ")[2] if name.startswith("amp_level") else ""
    cells = []
    for platform in PLATFORMS[:2]:
        missing = unsupported(whole, platform)
        text = "all" if not missing else "not " + ", ".join(f"`{operator}`" for operator in missing)
        cells.append(text if device in ("", platform) else "-")
    return f"| {' | '.join([f'`{name}`' if name.replace('_', '').isalnum() else name, *counts, *cells])} |"


def tables(graphs):
    """Both tables as text."""
    every = sorted(set().union(*(names for forms in graphs.values() for names in forms.values())))
    lines = ["| recipe, network or option | training | evaluation | deploy | of these on Ascend | on GPU |"]
    lines += ["|---|---|---|---|---|---|", *(subject_row(name, forms) for name, forms in graphs.items()), ""]
    lines += ["| operator | training | evaluation | deploy | documented for | in the documentation of | kernel found |"]
    lines += ["|---|---|---|---|---|---|---|", *(operator_row(name, graphs) for name in every)]
    return "\n".join(lines)


def document_with(text, made):
    """The document with what is made between the two marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}"


def main(argv):
    parse_flags(__doc__, argv, lambda parser: None, with_config_keys=False)
    graphs = all_graphs()
    text = document_with(DOCUMENT.read_text(encoding="utf-8"), tables(graphs))
    with replacing(DOCUMENT) as temporary:
        temporary.write_text(text, encoding="utf-8")
    whole = set().union(*(names for forms in graphs.values() for names in forms.values()))
    return {"file": str(DOCUMENT), "operators": len(whole)} | {
        f"not_documented_for_{platform}": unsupported(whole, platform) for platform in PLATFORMS
    }


if __name__ == "__main__":
    run(main)
