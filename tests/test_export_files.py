# SPDX-License-Identifier: Apache-2.0
"""Export: names of files, what lies there already, and two exports at a time."""

import shutil
import tempfile

import pytest

import adabin.export
import export
from adabin.deploy import to_deploy
from adabin.export import target_path, write
from adabin.layers.binary_conv import DeployConv2d
from adabin.utils import files
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from tests.exported import exported_by_program, read_mindir


def test_an_existing_file_is_replaced_only_when_told_so(tiny_run, tmp_path):
    (tmp_path / "net.mindir").write_text("the one before")
    with pytest.raises(UserError, match=r"net\.mindir: exists already.*--force"):
        exported_by_program(tiny_run, tmp_path)
    assert (tmp_path / "net.mindir").read_text() == "the one before"
    exported_by_program(tiny_run, tmp_path, "--force", "--check_images=0")
    assert read_mindir(tmp_path / "net.mindir").node


@pytest.mark.parametrize(
    "name, flags, part",
    [
        ("net.onnx", (), r"net\.onnx: ends in \.onnx, but --file_format MINDIR writes \.mindir; leave"),
        ("net.ONNX", (), "ends in .onnx"),
        ("net.mindir", ("--file_format=ONNX",), "ends in .mindir, but --file_format ONNX writes .onnx"),
        ("net.adabin", (), "ends in .adabin"),
        ("folder/", (), "names no file; give one, such as out/net.mindir"),
        ("", (), "--file_name '': names no file"),
        (".", (), "names no file"),
        ("folder/..", (), "names no file"),
        ("folder/.mindir", (), "names no file"),
        ("net", ("--tolerance=-1",), "--tolerance -1.0"),
        ("net", ("--tolerance=nan",), "--tolerance nan"),
    ],
)
def test_a_name_that_would_become_another_is_refused_before_any_work(
    tiny_run, tmp_path, monkeypatch, name, flags, part
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(export, "open_checkpoint", None)
    run = shutil.copytree(tiny_run, tmp_path / "run")
    with pytest.raises(UserError, match=part):
        export.main(["--ckpt_path", str(run / "best.ckpt"), "--file_name", name, *flags])
    assert list(tmp_path.iterdir()) == [run] and not [*run.glob("*.mindir"), *run.glob("*.onnx")]


def test_dots_in_a_name_are_part_of_it(tmp_path):
    for name, path in (("v1.2", "v1.2.mindir"), ("net.mindir", "net.mindir"), ("a.onnx.mindir", "a.onnx.mindir")):
        assert target_path(str(tmp_path / name), "MINDIR", False) == tmp_path / path


def test_any_file_name_can_be_exported_and_loaded(tiny_run, tmp_path):
    folder = tmp_path / "a b, n[1], c++,x=1, größe"
    folder.mkdir()
    result = exported_by_program(tiny_run, folder, "--check_images=8")
    assert result["largest_difference"] < 1e-4 and sorted(p.name for p in folder.iterdir()) == [
        "net.mindir",
        "net.yaml",
    ]


def test_any_folder_for_temporary_files_serves_an_export(tiny_run, tmp_path, monkeypatch):
    name = "t m ü"
    (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    result = exported_by_program(tiny_run, tmp_path, "--check_images=8")
    assert result["largest_difference"] < 1e-4 and not any((tmp_path / name).iterdir())
    monkeypatch.setattr(files, "WITH_PLAIN_PATH", str(tmp_path / "absent"))
    with pytest.raises(UserError, match=f"TMPDIR {tmp_path}/{name}: MindSpore takes no such name.*set TMPDIR to"):
        exported_by_program(tiny_run, tmp_path, "--force", "--check_images=0")


def test_one_network_is_exported_in_two_formats_under_one_name(tiny_run, tmp_path):
    exported_by_program(tiny_run, tmp_path, "--check_images=0")
    exported_by_program(tiny_run, tmp_path, "--check_images=0", "--file_format=ONNX")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.mindir", "net.onnx", "net.yaml"]


def test_a_description_of_the_same_network_with_other_pictures_is_replaced_and_anothers_stays(tiny_run, tmp_path):
    exported_by_program(tiny_run, tmp_path, "--test_size=20", "--check_images=0")
    exported_by_program(tiny_run, tmp_path, "--file_format=ONNX", "--check_images=0")
    assert read_config(tmp_path / "net.yaml").test_size == 40  # what was compared last
    text = (tmp_path / "net.yaml").read_text(encoding="utf-8")
    (tmp_path / "net.onnx").unlink()
    for here, there in (("image_size: 32", "image_size: 16"), ("nonlinearity: maxout", "nonlinearity: relu")):
        assert f"\n{here}\n" in text
        (tmp_path / "net.yaml").write_text(text.replace(here, there), encoding="utf-8")
        with pytest.raises(UserError, match=r"net\.yaml: exists already, of another network; choose"):
            exported_by_program(tiny_run, tmp_path, "--file_format=ONNX", "--check_images=0")
        assert there in (tmp_path / "net.yaml").read_text(encoding="utf-8")


def test_of_two_exports_to_one_name_the_second_loses(tiny_run, tmp_path, monkeypatch):
    def slow(*arguments):
        write(*arguments)
        (tmp_path / "net.mindir").write_text("the other's")

    monkeypatch.setattr(adabin.export, "write", slow)
    with pytest.raises(UserError, match=r"net\.mindir: another process has written it meanwhile"):
        exported_by_program(tiny_run, tmp_path, "--check_images=0")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("net.mindir", "the other's")]


def test_of_two_exports_in_different_formats_to_one_name_the_second_loses_too(tiny_run, tmp_path, monkeypatch):
    """What lies beside the first one's file goes on to describe that."""
    other = adabin.export.description.DESCRIPTION_HEADER + "network: resnet20\n"

    def slow(*arguments):
        write(*arguments)
        (tmp_path / "net.yaml").write_text(other)

    monkeypatch.setattr(adabin.export, "write", slow)
    with pytest.raises(UserError, match=r"net\.yaml: exists already, of another network"):
        exported_by_program(tiny_run, tmp_path, "--check_images=0")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("net.yaml", other)]


def test_an_export_that_fails_leaves_nothing(tiny_run, tmp_path, monkeypatch):
    class NotCompiled(DeployConv2d):
        def construct(self, x):
            return no_such_name(x)  # noqa: F821

    def spoiled(network):
        deployed = to_deploy(network)
        next(cell for _, cell in deployed.cells_and_names() if type(cell) is DeployConv2d).__class__ = NotCompiled
        return deployed

    monkeypatch.setattr(adabin.export, "to_deploy", spoiled)
    monkeypatch.chdir(tmp_path)
    with pytest.raises((UserError, NameError)):
        exported_by_program(tiny_run, tmp_path, "--check_images=0")
    assert list(tmp_path.rglob("*")) == []
