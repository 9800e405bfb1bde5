# SPDX-License-Identifier: Apache-2.0
"""x = beta exactly and both neighboring floats: training form, deploy form and C++ agree."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from adabin.binarize import FORMS, Binarization
from adabin.deploy import to_deploy
from adabin.export import write
from adabin.layers import AdaBinConv2d
from tests import cpp
from tests.modes import in_modes


class OneLayer(nn.Cell):
    """A 1x1 layer with one channel: its output tells the decision for every input."""

    def __init__(self, form, alpha, beta):
        super().__init__()
        self.conv = AdaBinConv2d(2, 1, 1, settings=Binarization(form=form))
        self.conv.binary_a.alpha_a.set_data(ms.Tensor(alpha, ms.float32))
        self.conv.binary_a.beta_a.set_data(ms.Tensor(beta, ms.float32))
        self.conv.weight.set_data(ms.Tensor(np.array([[[[1.0]], [[-0.5]]]], np.float32)))

    def construct(self, x):
        return self.conv(x)


# MindSpore takes denormals for 0 on most CPU threads, in both modes: what it does with them is chance. The C++ engine
# keeps them, which ascend310_infer/tests/threshold_test.cc holds.
BETAS = [0.7, -0.2, 0.0, 1.5e-38]
TINY = np.finfo(np.float32).tiny


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("mode", "alpha"), in_modes([0.3, -0.3, 1e-30, -1e-30, 0.0], [-0.3]), indirect=["mode"])
def test_training_deploy_and_cpp_decide_alike_at_the_threshold(tmp_path, mode, form, alpha):
    for beta in BETAS if mode == "PYNATIVE" else BETAS[1:3]:
        check(tmp_path / str(beta), form, alpha, np.float32(beta))


def check(folder, form, alpha, beta):
    x = np.array(
        [beta, np.nextafter(beta, np.float32(9)), np.nextafter(beta, np.float32(-9)), 0, -0.0, 5, -5], np.float32
    )
    x = x[(x == 0) | (np.abs(x) >= TINY)]
    x = np.stack([x, np.full_like(x, 3)])[None, :, :, None]
    network = OneLayer(form, alpha, beta).set_train(False)
    one = ms.Tensor(1.0, ms.float32)
    binarized = network.conv.binary_a(ms.Tensor(x), one, one).asnumpy()
    trained = network(ms.Tensor(x)).asnumpy()
    deployed = to_deploy(network)
    np.testing.assert_array_equal(deployed(ms.Tensor(x)).asnumpy(), trained)

    model = folder / "layer.mindir"
    folder.mkdir()
    write(deployed, model, "MINDIR", x.shape)
    x.tofile(folder / "x.bin")
    layer = cpp.run("adabin_layer", "--model", model, "--list")[0]
    for kernel in ("reference", "portable"):
        arguments = ("--layer", 0, "--input", folder / "x.bin", "--output", folder / kernel, "--kernel", kernel)
        cpp.run("adabin_layer", "--model", model, *arguments)
        bits = np.fromfile(folder / kernel / "bits.bin", np.uint8).reshape(x.shape)
        values = np.where(bits, np.float32(layer["high"]), np.float32(layer["low"]))
        np.testing.assert_array_equal(values, binarized)
        y = np.fromfile(folder / kernel / "conv.bin", np.float32).reshape(trained.shape)
        np.testing.assert_allclose(y, trained, rtol=0, atol=1e-5 * np.abs(trained).max() + TINY)
