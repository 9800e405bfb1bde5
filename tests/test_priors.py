# SPDX-License-Identifier: Apache-2.0
"""SSD's prior boxes: their number, order and values."""

import numpy as np
import pytest

from adabin.detection.priors import BOXES_PER_CELL, scales, ssd_maps, ssd_priors
from adabin.utils.errors import UserError

MAPS = {
    300: [38, 19, 10, 5, 3, 1],
    512: [64, 32, 16, 8, 6, 4],
    257: [33, 17, 9, 5, 3, 1],
    256: [32, 16, 8, 4, 2],
    160: [20, 10, 5, 3, 1],
    128: [16, 8, 4, 2],
    64: [8, 4, 2, 1],
}


def test_ssd300_has_8732_priors():
    priors = ssd_priors(300)
    assert priors.shape == (8732, 4) and priors.dtype == np.float32
    assert BOXES_PER_CELL == (4, 6, 6, 6, 4, 4)
    assert sum(side**2 * boxes for side, boxes in zip(MAPS[300], BOXES_PER_CELL, strict=True)) == 8732


@pytest.mark.parametrize(("size", "maps"), MAPS.items())
def test_maps_and_numbers_of_priors_follow_from_the_picture(size, maps):
    assert ssd_maps(size) == maps
    cells = [side**2 * boxes for side, boxes in zip(maps, BOXES_PER_CELL, strict=False)]
    assert len(ssd_priors(size)) == sum(cells)


def test_scales_of_six_maps_are_the_reference_s_sizes():
    pixels = [30, 60, 111, 162, 213, 264, 315]
    np.testing.assert_allclose(np.array(scales(6)) * 300, pixels, rtol=1e-12)
    assert scales(5) == [0.1, 0.2, 0.43, 0.66, 0.89, 1.12]
    assert scales(4) == [0.1, 0.2, 0.55, 0.9, 1.25]


# Worked out by hand: 30, sqrt(30 60), 30 sqrt(2), 30 / sqrt(2), ... pixels of 300.
BY_HAND = {
    0: (4, 4, 30, 30),
    1: (4, 4, 42.426407, 42.426407),
    2: (4, 4, 42.426407, 21.213203),
    3: (4, 4, 21.213203, 42.426407),
    4: (12, 4, 30, 30),  # the next cell of the row
    38 * 4: (4, 12, 30, 30),  # the next row
    38 * 38 * 4 - 4: (300, 300, 30, 30),  # the last cell: its center is at 37.5 cells of 8 pixels
    5776: (8, 8, 60, 60),
    5776 + 1: (8, 8, 81.608823, 81.608823),
    5776 + 2: (8, 8, 84.852814, 42.426407),
    5776 + 3: (8, 8, 42.426407, 84.852814),
    5776 + 4: (8, 8, 103.923048, 34.641016),
    5776 + 5: (8, 8, 34.641016, 103.923048),
    5776 + 2166: (16, 16, 111, 111),
    5776 + 2166 + 600: (32, 32, 162, 162),
    5776 + 2166 + 600 + 150: (50, 50, 213, 213),  # three cells across 300 pixels
    5776 + 2166 + 600 + 150 + 4 * 4: (150, 150, 213, 213),
    8728: (150, 150, 264, 264),
    8729: (150, 150, 288.374757, 288.374757),
    8730: (150, 150, 300, 186.676190),  # 373 pixels wide, clipped
    8731: (150, 150, 186.676190, 300),
}


@pytest.mark.parametrize(("number", "pixels"), BY_HAND.items())
def test_priors_have_the_values_worked_out_by_hand(number, pixels):
    np.testing.assert_allclose(ssd_priors(300)[number] * 300, pixels, rtol=1e-5)


@pytest.mark.parametrize("size", MAPS)
def test_every_number_of_a_prior_lies_within_the_picture(size):
    priors = ssd_priors(size)
    assert (priors >= 0).all() and (priors <= 1).all()
    assert (priors[:, 2:] > 0).all()


def test_a_picture_too_small_is_refused():
    with pytest.raises(UserError, match="image_size: 63 is too small for a detector; give 64 or more"):
        ssd_priors(63)
