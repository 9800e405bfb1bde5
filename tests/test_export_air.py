# SPDX-License-Identifier: Apache-2.0
"""AIR, Ascend's own format, as far as it goes without one; where MindSpore would write it, a stand-in does."""

import dataclasses
import os
import stat
from pathlib import Path

import mindspore as ms
import pytest
from mindspore import nn

import adabin.export
from adabin.deploy import to_deploy
from adabin.export import export_network, write
from adabin.layers import AdaBinConv2d
from adabin.opening import open_checkpoint
from adabin.utils.errors import RunError, UserError
from tests.programs import call, refusal_of


def left_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("device, said", [
    ("CPU", ["--file_format AIR: MindSpore writes it on an Ascend only", "--device_target=Ascend", "MINDIR"]),
    ("Ascend", ["--device_target Ascend (device 0) cannot be used here", "this machine has CPU;"]),
])  # fmt: skip
def test_without_an_ascend_it_ends_in_one_line_and_leaves_nothing(tiny_run, tmp_path, device, said):
    flags = ("--ckpt_path", tiny_run / "best.ckpt", "--file_format=AIR", f"--device_target={device}")
    line = refusal_of(call("export.py", *flags, "--file_name", tmp_path / "net", cwd=tmp_path))
    assert all(part in line for part in said), line
    assert left_in(tmp_path) == []


def test_it_is_refused_before_any_work(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(adabin.export, "first_images", None)
    with pytest.raises(UserError, match="--file_format AIR"):
        export_network(open_checkpoint(tiny_run / "best.ckpt"), str(tmp_path / "net"), file_format="AIR")


def test_what_mindspore_says_of_it_on_a_cpu_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = to_deploy(nn.SequentialCell(AdaBinConv2d(3, 4, 1)).set_train(False))
    with pytest.raises(UserError, match="--file_format AIR: cannot be exported here .*; AIR needs --device_target=Asc"):
        write(network, tmp_path / "net.air", "AIR", (1, 3, 16, 16))
    assert left_in(tmp_path) == []


@pytest.fixture
def on_ascend(tiny_run, monkeypatch):
    """A function that exports as on an Ascend: MindSpore's export is the one given."""

    def export(path, mindsporish, **options):
        monkeypatch.setattr(ms, "export", mindsporish)
        opened = open_checkpoint(tiny_run / "best.ckpt", split="test")
        opened = dataclasses.replace(opened, config=opened.config.changed(device_target="Ascend"))
        return export_network(opened, str(path), file_format="AIR", **options)

    return export


def test_on_an_ascend_the_file_comes_with_its_description_and_its_deploy_form_is_compared(on_ascend, tmp_path):
    asked = []

    def mindsporish(network, example, file_name, file_format):
        asked.append((type(network).__name__, example.shape, file_format, Path(file_name).suffix))
        Path(file_name).write_bytes(b"of an Ascend")
        os.chmod(file_name, 0o400)  # as MindSpore does

    result = on_ascend(tmp_path / "net", mindsporish, batch_size=4, check_images=16)
    assert asked == [("DeployNetwork", (4, 3, 32, 32), "AIR", ".air")]
    assert (tmp_path / "net.air").read_bytes() == b"of an Ascend" and result["bytes"] == 12
    assert stat.S_IMODE((tmp_path / "net.air").stat().st_mode) == 0o644
    assert result["file"] == str(tmp_path / "net.air") and result["binary_layers"] == 6
    assert (result["compared_images"], result["largest_difference"]) == (16, 0.0)
    assert left_in(tmp_path) == ["net.air", "net.yaml"]


@pytest.mark.parametrize("error, options, kind", [
    (RuntimeError("no such adapter\nand more"), {}, UserError), (None, {"tolerance": -1.0}, RunError),
])  # fmt: skip
def test_an_export_that_fails_on_an_ascend_leaves_nothing(on_ascend, tmp_path, error, options, kind):
    def mindsporish(network, example, file_name, file_format):
        Path(file_name).write_bytes(b"half of it")
        if error:
            raise error

    with pytest.raises(kind, match="--file_format AIR: .*no such adapter\\)|the deploy form in .*net.air differs"):
        on_ascend(tmp_path / "net", mindsporish, check_images=8, **options)
    assert left_in(tmp_path) == []
