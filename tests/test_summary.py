# SPDX-License-Identifier: Apache-2.0
"""The summary: the paper's networks counted by its rules, and the float versions of the same networks."""

import json
import re

import pytest
from mindspore import nn

from adabin import summary
from adabin.models import build_model
from adabin.utils.config import read_config
from scripts.summary import main
from tests.programs import ROOT

# Recipe: parameters, binary weights, BOPs, FLOPs. Multiply-accumulates of convolutions and linear layers for one
# picture; the authors' networks without the layers that they never call.
# The last two: million OPs and megabytes counted on the authors' PyTorch networks, ImageNet's with 3,024 unused floats.
EXPECTED = {
    "resnet20_cifar10": (271_262, 267_264, 40_108_032, 443_008, 1.07, 0.0494),
    "resnet18_cifar10": (11_182_826, 10_985_472, 547_356_672, 8_066_048, 16.62, 2.163),
    "vgg_small_cifar10": (4_663_700, 4_571_136, 603_979_776, 3_620_864, None, None),
    "resnet18_imagenet": (11_698_376, 10_985_472, 1_676_279_808, 137_793_536, 164.0, 4.237 - 0.012),
    "resnet34_imagenet": (21_813_992, 21_086_208, 3_525_967_872, 137_793_536, 192.9, 5.559 - 0.012),
    "teacher_resnet34_imagenet": (21_797_672, 0, 0, 3_663_761_408, None, None),  # torchvision: 3.66 G
}


def summarize(recipe, capsys, *flags):
    """(printed table, totals)."""
    result = main(["--config_path", str(ROOT / "config" / f"{recipe}.yaml"), *flags])
    json.dumps(result)
    return capsys.readouterr().out, result


@pytest.mark.parametrize("recipe", EXPECTED)
def test_totals_are_those_of_the_paper_networks(recipe, capsys):
    params, binary, bops, flops, authors_ops, authors_size = EXPECTED[recipe]
    table, result = summarize(recipe, capsys)
    found = {key: result[key] for key in ("params", "binary_weights", "bops", "flops", "ops")}
    assert found == {
        "params": params, "binary_weights": binary, "bops": bops, "flops": flops, "ops": flops + bops / 64,
    }  # fmt: skip
    assert result["float_bytes"] == 4 * params
    assert result["packed_bytes"] == binary // 8 + 4 * (params - binary)
    if authors_ops:
        assert result["ops"] / 1e6 == pytest.approx(authors_ops, abs=0.05)
        assert result["packed_bytes"] / 1e6 == pytest.approx(authors_size, abs=0.001)
    assert f"{bops:,}" in table.split("total")[1].splitlines()[0]
    for name in result["full_precision"]:
        assert re.search(rf"^  {re.escape(name)}: \S", table, re.MULTILINE)


@pytest.mark.parametrize("w_bits, a_bits", [(32, 32), (1, 32), (32, 1)])
def test_operations_are_binary_only_where_both_sides_are(w_bits, a_bits, capsys):
    table, result = summarize("resnet20_cifar10", capsys, f"--w_bits={w_bits}", f"--a_bits={a_bits}")
    assert result["bops"] == 0 and result["flops"] == result["ops"] == 40_108_032 + 443_008
    assert result["binary_weights"] == (267_264 if w_bits == 1 else 0)
    assert result["params"] == 271_262 - (36 if a_bits == 32 else 0)  # alpha and beta of 18 layers
    assert len(result["full_precision"]) == 20
    assert table.count("w_bits or a_bits is 32") == 18


def test_another_picture_size_and_class_count(capsys):
    _, result = summarize("resnet20_cifar10", capsys, "--image_size=16", "--num_classes=100")
    assert (result["bops"], result["flops"]) == (40_108_032 // 4, 442_368 // 4 + 6400)


def test_a_float_layer_without_a_reason_is_found():
    network = build_model(read_config(None, {"network": "resnet8"}))
    network.layer1[0].shortcut = nn.Conv2d(16, 16, 1)
    layers = summary.summarize(network, 8)
    with pytest.raises(ValueError, match="layer1.0.shortcut is in full precision"):
        summary.full_precision_layers(network, layers)


def test_a_detector_with_two_outputs_is_counted(capsys):
    flags = ("--network=ssd_vgg16", "--image_size=64", "--num_classes=3", "--width=0.125")
    table, result = summarize("base", capsys, *flags)
    assert result["params"] > result["binary_weights"] > 0 and result["bops"] > result["flops"] > 0
    assert re.search(r"^norm +L2Norm +0 +64 ", table, re.MULTILINE)  # 64 scales, none of them binary
    assert {"backbone.conv1", "backbone.conv7", "locations.0", "scores.3"} <= set(result["full_precision"])
