# SPDX-License-Identifier: Apache-2.0
"""The order of the house: who imports whom in the package, and that its modules are no programs."""

import ast

import pytest

from adabin.utils.places import CLONE, PACKAGE

# Folder or module of the package: what it may import besides itself and utils.
MAY_KNOW = {
    "utils": (),
    "estimators": (),
    "binary_sets": (),
    "binarize": ("binary_sets", "estimators"),
    "layers": ("binarize",),
    "models": ("binarize", "detection", "layers"),
    "deploy": ("binarize", "layers"),
    "summary": ("layers",),
    "cpu": ("estimators", "binarize", "layers"),
    "detection": (),
    "data": ("detection",),
    "published": (),
    "tasks": ("detection", "layers", "models"),
    "inference": (),
    "opening": ("estimators", "cpu", "data", "engine", "inference", "models", "published", "tasks"),
    "engine": (),
    "training": ("binarize", "layers", "models", "cpu", "tasks", "inference", "data"),
    "export": ("data", "deploy", "inference", "layers"),
    "predict": ("data",),
    "shown_tests": ("predict",),
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    """Dotted name of a module below the package: `utils.files`; "" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


NAMES = {name_of(path): path for path in MODULES}


def imported(tree):
    """Dotted names of all that a syntax tree imports anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(tree):
    """Dotted names of the package's modules that a syntax tree imports anywhere, without `adabin.`."""
    for name in imported(tree):
        first, _, rest = name.partition(".")
        if first == "adabin":
            yield rest if rest in NAMES else rest.rpartition(".")[0]


GRAPH = {name: set(imports(ast.parse(path.read_text(encoding="utf-8")))) - {name} for name, path in NAMES.items()}


@pytest.mark.parametrize("name", GRAPH)
def test_a_module_imports_only_what_its_place_in_the_house_may_know(name):
    part = name.split(".")[0]
    allowed = {part, "utils", *MAY_KNOW.get(part, ())}
    assert {other for other in GRAPH[name] if other.split(".")[0] not in allowed} == set()


# What of a clone is not in the wheel: entry points, and folders that hold programs.
OUTSIDE = {path.stem for path in CLONE.glob("*.py")} | {path.parent.name for path in CLONE.glob("*/*.py")}


@pytest.mark.parametrize("name", GRAPH)
def test_a_module_of_the_package_needs_nothing_beside_it(name):
    assert {"train", "src", "tests", "scripts", "benchmarks"} <= OUTSIDE
    found = imported(ast.parse(NAMES[name].read_text(encoding="utf-8")))
    assert {other for other in found if other.partition(".")[0] in OUTSIDE} == set()


def test_no_module_needs_itself_to_be_imported():
    state = {}

    def visit(name, path):
        assert state.get(name) != "open", " -> ".join([*path, name])
        if name not in state:
            state[name] = "open"
            for other in GRAPH[name]:
                visit(other, [*path, name])
            state[name] = "done"

    for name in GRAPH:
        visit(name, [])


@pytest.mark.parametrize("name", GRAPH)
def test_a_module_of_the_package_is_no_program_and_patches_no_path(name):
    for node in ast.walk(ast.parse(NAMES[name].read_text(encoding="utf-8"))):
        assert not (isinstance(node, ast.Name) and node.id == "__name__")
        assert not (isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path")
