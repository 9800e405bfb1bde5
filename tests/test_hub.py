# SPDX-License-Identifier: Apache-2.0
"""MindSpore Hub finds the networks of this project, and checkpoints of train.py fit into them."""

import importlib.util

import mindspore as ms
import numpy as np
import pytest

from adabin.utils.errors import UserError
from tests.programs import ROOT


@pytest.fixture
def create_network():
    """The entry point, imported as Hub does it: from the file alone."""
    spec = importlib.util.spec_from_file_location("mindspore_hub_conf", ROOT / "mindspore_hub_conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.create_network


def test_a_checkpoint_of_a_run_fits_into_the_network_of_its_name(create_network, tiny_run):
    network = create_network("resnet8", 10)
    values = ms.load_checkpoint(str(tiny_run / "best.ckpt"))
    missing, _ = ms.load_param_into_net(network, values)
    assert all(name.endswith(("estimator_k", "estimator_t")) for name in missing)
    logits = network(ms.Tensor(np.zeros((2, 3, 32, 32), np.float32)))
    assert logits.shape == (2, 10) and np.isfinite(logits.asnumpy()).all()


def test_a_recipe_and_config_keys_describe_a_network(create_network):
    network = create_network("resnet20_cifar10", num_classes=7, w_bits=32)
    assert network.parameters_dict()["linear.weight"].shape[0] == 7
    assert len(network.trainable_params()) > len(create_network("resnet8").trainable_params())


@pytest.mark.parametrize(
    "name, keys, message",
    [
        ("resnet20_cifar", {}, "did you mean resnet20_cifar10"),
        ("resnet20", {"w_bit": 1}, "unknown key 'w_bit'"),
        ("resnet20", {"num_classes": -1}, "num_classes"),
    ],
)
def test_what_is_unknown_is_refused(create_network, name, keys, message):
    with pytest.raises(UserError, match=message):
        create_network(name, **keys)
