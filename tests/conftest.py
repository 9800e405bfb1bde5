# SPDX-License-Identifier: Apache-2.0
"""Fixtures that several tests share."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adabin.utils.device import prepare_environment

prepare_environment()  # before any test module imports mindspore
# Tests send them to programs they start; a shell that started us in the background has one ignored, nohup the other.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Files of minutes each. They come first, so that none is left for one process alone at the end (run_tests.sh).
LONGEST = (
    "distribute", "steps", "export", "resume", "detection_programs", "stopped_training", "cpu_networks", "cpu_threads",
    "training_options", "cpp_networks", "networks", "cpp_thresholds", "ssd", "tasks", "cpu_kernels", "predict",
    "export_files",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    places = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(autouse=True)
def seeded():
    """The same initial weights in every run and order: a value beside a threshold would fail one run in a hundred."""
    import mindspore as ms

    ms.set_seed(1)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder with real data, from the environment variable ADABIN_TEST_DATA."""
    folder = os.environ.get("ADABIN_TEST_DATA")
    if not folder:
        pytest.skip("needs real data: set ADABIN_TEST_DATA to its folder")
    return Path(folder)


@pytest.fixture(scope="session")
def cifar10_dir(request, tmp_path_factory) -> Path:
    """A folder that holds cifar-10-batches-bin: $ADABIN_CIFAR10, or unpacked once per session from the test data."""
    ready = os.environ.get("ADABIN_CIFAR10")
    if ready:
        return Path(ready)
    script = request.getfixturevalue("test_data") / "cifar10" / "unpack.py"
    base = tmp_path_factory.getbasetemp()
    out = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cifar10"  # one for all processes
    with open(out.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.is_dir():
            part = out.with_suffix(".part")
            part.mkdir(exist_ok=True)
            subprocess.run([sys.executable, str(script), str(part)], check=True, stdout=subprocess.DEVNULL)
            part.rename(out)
    return out


TABLES = (("adabin.models", "MODELS"), ("adabin.data.registry", "DATASETS"), ("adabin.tasks", "TASKS"))


def _known():
    return {name: set(getattr(sys.modules[module], name)) for module, name in TABLES if module in sys.modules}


@pytest.fixture(scope="module", autouse=True)
def tables():
    """What a module registers of its own is gone when it ends: the next one must not see it."""
    before = _known()
    yield
    left = {name: keys - before[name] for name, keys in _known().items() if name in before}
    assert not any(left.values()), f"still registered: {left}"


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Path:
    """The folder of a tiny training that ran to its end; tests may read it, not change it."""
    from tests.programs import TINY, call, result_of

    folder = tmp_path_factory.mktemp("tiny")
    return Path(result_of(call("train.py", *TINY, "--output_path", folder / "outputs", cwd=folder))["run"])


@pytest.fixture(params=["GRAPH", "PYNATIVE"])
def mode(request):
    """Run a test in both execution modes."""
    import mindspore as ms

    ms.set_context(mode=ms.GRAPH_MODE if request.param == "GRAPH" else ms.PYNATIVE_MODE)
    yield request.param
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture
def pynative():
    """Operator by operator: faster where each network runs once."""
    import mindspore as ms

    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture
def someones(tmp_path, monkeypatch):
    """A function that imports a text as a module of another project; it is forgotten when the test ends."""
    import importlib

    names = []

    def module_of(text):
        names.append(f"someones_{len(names)}")
        (tmp_path / f"{names[-1]}.py").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()
        return importlib.import_module(names[-1])

    yield module_of
    for name in names:
        del sys.modules[name]
