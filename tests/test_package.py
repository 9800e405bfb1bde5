# SPDX-License-Identifier: Apache-2.0
"""The package `adabin`: found by a clone without installation, and whole in a wheel."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adabin.utils.places import CLONE, PACKAGE
from tests.programs import ROOT, result_of


def python(code, cwd, *path):
    """Run code in a process that finds modules in the folders `path` only."""
    environment = {**os.environ, "PYTHONPATH": ":".join(map(str, path))}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture
def other(tmp_path):
    """A folder with another package of the same name, as an installed wheel would be."""
    (tmp_path / "site" / "adabin").mkdir(parents=True)
    (tmp_path / "site" / "adabin" / "__init__.py").touch()
    return tmp_path / "site"


def test_a_clone_runs_its_own_code_where_another_is_installed(tmp_path, other):
    ended = python("import src, adabin; print(adabin.__file__)", tmp_path, other, ROOT)
    assert (ended.returncode, ended.stdout) == (0, f"{PACKAGE / '__init__.py'}\n"), ended.stderr


def test_a_clone_refuses_to_run_with_the_code_of_another(tmp_path, other):
    ended = python("import adabin, src", tmp_path, other, ROOT)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        f"ImportError: adabin was imported from {other / 'adabin'} before this clone's, {CLONE / 'src'}/adabin"
    )


NOW = {  # module of an earlier time: what it is called now, and something that it had
    "src.adabin": ("adabin", "__file__"),
    "src.layers": ("adabin.layers", "AdaBinConv2d"),
    "src.utils.config": ("adabin.utils.config", "read_config"),
    "src.cpu.networks": ("adabin.cpu", "accelerate"),
    "src.draw": ("adabin.tasks.classification.drawing", "save_drawing"),
    "src.training.evaluate": ("adabin.inference", "evaluate"),
    "src.training.losses": ("adabin.tasks.classification.loss", "SoftCrossEntropy"),
    "src.training.metrics": ("adabin.tasks.classification.metric", "ClassificationMetric"),
    "src.utils.summary": ("adabin.summary", "summarize"),
}


@pytest.mark.parametrize("name", NOW)
def test_an_earlier_name_is_answered_with_the_new_one(tmp_path, name):
    new, content = NOW[name]
    assert hasattr(importlib.import_module(new), content)
    ended = python(f"import {name}", tmp_path, ROOT)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"ModuleNotFoundError: {name}: is {new} now; import src, then {new}"


def entry_points():
    """Programs of this clone that import `src`."""
    folders = (ROOT, ROOT / "scripts", ROOT / "benchmarks")
    files = sorted(path for folder in folders for path in folder.glob("*.py"))
    return [path for path in files if re.search(r"^import src\b", path.read_text(encoding="utf-8"), re.MULTILINE)]


@pytest.mark.parametrize("path", entry_points(), ids=lambda path: path.name)
def test_outside_the_virtual_environment_every_program_says_in_one_line_how_to_enter_it(path, tmp_path):
    # -S: no installed packages; -E: nothing from the environment.
    ended = subprocess.run([sys.executable, "-E", "-S", path, "-h"], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: mindspore, numpy, yaml, cv2, tqdm: not installed for ")
    assert "bash scripts/setup.sh" in line and "source .venv/bin/activate" in line


def test_whoever_imports_the_clone_without_its_environment_gets_an_exception():
    code = "try:\n    import src\nexcept ImportError as error:\n    print(error.name)"
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert ended.stdout == "mindspore\n", ended.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which the wheel has been installed."""
    source = tmp_path_factory.mktemp("wheel") / "source"  # a build leaves files in it
    for name in ("src", "config"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "requirements.txt"):
        shutil.copy(ROOT / name, source)
    site = source.with_name("site")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", site, source],
        capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return site


def test_the_wheel_holds_all_modules_recipes_and_kernel_sources_and_nothing_of_the_clone(installed):
    for folder, pattern in ((ROOT / "config", "*.yaml"), (PACKAGE / "cpu" / "kernels", "[a-z]*.*")):
        there = installed / "adabin" / ("recipes" if folder.name == "config" else "cpu/kernels")
        assert {p.name for p in folder.glob(pattern)} == {p.name for p in there.glob(pattern)}
    modules = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")}
    assert {path.relative_to(installed / "adabin") for path in (installed / "adabin").rglob("*.py")} == modules
    assert {p.name for p in installed.iterdir() if p.suffix != ".dist-info"} <= {"adabin", "__pycache__"}


def test_an_installed_wheel_trains_evaluates_exports_and_predicts_and_leaves_its_folder_as_it_is(installed, tmp_path):
    def content():
        return {path: path.read_bytes() for path in installed.rglob("*") if path.is_file()}

    before = content()
    program = shutil.copy(ROOT / "examples" / "from_python.py", tmp_path)  # beside no clone
    sizes = ("--epochs=1", "--network=resnet8", "--train_size=100", "--test_size=40", "--batch_size=20")
    ended = subprocess.run(
        [sys.executable, program, "out", "--cpu_kernels=on", *sizes], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    result = result_of(ended)
    assert result["trained"]["epochs"] == 1 and result["evaluated"]["images"] == 40
    assert result["evaluated"]["top1"] == pytest.approx(result["trained"]["best_top1"])
    assert result["exported"]["binary_layers"] == 6 and result["exported"]["equal_decisions"] == 1.0
    assert len(result["predicted"]) == 4 and all(Path(one["drawing"]).parts[0] == "out" for one in result["predicted"])
    assert content() == before
    code = "import adabin; from adabin.cpu.library import library_path; print(adabin.__file__, library_path())"
    package, library = python(code, tmp_path, installed).stdout.split()
    assert package == str(installed / "adabin" / "__init__.py") and not library.startswith(str(installed))


CONVOLVED = "ms.nn.Conv2d(16, 16, 3)(ms.Tensor(np.ones((1, 16, 8, 8), np.float32))).asnumpy()\n"


def convolving(code, folder):
    """A process in which nobody has chosen oneDNN's instructions, and which reports what oneDNN runs."""
    environment = {k: v for k, v in os.environ.items() if k != "ONEDNN_MAX_CPU_ISA"}
    ended = subprocess.run(
        [sys.executable, "-c", "import mindspore as ms, numpy as np\n" + code], cwd=folder, capture_output=True,
        text=True, env=environment | {"PYTHONPATH": str(ROOT), "ONEDNN_VERBOSE": "1", "GLOG_v": "3"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return [line for line in ended.stdout.splitlines() if ",exec,cpu,convolution," in line], ended.stderr


def test_the_setting_of_convolutions_reaches_a_mindspore_that_was_imported_before(tmp_path):
    """oneDNN then takes its reference convolution no more: its own report says which one runs."""
    lines, said = convolving("import src\n" + CONVOLVED, tmp_path)
    assert lines and not any("ref:any" in line for line in lines), lines
    assert said == ""


@pytest.mark.skipif("avx512f" not in Path("/proc/cpuinfo").read_text(), reason="needs a processor with AVX-512")
def test_a_mindspore_that_has_convolved_before_is_told_to_be_slow(tmp_path):
    lines, said = convolving(CONVOLVED + "import src\n" + CONVOLVED, tmp_path)
    assert len(lines) == 2 and all("ref:any" in line for line in lines), lines
    assert said.count("\n") == 1 and said.startswith(
        "convolutions by MindSpore's operators will be some 50 times slower"
    )
