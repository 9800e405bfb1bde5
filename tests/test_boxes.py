# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from adabin.detection.boxes import areas, decode, encode, iou, to_centers, to_corners

VARIANCES = (0.1, 0.2)


def random_boxes(rng, count, dtype=np.float32):
    """Corners within the unit square, some flat."""
    low, side = rng.random((count, 2)), rng.random((count, 2)) * (rng.random((count, 2)) > 0.05)
    return np.concatenate([low, np.minimum(low + side, 1)], 1).astype(dtype)


def slow_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height)


def test_overlap_by_hand():
    a = np.array([[0, 0, 4, 4], [10, 10, 12, 12]], np.float32)
    # common 2 x 4 of 16 + 16 - 8; the same box; one that only touches; one inside, 4 of 16
    b = np.array([[2, 0, 6, 4], [0, 0, 4, 4], [4, 0, 8, 4], [1, 1, 3, 3]], np.float32)
    np.testing.assert_allclose(iou(a, b), [[1 / 3, 1, 0, 0.25], [0, 0, 0, 0]], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_overlap_agrees_with_a_loop_and_keeps_the_dtype(dtype):
    rng = np.random.default_rng(1)
    a, b = random_boxes(rng, 40, dtype), random_boxes(rng, 30, dtype)
    found = iou(a, b)
    assert found.dtype == dtype
    expected = [[slow_iou(p, q) for q in b.astype(float)] for p in a.astype(float)]
    np.testing.assert_allclose(found, expected, atol=1e-6 if dtype is np.float32 else 1e-14)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_no_boxes_have_no_overlaps(shape):
    found = iou(np.zeros((shape[0], 4), np.float32), np.zeros((shape[1], 4), np.float32))
    assert found.shape == shape and found.dtype == np.float32


def test_boxes_without_area_overlap_nothing_not_even_themselves():
    flat = np.array([[0.5, 0.5, 0.5, 0.5], [0.2, 0.1, 0.2, 0.9], [0.6, 0.1, 0.4, 0.9]], np.float32)
    with np.errstate(all="raise"):
        assert not iou(flat, flat).any()
        assert not iou(flat, np.array([[0, 0, 1, 1]], np.float32)).any()
    assert not areas(flat).any()


def test_corners_and_centers_are_each_others_inverse():
    np.testing.assert_array_equal(to_corners(np.float32([[3, 5, 4, 2]])), [[1, 4, 5, 6]])
    np.testing.assert_array_equal(to_centers(np.float32([[1, 4, 5, 6]])), [[3, 5, 4, 2]])
    boxes = random_boxes(np.random.default_rng(2), 100).reshape(2, 50, 4)
    np.testing.assert_allclose(to_corners(to_centers(boxes)), boxes, atol=1e-6)
    assert to_centers(boxes).dtype == to_corners(boxes).dtype == np.float32
    assert to_corners(np.zeros((0, 4), np.float32)).shape == to_centers(np.zeros((0, 4), np.float32)).shape == (0, 4)


def test_encoding_by_hand():
    # Prior of center (0.5, 0.5), 0.2 wide, 0.4 high; box of center (0.52, 0.4), 0.4 wide, 0.4 high:
    # 0.02 / 0.2 / 0.1 = 1, -0.1 / 0.4 / 0.1 = -2.5, log(2) / 0.2 = 3.4657, log(1) / 0.2 = 0
    boxes, priors = np.float32([[0.32, 0.2, 0.72, 0.6]]), np.float32([[0.5, 0.5, 0.2, 0.4]])
    found = encode(boxes, priors, VARIANCES)
    np.testing.assert_allclose(found, [[1, -2.5, 3.4657359, 0]], atol=2e-5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(decode(found, priors, VARIANCES), boxes, atol=1e-6)


def test_decoding_inverts_encoding_also_in_batches():
    rng = np.random.default_rng(3)
    boxes, priors = random_boxes(rng, 200), to_centers(random_boxes(rng, 200))
    priors[:, 2:] = np.maximum(priors[:, 2:], 0.02)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 0.01)
    locations = encode(boxes, priors, VARIANCES)
    found = decode(np.stack([locations, locations]), priors, VARIANCES)
    assert found.shape == (2, 200, 4) and found.dtype == np.float32
    np.testing.assert_allclose(found[1], boxes, atol=2e-6)
    assert (
        encode(boxes[:0], priors[:0], VARIANCES).shape == decode(locations[:0], priors[:0], VARIANCES).shape == (0, 4)
    )


def test_what_has_no_area_or_is_predicted_huge_stays_finite():
    priors = np.float32([[0.5, 0.5, 0.2, 0.4]])
    with np.errstate(all="raise"):
        assert np.isfinite(encode(np.float32([[0.5, 0.5, 0.5, 0.5]]), priors, VARIANCES)).all()
        huge = decode(np.float32([[0, 0, 1e6, 1e6]]), priors, VARIANCES)
    assert np.isfinite(huge).all() and huge[0, 0] < -1e6 < 1e6 < huge[0, 2]
