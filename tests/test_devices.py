# SPDX-License-Identifier: Apache-2.0
"""docs/devices.md: every operator of every graph stands there, with what MindSpore says of its platforms."""

import re

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from adabin.models import MODELS
from adabin.utils.config import read_config
from scripts.operator_graphs import as_if_on, graphs_of, operators
from scripts.platform_statements import PLATFORMS, Statement, has_kernel, statement
from scripts.write_devices import BEGIN, DOCUMENT, END, FLOAT, all_graphs, collectives, subjects, tables
from tests import tiny_detector
from tests.programs import ROOT

TEXT = DOCUMENT.read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \|" + r"[^|]+\|" * 3 + r" ([^|]+) \| [^|]+ \| [^|]+ \|$", re.MULTILINE)
TABLE = {name: tuple(said.split(", ")) for name, said in ROW.findall(TEXT)}


def check(names):
    """Each operator has its row, which says what MindSpore says."""
    assert names, "no operator was found"
    assert not names - TABLE.keys(), "replace what MindSpore does not document, or run scripts/write_devices.py"
    for name in names:
        said = statement(name)
        assert TABLE[name] == (said.platforms if said else ("nothing said",)), name


@pytest.mark.parametrize("keys", [{"network": "resnet8"}, {"network": "standard_resnet8", **FLOAT}], ids=str)
def test_operators_of_a_classifier_stand_in_the_table(keys):
    graphs = graphs_of(read_config(None, keys))
    assert "Conv2DBackpropFilter" in graphs["training"] and "Conv2DBackpropFilter" not in graphs["evaluation"]
    assert ("Square" in graphs["evaluation"]) == (keys["network"] == "resnet8")  # of the weights' deviation
    assert not {"Square", "Cast"} & graphs["deploy"]
    for names in graphs.values():
        check(names)


def test_operators_of_a_detectors_loss_stand_in_the_table(monkeypatch):
    monkeypatch.setitem(MODELS, "tiny_detector", None)  # it goes with the test
    tiny_detector.register()
    graphs = graphs_of(read_config(None, {"network": "tiny_detector", "task": "detection", "optimizer": "adam"}))
    assert {"TopK", "SmoothL1LossGrad", "Adam"} <= graphs["training"]
    check(graphs["training"])


def test_operators_of_several_workers_stand_in_the_table():
    assert {"AllReduce", "AllGather", "Broadcast"} < collectives()["training"]
    check(collectives()["training"])


class TimesTwo(nn.Cell):
    """What Python's operators make of a tensor and a number, which MindSpore documents nowhere."""

    def construct(self, x):
        return x * 2


def test_an_operator_that_is_not_documented_is_found():
    names = operators(TimesTwo(), ms.Tensor(np.ones(3, np.float32)))
    assert names == {"Muls"} and statement("Muls") is None
    with pytest.raises(AssertionError, match="replace what MindSpore does not document"):
        check(names)


def test_graphs_of_another_device_are_compiled_here():
    class Finite(nn.Cell):
        def construct(self, x):
            return ms.amp.all_finite((x,))

    found = {}
    for device in PLATFORMS:
        with as_if_on(device):
            found[device] = operators(Finite(), ms.Tensor(np.ones(3, np.float32)))
    assert "AllFinite" in found["Ascend"] and "FloatStatus" in found["GPU"] and "IsFinite" in found["CPU"]
    assert ms.get_context("device_target") == "CPU"


def test_a_statement_is_the_operators_own_or_of_what_it_belongs_to():
    everywhere = ("Ascend", "GPU", "CPU")
    for name, platforms, by in (
        ("Conv2D", everywhere, "Conv2D"),
        ("Select", everywhere, "ops.select"),
        ("MaxPoolGrad", everywhere, "MaxPool"),
        ("Conv2DBackpropInput", everywhere, "Conv2D"),  # its own says: deprecated
        ("AllFinite", everywhere, "amp.all_finite"),
        ("FloatStatus", ("GPU",), "FloatStatus"),
        ("AllGather", ("Ascend", "GPU"), "AllGather"),
    ):
        assert statement(name) == Statement(platforms, by)
    assert statement("EqScalar") is None and statement("NoSuchOperator") is None


def test_kernels_are_found_in_the_plug_ins():
    assert all(has_kernel("GreaterEqual", platform) for platform in PLATFORMS)
    assert not any(has_kernel("NoSuchOperator", platform) for platform in PLATFORMS)


def test_what_is_not_documented_for_every_device_is_explained():
    assert len(TABLE) > 60
    for name, said in TABLE.items():
        explained = re.search(rf"^- \*\*.*`{name}`.*\*\*", TEXT, re.MULTILINE)
        assert bool(explained) == (said != PLATFORMS), f"{name} is documented for {', '.join(said)}"


def test_every_recipe_and_network_has_its_row_and_the_readme_names_the_document():
    for name in subjects():
        assert re.search(rf"^\| `{name}` \| \d", TEXT, re.MULTILINE), f"{name}: run scripts/write_devices.py"
    assert "(docs/devices.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_tables_are_those_of_the_code():
    made = TEXT.partition(BEGIN)[2].partition(END)[0].strip()
    assert tables(all_graphs(tell=lambda name: None)) == made, "run scripts/write_devices.py"
