# SPDX-License-Identifier: Apache-2.0
"""Networks as initialized, with the sets {-1, +1}: sums are exact, and ties fall in C++ as in MindSpore.

The folded BatchNorm leaves 6e-5 there when it is rounded first: signs flip from layer to layer, and classes change.
"""

import mindspore as ms
import numpy as np
import pytest

from adabin.deploy import to_deploy
from adabin.export import write
from adabin.models import build_model
from adabin.utils.config import read_config
from tests import cpp

IMAGES = 8


@pytest.mark.parametrize("name", ["resnet20", "vgg_small"])
def test_ties_fall_in_cpp_as_in_mindspore(name, tmp_path):
    ms.set_seed(1)
    changes = {"network": name, "image_size": 32, "weight_set": "fixed", "activation_set": "fixed"}
    deployed = to_deploy(build_model(read_config(None, changes)).set_train(False))
    x = np.random.default_rng(6).normal(size=(IMAGES, 3, 32, 32)).astype(np.float32)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    expected = deployed(ms.Tensor(x)).asnumpy()
    ms.set_context(mode=ms.GRAPH_MODE)
    write(deployed, tmp_path / "net.mindir", "MINDIR", x.shape)
    for kernel in ("auto", "portable", "float"):
        logits, _ = cpp.infer(tmp_path / "net.mindir", x, tmp_path / kernel, "--kernel", kernel)
        assert (logits.argmax(1) == expected.argmax(1)).all()
        assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()
