# SPDX-License-Identifier: Apache-2.0
"""Pictures in another size."""

import cv2


def resized(picture, height, width):
    """uint8 (H, W, 3) as (height, width, 3): each side averaged where it shrinks, bilinear where it grows."""
    least = min(picture.shape[0], height), min(picture.shape[1], width)
    for (high, wide), how in ((least, cv2.INTER_AREA), ((height, width), cv2.INTER_LINEAR)):
        if picture.shape[:2] != (high, wide):
            picture = cv2.resize(picture, (wide, high), interpolation=how)
    return picture
