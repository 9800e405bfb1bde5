# SPDX-License-Identifier: Apache-2.0
"""MindSpore Hub finds the networks of this project, and gives them the weights of checkpoints."""

import importlib.util

import mindspore as ms
import numpy as np
import pytest

from adabin.models import build_model
from adabin.utils.checkpoint import describe, network_parameters, read_checkpoint, save_checkpoint
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from tests.programs import ROOT


@pytest.fixture
def create_network():
    """The entry point, imported as Hub does it: from the file alone."""
    spec = importlib.util.spec_from_file_location("mindspore_hub_conf", ROOT / "mindspore_hub_conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.create_network


def logits_of(network):
    images = np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype(np.float32)
    return network(ms.Tensor(images)).asnumpy()


def saved(path, **keys):
    """A checkpoint of a network with these keys, and the network; alpha, beta and slopes are not those of the start."""
    config = read_config(None, {"network": "resnet8", "dataset": "cifar10", **keys})
    network = build_model(config).set_train(False)
    rng = np.random.default_rng(1)
    for parameter in network_parameters(network).values():
        noise = rng.normal(scale=0.2, size=parameter.shape).astype(np.float32)
        parameter.set_data(ms.Tensor(np.abs(parameter.asnumpy() + noise)))
    save_checkpoint(path, network, describe(config))
    return network


def test_a_checkpoint_of_a_run_is_loaded_into_the_network_of_its_name(create_network, tiny_run):
    network = create_network("resnet8", checkpoint=tiny_run / "best.ckpt")
    logits = logits_of(network)
    assert logits.shape == (4, 10) and np.isfinite(logits).all()
    values = network_parameters(network)
    for name, value in read_checkpoint(tiny_run / "best.ckpt")[1].items():
        np.testing.assert_array_equal(values[name].asnumpy(), value)


@pytest.mark.parametrize(
    "keys", [{"binary_form": "released"}, {"weight_set": "scale", "num_classes": 7}, {"nonlinearity": "prelu"}]
)
def test_what_a_checkpoint_says_of_its_network_holds(create_network, tmp_path, keys):
    expected = logits_of(saved(tmp_path / "net.ckpt", **keys))
    np.testing.assert_array_equal(logits_of(create_network("resnet8", checkpoint=tmp_path / "net.ckpt")), expected)
    given = create_network("resnet8", checkpoint=tmp_path / "net.ckpt", **keys)
    np.testing.assert_array_equal(logits_of(given), expected)


def test_a_checkpoint_that_contradicts_what_was_asked_for_is_refused(create_network, tmp_path):
    path = tmp_path / "net.ckpt"
    saved(path, binary_form="released")
    for name, keys, message in (
        ("resnet8", {"binary_form": "paper"}, "was made with binary_form=released, but binary_form=paper is given"),
        ("resnet8", {"num_classes": 7}, "was made with num_classes=10, but num_classes=7"),
        ("resnet20", {}, "was made with network=resnet8, but network=resnet20"),
        ("resnet20_cifar10", {}, "was made with network=resnet8, but network=resnet20"),
    ):
        with pytest.raises(UserError, match=message):
            create_network(name, checkpoint=path, **keys)
    ms.save_checkpoint(create_network("resnet8"), str(tmp_path / "bare.ckpt"))
    with pytest.raises(UserError, match="bare.ckpt: does not say which network it holds"):
        create_network("resnet8", checkpoint=tmp_path / "bare.ckpt")


def test_a_recipe_and_config_keys_describe_a_network(create_network):
    network = create_network("resnet20_cifar10", num_classes=7, w_bits=32)
    assert network.parameters_dict()["linear.weight"].shape[0] == 7
    assert len(network.trainable_params()) > len(create_network("resnet8").trainable_params())


@pytest.mark.parametrize(
    "name, keys, message",
    [
        ("resnet20_cifar", {}, "did you mean resnet20_cifar10"),
        (["resnet20"], {}, r"network \['resnet20'\] is unknown"),
        ("resnet20", {"w_bit": 1}, "unknown key 'w_bit'"),
        ("resnet20", {"num_classes": -1}, "num_classes"),
    ],
)
def test_what_is_unknown_is_refused(create_network, name, keys, message):
    with pytest.raises(UserError, match=message):
        create_network(name, **keys)
