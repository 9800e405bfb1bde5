# SPDX-License-Identifier: Apache-2.0
"""The engine as a library: what it shows to others, and that an installed one is found and linked."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from adabin.utils.device import environment_for_other_programs
from tests import cpp
from tests.programs import ROOT

ENGINE = ROOT / "ascend310_infer"
HEADER = (ENGINE / "inc" / "adabin.h").read_text(encoding="utf-8")
VERSION = re.search(r'#define ADABIN_VERSION "(.*)"', HEADER).group(1)
CASE = ROOT / "tests" / "golden" / "network"
EXAMPLES = {"c": ("cc", "-std=c99"), "cc": ("c++", "-std=c++11")}


def run(*command, **environment):
    ended = subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        env={**environment_for_other_programs(), **environment},
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


def needs(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")


def test_the_shared_library_shows_the_c_api_and_nothing_else():
    needs("nm", "readelf")
    library = cpp.program("libadabin.so")
    shown = {line.split()[-1].partition("@")[0] for line in run("nm", "-D", "--defined-only", library).splitlines()}
    declared = set(re.findall(r"^ADABIN_API [\w* ]+?(adabin_\w+)\(", HEADER, re.MULTILINE))
    assert len(declared) > 40 and shown - {"ADABIN_0.1"} == declared
    soname = re.search(r"soname: \[(.*)\]", run("readelf", "-d", library)).group(1)
    assert soname == f"libadabin.so.{VERSION.rpartition('.')[0]}"


def test_the_library_has_the_packages_version():
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An installed copy, moved afterwards: nothing of it may name its place."""
    cpp.program("libadabin.so")
    needs("cmake", "cc", "c++")
    folder = tmp_path_factory.mktemp("installed")
    run("cmake", "--install", cpp.BUILD, "--prefix", folder / "first")
    (folder / "first").rename(folder / "moved")
    return folder / "moved"


def test_what_is_installed(installed):
    assert {path.name for path in (installed / "bin").iterdir()} == {"adabin_infer", "adabin_pack"}
    assert [path.name for path in (installed / "include").iterdir()] == ["adabin.h"]
    libraries = {path.name for path in installed.glob("lib*/**/libadabin*")}
    assert libraries == {"libadabin.a", "libadabin.so", f"libadabin.so.{VERSION[:3]}", f"libadabin.so.{VERSION}"}


def check_class(program, installed):
    (library,) = installed.glob("lib*/**/libadabin.so")
    found = run(program, CASE / "model.mindir", CASE / "input.bin", LD_LIBRARY_PATH=str(library.parent))
    assert found == "class 1\n"


@pytest.mark.parametrize("language", EXAMPLES)
def test_an_example_is_built_with_pkg_config(installed, language, tmp_path):
    needs("pkg-config")
    (folder,) = installed.glob("lib*/**/pkgconfig")
    flags = run("pkg-config", "--cflags", "--libs", "adabin", PKG_CONFIG_PATH=str(folder)).split()
    strict = ("-pedantic-errors", "-Wall", "-Wextra", "-Werror")
    run(*EXAMPLES[language], *strict, ENGINE / "examples" / f"classify.{language}", "-o", tmp_path / "classify", *flags)
    check_class(tmp_path / "classify", installed)


@pytest.mark.parametrize("languages", ["C", "C CXX"])
@pytest.mark.parametrize("target", ["adabin", "static"])
def test_an_example_is_built_with_find_package(installed, target, languages, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\n"
        f"project(user LANGUAGES {languages})\n"
        f"find_package(adabin {VERSION} REQUIRED)\n"
        f'add_executable(classify "{ENGINE}/examples/classify.c")\n'
        f"target_link_libraries(classify PRIVATE adabin::{target})\n"
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", tmp_path / "build")
    check_class(tmp_path / "build" / "classify", installed)


def test_the_binding_takes_the_library_that_is_named(installed):
    (library,) = installed.glob("lib*/**/libadabin.so")
    code = (
        "from adabin.engine import Model; from adabin.engine.library import _load, find; "
        f"print(find(), Model({str(CASE / 'model.mindir')!r}).outputs[0].shape)"
    )
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    found = run(sys.executable, "-c", code, ADABIN_LIBRARY=str(library), PYTHONPATH=path)
    assert found == f"{library} (None, 10)\n"
