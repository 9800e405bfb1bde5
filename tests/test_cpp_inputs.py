# SPDX-License-Identifier: Apache-2.0
"""Networks of several inputs in the C++ engine: MindSpore's outputs from either file, and arrays that are refused."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from adabin.engine import EngineModel, Model
from adabin.utils.errors import UserError
from tests import cpp

SHAPES = (2, 3, 5, 4), (2, 6, 5, 4), (2, 6)


class ThreeInputs(nn.Cell):
    """A convolution of an image plus a map, and of the map with a vector the scores."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, pad_mode="pad", padding=1, weight_init="normal")

    def construct(self, image, prior, vector):
        return self.conv(image) + prior, ops.relu(prior).mean((2, 3)) * vector


def arrays_of(count, seed=5):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(count, *shape[1:])).astype(np.float32) for shape in SHAPES]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(the Cell, its MindIR, its packed file)."""
    folder = tmp_path_factory.mktemp("inputs")
    ms.set_context(mode=ms.GRAPH_MODE)
    cell = ThreeInputs().set_train(False)
    tensors = [ms.Tensor(np.zeros(shape, np.float32)) for shape in SHAPES]
    ms.export(cell, *tensors, file_name=str(folder / "net"), file_format="MINDIR")
    cpp.run("adabin_pack", "--model", folder / "net.mindir", "--output", folder / "net.adabin")
    return cell, folder / "net.mindir", folder / "net.adabin"


def test_outputs_are_mindspores_and_of_both_files_the_same(exported):
    cell, *paths = exported
    arrays = arrays_of(2)
    expected = [output.asnumpy() for output in cell(*map(ms.Tensor, arrays))]
    bits = []
    for path in paths:
        with Model(path) as model:
            assert [tensor.name for tensor in model.inputs] == ["image", "prior", "vector"]
            assert [tensor.shape for tensor in model.inputs] == [(None, *shape[1:]) for shape in SHAPES]
            for threads in (1, 2):
                with model.session(threads=threads) as session:
                    bits.append(session.run(*arrays))
        bits.append(EngineModel(path)(*arrays))
    for found in bits:
        for own, first, theirs in zip(found, bits[0], expected, strict=True):
            np.testing.assert_array_equal(own.view(np.uint32), first.view(np.uint32))
            np.testing.assert_allclose(own, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def test_samples_are_any_number(exported):
    arrays = arrays_of(7)
    with Model(exported[2]) as model, model.session(threads=2) as session:
        together = session.run(*arrays)
        for index in range(7):
            for whole, one in zip(together, session.run(*(a[index : index + 1] for a in arrays)), strict=True):
                np.testing.assert_array_equal(whole[index], one[0])


def test_other_arrays_are_refused_in_one_line(exported):
    image, prior, vector = arrays_of(2)
    with Model(exported[2]) as model, model.session(threads=1) as session:
        with pytest.raises(UserError, match="^the network has 3 inputs, not 1$"):
            session.run(image)
        with pytest.raises(UserError, match=r"^prior: is float32 \(2, 3, 5, 4\), the network's is .*\(N, 6, 5, 4\)$"):
            session.run(image, image, vector)
        with pytest.raises(UserError, match=r"^vector: is float32 \(1, 6\)"):
            session.run(image, prior, vector[:1])
        with pytest.raises(UserError, match="^input_type ADABIN_UINT8: the network has 3 inputs"):
            model.session(pixels=True, normalization=(np.zeros(3), np.ones(3)))
    message = r"net\.adabin: takes 3 inputs \(image, prior, vector\), not 1$"
    with pytest.raises(UserError, match=message):
        EngineModel(exported[2])(image)
