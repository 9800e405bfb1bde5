# SPDX-License-Identifier: Apache-2.0
"""Picture files of every common kind: upright RGB, or one reason why not."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from adabin.data.decode import PictureError, decode, read_picture

BASE = cv2.resize(np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8), (120, 90))
GRAY = np.asarray(Image.fromarray(BASE).convert("L"))


def encoded(picture, kind, **options):
    data = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(data, kind, **options)
    return data.getvalue()


def png16(picture):
    return cv2.imencode(".png", picture.astype(np.uint16) * 257)[1].tobytes()


def assert_close(found, expected, tolerance):
    assert found.dtype == np.uint8 and found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() <= tolerance


@pytest.mark.parametrize(
    "data, expected, tolerance",
    [
        (encoded(BASE, "JPEG", quality=95), BASE, 2),
        (encoded(BASE, "JPEG", quality=95, progressive=True), BASE, 2),
        (encoded(Image.fromarray(BASE).convert("CMYK"), "JPEG", quality=95), BASE, 3),
        (encoded(BASE, "PNG"), BASE, 0),
        (encoded(BASE, "BMP"), BASE, 0),
        (encoded(BASE, "TIFF"), BASE, 0),
        (encoded(BASE, "PPM"), BASE, 0),
        (encoded(BASE, "WEBP", lossless=True), BASE, 0),
        (encoded(Image.fromarray(BASE).quantize(256), "PNG"), BASE, 12),
        (encoded(GRAY, "JPEG", quality=95), np.dstack([GRAY] * 3), 2),
        (encoded(GRAY, "PNG"), np.dstack([GRAY] * 3), 0),
        (png16(GRAY), np.dstack([GRAY] * 3), 0),
        (png16(BASE[..., ::-1]), BASE, 0),
    ],
    ids="jpeg progressive cmyk png bmp tiff ppm webp palette gray-jpeg gray-png gray-16-bit color-16-bit".split(),
)
def test_every_kind_becomes_rgb_bytes(data, expected, tolerance):
    assert_close(decode(data), expected, tolerance)


KINDS_WITH_EXIF = {
    "JPEG": ({"kind": "JPEG", "quality": 95}, BASE, 2),
    "PNG": ({"kind": "PNG"}, BASE, 0),
    "PNG with opacity": ({"kind": "PNG"}, np.dstack([BASE, np.full(BASE.shape[:2], 255, np.uint8)]), 0),
    "WebP": ({"kind": "WEBP", "lossless": True}, BASE, 0),
    "TIFF": ({"kind": "TIFF"}, BASE, 0),
}


@pytest.mark.parametrize("kind", KINDS_WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_cameras_rotation_is_undone(orientation, kind):
    exif = Image.Exif()
    exif[0x112] = orientation
    transposed = BASE.transpose(1, 0, 2)
    upright = {
        1: BASE,
        2: BASE[:, ::-1],
        3: BASE[::-1, ::-1],
        4: BASE[::-1],
        5: transposed,
        6: transposed[:, ::-1],
        7: transposed[::-1, ::-1],
        8: transposed[::-1],
    }
    options, pixels, tolerance = KINDS_WITH_EXIF[kind]
    assert_close(decode(encoded(pixels, exif=exif, **options)), upright[orientation], tolerance)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_damaged_description_of_the_rotation_changes_nothing(order):
    data = encoded(BASE, "PNG", exif=b"Exif\0\0" + (b"II*\0" if order == "<" else b"MM\0*") + b"\xff" * 9)
    assert_close(decode(data), BASE, 0)
    with_opacity = np.dstack([BASE, np.full(BASE.shape[:2], 255, np.uint8)])
    for block in (b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff\x01\x12", b"nonsense", b""):
        assert_close(decode(encoded(with_opacity, "PNG", exif=b"Exif\0\0" + block)), BASE, 0)


@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette", "webp", "16 bits"])
def test_transparency_lies_on_white(kind):
    opacity = np.full(BASE.shape[:2], 255, np.uint8)
    opacity[:45] = 0
    opacity[45:60] = 128
    picture = Image.fromarray(np.dstack([BASE, opacity]))
    expected = (BASE * (opacity[..., None] / 255) + 255 * (1 - opacity[..., None] / 255)).round()
    if kind == "16 bits":
        data = png16(np.dstack([BASE[..., ::-1], opacity]))
    elif kind == "palette":
        data = encoded(picture.quantize(256), "PNG")
    elif kind == "LA":
        data, expected = encoded(picture.convert("LA"), "PNG"), np.dstack([GRAY] * 3)
        expected = (expected * (opacity[..., None] / 255) + 255 * (1 - opacity[..., None] / 255)).round()
    else:
        data = encoded(picture, "WEBP", lossless=True, exact=True) if kind == "webp" else encoded(picture, "PNG")
    found = decode(data)
    assert (found[:45] == 255).all()
    assert_close(found, expected, 8 if kind == "palette" else 0.5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM"])
def test_a_truncated_file_is_refused_wherever_it_ends(kind):
    data = encoded(BASE, kind)
    for length in [1, 3, 20, *range(len(data) // 10, len(data), len(data) // 10), len(data) - 2]:
        with pytest.raises(PictureError, match="truncated|damaged|cannot be decoded"):
            decode(data[:length])


def test_a_download_filled_up_with_zeros_is_truncated():
    data = encoded(BASE, "JPEG")
    with pytest.raises(PictureError, match="truncated"):
        decode(data[: len(data) // 2] + bytes(len(data) // 2))


def test_a_preview_within_a_truncated_picture_does_not_count_as_its_end():
    exif = b"Exif\0\0" + encoded(BASE[::4, ::4], "JPEG")
    data = encoded(BASE, "JPEG", exif=exif)
    assert_close(decode(data), BASE, 6)
    with pytest.raises(PictureError, match="truncated"):
        decode(data[:-2])


def test_bytes_behind_the_end_do_no_harm():
    assert_close(decode(encoded(BASE, "JPEG", quality=95) + b"\0" * 100), BASE, 2)
    assert_close(decode(encoded(BASE, "PNG") + b"\0" * 100), BASE, 0)


@pytest.mark.parametrize("data", [b"<html>404</html>", bytes(1000), b"\xff\xd8\xff\xd9", b"BM" + bytes(200), b"GIF89a"])
def test_what_is_no_picture_is_refused(data, capfd):
    with pytest.raises(PictureError):
        decode(data)
    assert capfd.readouterr().err == ""


def test_files_that_cannot_be_opened_are_refused_with_the_reason(tmp_path):
    (tmp_path / "empty.jpg").touch()
    for path, reason in (("absent.jpg", "No such file"), (".", "directory"), ("empty.jpg", "is empty")):
        with pytest.raises(PictureError, match=reason):
            read_picture(tmp_path / path)


def test_a_large_picture_is_decoded_with_as_much_detail_as_is_needed():
    data = encoded(cv2.resize(BASE, (1600, 1200)), "JPEG", quality=95)
    for smallest, height in ((0, 1200), (601, 1200), (600, 600), (300, 300), (151, 300), (150, 150), (1, 150)):
        picture = decode(data, smallest)
        assert picture.shape == (height, height * 4 // 3, 3)
        assert_close(picture, cv2.resize(BASE, (height * 4 // 3, height)), 4)
