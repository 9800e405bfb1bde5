# SPDX-License-Identifier: Apache-2.0
"""Mixed precision: what is float16 and what is not, sums beyond its range, and updates that are skipped."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from adabin.binarize import Binarization
from adabin.layers import AdaBinConv2d
from adabin.models import binarization_of
from adabin.training.precision import HalfProduct, InFloat, train_in_half
from adabin.training.update import INITIAL_SCALE, STEPS_TO_GROW, LossScale
from tests.test_schedule_and_step import Small, batch, differing, values_of
from tests.test_training_options import FLOAT, make, weights_of

HALF = ms.float16


class Seen(nn.Cell):
    """Passes its input on and notes its type."""

    def __init__(self, product, seen):
        super().__init__()
        self.product, self.seen = product, seen

    def construct(self, x, weight):
        self.seen.append((x.dtype, weight.dtype))
        return self.product(x, weight)


def test_products_are_half_in_training_and_float_in_evaluation():
    network, _, config = make("PYNATIVE", amp_level="O2")
    seen = []
    for _, cell in list(network.cells_and_names()):
        if isinstance(cell, HalfProduct):
            cell.product = Seen(cell.product, seen)
    images, _ = batch(0)
    logits = network.set_train(True)(images)
    assert len(seen) == 3 and {kind for pair in seen for kind in pair} == {HALF}
    assert logits.dtype == ms.float32
    seen.clear()
    network.set_train(False)(images)
    assert {kind for pair in seen for kind in pair} == {ms.float32}


def test_evaluation_gives_the_bits_of_the_float_network(mode):
    plain, _, config = make(mode)
    half, step, _ = make(mode, amp_level="O2")
    for _ in range(2):
        step(*batch(1))
    for name, value in weights_of(half).items():
        plain.parameters_dict()[name].set_data(ms.Tensor(value.astype(np.float32)))
    images = batch(0)[0]
    expected = plain.set_train(False)(images).asnumpy()
    assert half.set_train(False)(images).asnumpy().tobytes() == expected.tobytes()


def test_gradients_are_those_of_float32_within_the_precision_of_float16(mode):
    """Of a network without thresholds, which rounding could push a value across."""
    plain, plain_step, _ = make(mode, **FLOAT)
    half, half_step, _ = make(mode, amp_level="O2", **FLOAT)
    images, labels = batch(0)
    (_, loss, _), expected = plain_step.value_and_grad(images, labels)
    (_, half_loss, _), gradients = half_step.value_and_grad(images, labels)
    assert float(half_loss.asnumpy()) == pytest.approx(float(loss.asnumpy()), rel=5e-3)
    for parameter, found, exact in zip(plain_step.optimizer.parameters, gradients, expected, strict=True):
        assert found.dtype == ms.float32
        exact = exact.asnumpy()
        difference = np.abs(found.asnumpy() / INITIAL_SCALE - exact).max()
        assert difference < 0.03 * np.abs(exact).max() + 1e-6, parameter.name


class SumOfOutputs(nn.Cell):
    """A layer whose gradient is 1 for each of its outputs."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def construct(self, x):
        return ops.cast(self.layer(x), ms.float32).sum()


@pytest.mark.parametrize("dtype", [ms.float32, HALF], ids=["float32 map", "float16 map"])
@pytest.mark.parametrize("form", ["paper", "released"])
def test_sums_for_alpha_and_beta_go_beyond_the_range_of_float16(mode, form, dtype):
    """One gradient of 1 per tap on 2 x 262,144 activations: each sum is far above 65,504."""

    def gradients(half):
        layer = AdaBinConv2d(1, 1, 1, settings=Binarization(w_bits=32, form=form))
        layer.weight.set_data(ms.Tensor(np.ones((1, 1, 1, 1), np.float32)))
        network = SumOfOutputs(train_in_half(layer) if half else layer).set_train(True)
        # Saturated: the estimator is 0.
        x = ms.Tensor(np.full((2, 1, 512, 512), 3.0, np.float32)).astype(dtype if half else ms.float32)
        assert not half or layer(x).dtype == HALF
        return [g.asnumpy() for g in ms.grad(network, None, [layer.binary_a.alpha_a, layer.binary_a.beta_a])(x)]

    expected, found = gradients(False), gradients(True)
    assert [g.dtype for g in found] == [np.float32] * 2
    assert float(expected[0]) == 524_288
    np.testing.assert_array_equal(found, expected)


def test_statistics_and_learned_slopes_are_computed_in_float32():
    network = train_in_half(Small(Binarization()))
    wrapped = {type(cell.layer).__name__ for _, cell in network.cells_and_names() if isinstance(cell, InFloat)}
    assert wrapped == {"BatchNorm2d", "Maxout"}
    assert {p.dtype for p in network.get_parameters()} == {ms.float32}


def test_a_gradient_that_is_not_finite_changes_nothing_but_the_scale(mode):
    network, step, _ = make(mode, amp_level="O2", ema_decay=0.5, optimizer="adam")
    step(*batch(0))
    before, averages = values_of(step), [p.asnumpy().copy() for p in step.update.average.averages]
    gradients = [ms.Tensor(np.ones(p.shape, np.float32)) for p in step.optimizer.parameters]
    gradients[2] = gradients[2] * ms.Tensor(np.float32("inf"))
    step.update(tuple(gradients))
    assert differing(before, values_of(step)) == []
    assert all(np.array_equal(a, b.asnumpy()) for a, b in zip(averages, step.update.average.averages, strict=True))
    assert float(step.update.loss_scale.value.asnumpy()) == INITIAL_SCALE / 2
    gradients[2] = gradients[0] * 0 if gradients[0].shape == gradients[2].shape else ms.ops.zeros_like(gradients[2])
    step.update(tuple(gradients))
    assert differing(before, values_of(step)) != []


def test_the_scale_doubles_after_enough_finite_updates(mode):
    scale = LossScale()
    good, bad = ms.Tensor(True), ms.Tensor(False)
    scale.steps.set_data(ms.Tensor(STEPS_TO_GROW - 2, ms.int32))
    scale(good)
    assert (float(scale.value.asnumpy()), int(scale.steps.asnumpy())) == (INITIAL_SCALE, STEPS_TO_GROW - 1)
    scale(good)
    assert (float(scale.value.asnumpy()), int(scale.steps.asnumpy())) == (2 * INITIAL_SCALE, 0)
    scale(good)
    scale(bad)
    assert (float(scale.value.asnumpy()), int(scale.steps.asnumpy())) == (INITIAL_SCALE, 0)
    for _ in range(30):
        scale(bad)
    assert float(scale.value.asnumpy()) == 1


def test_training_in_half_learns_a_batch_by_heart(mode):
    network, step, config = make(mode, amp_level="O2", lr=0.05)
    losses = [float(step(*batch(0))[0].asnumpy()) for _ in range(15)]
    assert np.isfinite(losses).all() and losses[-1] < 0.5 * losses[0]
    assert binarization_of(config).a_bits == 1
