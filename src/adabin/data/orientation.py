# SPDX-License-Identifier: Apache-2.0
"""How a camera was held: the EXIF orientation of a PNG or a WebP, and the picture turned upright.

OpenCV turns JPEG and TIFF itself; where it is to keep transparency, it leaves the picture as it lies.
"""

import numpy as np

_TAG, _ENTRY, _SHORT = 0x0112, 12, 3
_UPRIGHT = {  # EXIF's numbers; rows run down, columns to the right
    2: lambda picture: picture[:, ::-1],
    3: lambda picture: picture[::-1, ::-1],
    4: lambda picture: picture[::-1],
    5: lambda picture: picture.swapaxes(0, 1),
    6: lambda picture: picture.swapaxes(0, 1)[:, ::-1],
    7: lambda picture: picture[::-1, ::-1].swapaxes(0, 1),
    8: lambda picture: picture.swapaxes(0, 1)[::-1],
}


def upright(picture, data):
    """A picture (H, W, ...) as it was seen, by what the PNG or WebP file `data` says of it."""
    turn = _UPRIGHT.get(_orientation(_exif(data)))
    return np.ascontiguousarray(turn(picture)) if turn else picture


def _exif(data):
    """The EXIF block of a file, a small TIFF; empty where there is none."""
    png = not data.startswith(b"RIFF")
    place, head = (8, 8) if png else (12, 8)
    while place + head <= len(data):
        at = slice(place, place + 4) if png else slice(place + 4, place + 8)
        length = int.from_bytes(data[at], "big" if png else "little")
        kind = data[place + 4 : place + 8] if png else data[place : place + 4]
        if kind in (b"eXIf", b"EXIF"):
            return data[place + head : place + head + length].removeprefix(b"Exif\0\0")
        place += length + (12 if png else head + length % 2)
    return b""


def _orientation(exif):
    """Its orientation, 1 to 8; 1 where it says none."""
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(exif[:4])
    if not order:
        return 1

    def number(place, size):
        return int.from_bytes(exif[place : place + size], order)

    first = number(4, 4)
    for entry in range(first + 2, min(first + 2 + _ENTRY * number(first, 2), len(exif) - _ENTRY + 1), _ENTRY):
        if number(entry, 2) == _TAG and number(entry + 2, 2) == _SHORT:
            return number(entry + 8, 2)
    return 1
