# SPDX-License-Identifier: Apache-2.0
"""Picture files of any common kind as RGB bytes, and the recognition of those that are not whole.

Decoders fill what is missing of a truncated JPEG with gray and report nothing, so its structure is followed first.
Whatever a file holds (grayscale, palette, 16 bits, CMYK, transparency, a camera's rotation), it becomes upright RGB.
"""

import re

import cv2
import numpy as np

from adabin.data.orientation import upright
from adabin.utils.errors import UserError

cv2.setLogLevel(0)  # what it has to say about a damaged file, we say

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")

# A decoder can leave out detail while it decodes a JPEG, which is much faster: side divided by -> flag.
_REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
_JPEG_END, _JPEG_START = 0xD9, 0xD8
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class PictureError(UserError):
    """A picture that cannot be read; the message says why, in words that follow the file's name."""


def read_picture(path, smallest_side=0):
    """Read and decode a picture file.

    Args:
        path: of the file.
        smallest_side (int): detail that is needed; a JPEG whose shorter side is at least twice as long may come back
            at 1/2, 1/4 or 1/8 of its size, no smaller than this. 0 gives all detail.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        PictureError: unreadable, truncated, damaged or no picture.
    """
    try:
        with open(path, "rb") as handle:
            data = handle.read()
    except OSError as error:
        raise PictureError(f"cannot be read ({error.strerror})") from error
    return decode(data, smallest_side)


def decode(data, smallest_side=0):
    """Decode the bytes of a picture file; see `read_picture`."""
    if not data:
        raise PictureError("is empty")
    flag, transparent = cv2.IMREAD_COLOR, False
    if data.startswith(b"\xff\xd8"):
        side = min(_follow_jpeg(data))
        flag = next((f for factor, f in _REDUCED.items() if 0 < smallest_side * factor <= side), flag)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        transparent = _follow_png(data)
    elif data.startswith(b"RIFF"):
        if int.from_bytes(data[4:8], "little") + 8 > len(data):
            raise PictureError("is truncated")
        transparent = True
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED if transparent else flag)
    except cv2.error as error:
        raise PictureError(f"cannot be decoded ({error.err})") from error
    if picture is None:
        raise PictureError("is damaged, or no picture of a known kind")
    if transparent:
        picture = _on_white(upright(picture, data))
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _follow_jpeg(data):
    """Follow a JPEG's segments to its end; returns (height, width)."""
    size, place = None, 2
    while match := _JPEG_MARKER.search(data, place):
        marker, place = data[match.end() - 1], match.end()
        if marker == _JPEG_END:
            if size is None or not all(size):
                break
            return size
        if marker == _JPEG_START:
            continue
        length = int.from_bytes(data[place : place + 2], "big")
        if marker in _JPEG_FRAMES:
            size = tuple(int.from_bytes(data[place + i : place + i + 2], "big") for i in (3, 5))
        place += max(length, 2)
    raise PictureError("is truncated")


def _follow_png(data):
    """Follow a PNG's chunks to its end; returns whether it may have transparent pixels."""
    place, transparent = 8, False
    while place + 12 <= len(data):
        kind, length = data[place + 4 : place + 8], int.from_bytes(data[place : place + 4], "big")
        place += 12 + length
        if kind == b"IEND" and place <= len(data):
            return transparent
        if kind == b"IHDR":
            transparent = data[25:26] in (b"\4", b"\6")
        transparent |= kind == b"tRNS"
    raise PictureError("is truncated")


def _on_white(picture):
    """Any number of channels and bits as BGR bytes, laid on white where it is transparent."""
    if picture.dtype == np.uint16:
        picture = ((picture.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if picture.shape[2] == 3:
        return picture
    opacity = picture[..., 3:].astype(np.uint32)
    return ((picture[..., :3] * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
