# SPDX-License-Identifier: Apache-2.0
"""The order of the C++ house: who includes whom, an operator and an instruction set as a file and a row, file sizes."""

import re

import pytest

from adabin.utils.places import CLONE

ENGINE = CLONE / "ascend310_infer"
# Folder: what it may include besides itself. Tests may include all; programs stand below.
MAY_KNOW = {
    "base": (),
    "isa": ("base",),
    "kernels": ("base", "isa"),
    "graph": ("base",),
    "schedule": ("base", "isa", "kernels", "graph"),
    "ops": ("base", "kernels", "graph", "schedule"),
    "passes": ("base", "graph", "ops"),
    "files": ("base", "graph", "ops"),
    "backend": ("base", "kernels", "graph", "schedule", "ops", "passes", "files"),
    "detection": ("base",),
    "api": ("base", "kernels", "graph", "files", "backend", "detection"),
}
SOURCES = sorted(path for part in ("inc", "src") for path in (ENGINE / part).glob("*/*.*"))
FOLDERS = {path.parent.name for path in SOURCES}


def included(path):
    """Folders of the engine's own headers that a file includes."""
    names = re.findall(r'^#include "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name.partition("/")[0] for name in names if "/" in name}


def test_every_folder_has_its_place():
    assert FOLDERS == set(MAY_KNOW)


def test_no_folder_knows_itself_through_others():
    order = list(MAY_KNOW)
    for folder, known in MAY_KNOW.items():
        assert {order.index(other) < order.index(folder) for other in known} <= {True}, folder


@pytest.mark.parametrize("folder", MAY_KNOW)
def test_a_folder_includes_only_what_its_place_may_know(folder):
    allowed = {folder, *MAY_KNOW[folder]}
    for path in SOURCES:
        if path.parent.name == folder:
            assert included(path) <= allowed, path


def test_programs_use_the_c_api_and_of_the_engine_only_files_and_messages():
    tools = sorted((ENGINE / "tools").glob("*.*"))
    assert {path.name for path in tools} > {"adabin_infer.cc", "adabin_pack.cc", "adabin_layer.cc"}
    for path in tools:
        if path.name != "adabin_layer.cc":  # a tool of the tests, which shows what no user can ask for
            assert included(path) <= {"base"}, path
    for path in (ENGINE / "examples").glob("*.c*"):
        quoted = re.findall(r'^#include "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
        assert quoted == ["adabin.h"], path


def test_only_the_reader_of_mindir_knows_protobuf():
    """What a build without it (ADABIN_MINDIR=OFF) leaves out, and one of its headers that is only included there."""
    users = {path for path in SOURCES if "protozero/" in path.read_text(encoding="utf-8") and "tests" not in path.parts}
    assert users == {ENGINE / "src" / "files" / name for name in ("mindir_reader.cc", "mindir_wire.h")}
    inner = {path.name for path in (ENGINE / "src" / "files").glob("mindir_*.h")}
    includes = {path for path in SOURCES for name in inner if f'"files/{name}"' in path.read_text(encoding="utf-8")}
    assert includes and all(path.parent.name == "files" and path.name.startswith("mindir_") for path in includes)


def test_an_operator_is_one_file_and_one_row():
    rows = (ENGINE / "inc" / "graph" / "operators.def").read_text(encoding="utf-8")
    names = re.findall(r"^ADABIN_OPERATOR\(\d+, (\w+)\)", rows, re.MULTILINE)
    assert len(names) >= 12
    for name in names:
        file = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        assert f"const Operator k{name} = " in (ENGINE / "src" / "ops" / f"{file}.cc").read_text(encoding="utf-8")


def test_a_backend_is_two_files_and_one_row():
    """Those of the CPU are known to its own parts and tests; of the Reference nothing else has heard."""
    files = [path for path in SOURCES if "reference_model.h" in path.read_text(encoding="utf-8")]
    files += [ENGINE / "inc" / "backend" / "reference_model.h"]
    assert {str(path.relative_to(ENGINE)) for path in files} == {
        "inc/backend/reference_model.h",
        "src/backend/reference_model.cc",
        "src/backend/backend.cc",
    }
    others = [*SOURCES, *(ENGINE / "tools").glob("*.*"), ENGINE / "CMakeLists.txt"]
    assert not [path for path in others if path not in files and "ReferenceModel" in path.read_text(encoding="utf-8")]
    table = (ENGINE / "src" / "backend" / "backend.cc").read_text(encoding="utf-8")
    assert re.findall(r'^    \{"(\w+)",', table, re.MULTILINE) == ["CPU", "Reference", "Ascend"]


def test_every_operator_has_a_formula():
    rows = (ENGINE / "inc" / "graph" / "operators.def").read_text(encoding="utf-8")
    files = (ENGINE / "src" / "ops").glob("*.cc")
    entries = [path for path in files if ".formula = " in path.read_text(encoding="utf-8")]
    assert len(entries) == len(re.findall(r"^ADABIN_OPERATOR\(", rows, re.MULTILINE)) - 1  # kInput computes nothing


def test_an_instruction_set_is_one_file_and_one_row():
    table = (ENGINE / "src" / "isa" / "table.cc").read_text(encoding="utf-8")
    entries = {
        name
        for path in (ENGINE / "src" / "isa").glob("*.cc")
        for name in re.findall(r"^extern const Isa (\w+) = ", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert entries == set(re.findall(r"ROW\((k\w+)\)", table)) and "kPortable" in entries


def test_no_file_is_longer_than_300_lines():
    others = [path for part in ("tests", "tools", "bench", "examples") for path in (ENGINE / part).glob("*.*")]
    assert len(others) > 50
    long = {
        str(path.relative_to(ENGINE))
        for path in SOURCES + others
        if len(path.read_text(encoding="utf-8").splitlines()) > 300
    }
    assert long == set()
