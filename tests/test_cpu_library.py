# SPDX-License-Identifier: Apache-2.0
"""The kernels' library: compiled once, kept, and done without where it cannot be had."""

import os
import stat
import subprocess
import sys
from types import SimpleNamespace

import mindspore as ms
import pytest

from adabin.cpu import accelerate, library
from adabin.deploy import to_deploy
from adabin.models import build_model
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from tests.cpu_library import needs_kernels
from tests.programs import ROOT

UNIT = 'extern "C" int NormActForward() { return %d; }\n'


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """Cache and kernels of a test's own: one small file. Paths of both."""
    folder, cache = tmp_path / "kernels", tmp_path / "cache"
    folder.mkdir()
    (folder / "unit.cc").write_text(UNIT % 0, encoding="utf-8")
    monkeypatch.setattr(library, "KERNELS", folder)
    monkeypatch.setattr(library.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    library.library_path.cache_clear()
    yield SimpleNamespace(folder=folder, cache=cache / "adabin-mindspore")
    library.library_path.cache_clear()


def path_again():
    """What another process would get."""
    library.library_path.cache_clear()
    return library.library_path()


@needs_kernels
def test_it_is_compiled_once_and_says_so(kernels, capsys):
    first = path_again()
    assert first.startswith(str(kernels.cache)) and os.path.isfile(first)
    written = os.stat(first)
    assert path_again() == first and os.stat(first).st_mtime_ns == written.st_mtime_ns
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("compiled the CPU kernels in ") and lines[0].endswith(first)
    assert sorted(p.suffix for p in kernels.cache.iterdir()) == ["", ".sha256", ".so"]  # "": the lock


@needs_kernels
def test_changed_sources_compile_anew(kernels):
    first = path_again()
    (kernels.folder / "unit.cc").write_text(UNIT % 1, encoding="utf-8")
    assert path_again() != first


@needs_kernels
@pytest.mark.parametrize("damage", [lambda content: content[:100], lambda content: b"", lambda content: content + b"x"])
def test_a_damaged_library_is_compiled_again(kernels, damage):
    path = path_again()
    with open(path, "rb") as handle:
        content = handle.read()
    os.remove(path)  # a file of its own: this process has the old one mapped
    with open(path, "wb") as handle:
        handle.write(damage(content))
    assert path_again() == path
    with open(path, "rb") as handle:
        assert handle.read(4) == b"\x7fELF"


@needs_kernels
def test_without_a_writable_cache_it_lies_in_the_temporary_folder(kernels, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    path = path_again()
    assert path.startswith(str(tmp_path / f"adabin-mindspore-{os.getuid()}"))
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


@needs_kernels
def test_processes_that_start_together_compile_once(kernels):
    code = "import pathlib, src; from adabin.cpu import library; "
    code += f"library.KERNELS = pathlib.Path({str(kernels.folder)!r}); "
    code += "print(library.library_path())"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    ended = [process.communicate() for process in started]
    assert len({out for out, _ in ended}) == 1 and all(out.strip() for out, _ in ended), ended
    assert sum(err.count("compiled the CPU kernels") for _, err in ended) == 1


def refused(kernels, capsys, word):
    """Train without the kernels: one line says why, and `on` is refused with the same reason."""
    library.library_path.cache_clear()
    config = read_config(None, {"network": "resnet8", "cpu_kernels": "auto"})
    network = build_model(config)
    classes = [type(cell) for _, cell in network.cells_and_names()]
    capsys.readouterr()
    accelerate(network, config)
    assert [type(cell) for _, cell in network.cells_and_names()] == classes
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("CPU kernels not used") and word in lines[0]
    config = config.changed(cpu_kernels="on")
    with pytest.raises(UserError, match="cpu_kernels: on") as caught:
        accelerate(network, config)
    assert word in str(caught.value)


def test_without_a_compiler_the_plain_layers_serve(kernels, capsys, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    refused(kernels, capsys, "no C++ compiler")


def test_where_the_compiler_fails_the_plain_layers_serve(kernels, capsys, monkeypatch, tmp_path):
    compiler = tmp_path / "broken"
    compiler.write_text("#!/bin/sh\necho 'x.cc:1: error: boom' >&2\nexit 1\n", encoding="utf-8")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    refused(kernels, capsys, "boom")
    assert not list(kernels.cache.glob("*.so")) and not list(kernels.cache.glob("building-*"))


def test_off_leaves_the_network_as_it_is(capsys):
    config = read_config(None, {"network": "resnet8", "cpu_kernels": "off"})
    network = build_model(config)
    classes = [type(cell) for _, cell in network.cells_and_names()]
    accelerate(network, config)
    assert [type(cell) for _, cell in network.cells_and_names()] == classes
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("device", ["Ascend", "GPU"])
def test_other_devices_do_not_get_them(device):
    config = SimpleNamespace(cpu_kernels="auto", device_target=device)
    network = build_model(read_config(None, {"network": "resnet8"}))
    classes = [type(cell) for _, cell in network.cells_and_names()]
    accelerate(network, config)
    assert [type(cell) for _, cell in network.cells_and_names()] == classes
    config.cpu_kernels = "on"
    with pytest.raises(UserError, match=f"cpu_kernels: on, but device_target is {device}"):
        accelerate(network, config)


@needs_kernels
@pytest.mark.parametrize("network", ["resnet8", "resnet18_cifar", "vgg_small", "resnet18"])
def test_parameters_keep_their_names_and_order(network):
    config = read_config(None, {"network": network, "cpu_kernels": "off"})
    plain = build_model(config)
    config = config.changed(cpu_kernels="on")
    fast = accelerate(build_model(config), config)
    assert {type(cell).__name__ for _, cell in fast.cells_and_names()} >= {"CpuAdaBinConv2d", "CpuNormAct"}
    for names in (lambda n: [p.name for p in n.get_parameters()], lambda n: [p.name for p in n.trainable_params()]):
        assert names(fast) == names(plain)
    assert list(fast.parameters_dict()) == list(plain.parameters_dict())


def test_a_file_may_say_off_without_quotes(tmp_path):
    path = tmp_path / "off.yaml"
    for text, expected in (("off", "off"), ("on", "on"), ("auto", "auto"), ("'off'", "off")):
        path.write_text(f"cpu_kernels: {text}\n", encoding="utf-8")
        assert read_config(path).cpu_kernels == expected
    with pytest.raises(UserError, match="cpu_kernels"):
        read_config(path, {"cpu_kernels": "yes"})


@needs_kernels
def test_a_second_call_changes_nothing_and_exports_stay_plain():
    """What is exported is made of the same layers and constants as without the kernels."""
    plain = build_model(read_config(None, {"network": "resnet8"}))
    once = accelerate(build_model(read_config(None, {"network": "resnet8"})))
    ms.load_param_into_net(once, plain.parameters_dict(), strict_load=True)
    cells = list(once.cells_and_names())
    assert [(name, id(cell)) for name, cell in accelerate(once).cells_and_names()] == [(n, id(c)) for n, c in cells]
    assert {type(cell).__name__ for _, cell in cells} >= {"CpuAdaBinConv2d", "CpuNormAct"}
    made, expected = to_deploy(once), to_deploy(plain)
    for found in (made, expected):
        assert "DeployConv2d" in {type(cell).__name__ for _, cell in found.cells_and_names()}
    assert [(n, type(c)) for n, c in made.cells_and_names()] == [(n, type(c)) for n, c in expected.cells_and_names()]
    for ours, theirs in zip(made.get_parameters(), expected.get_parameters(), strict=True):
        assert ours.name == theirs.name and ours.asnumpy().tobytes() == theirs.asnumpy().tobytes()
