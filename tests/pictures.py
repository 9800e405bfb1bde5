# SPDX-License-Identifier: Apache-2.0
"""Folders of small drawn pictures for tests."""

import cv2
import numpy as np

from adabin.utils.config import read_config

COLORS = {"blue": (40, 60, 220), "green": (50, 200, 60), "red": (220, 50, 40), "gray": (128, 128, 128)}


def draw(color, number, height=40, width=50):
    """A disk of the color somewhere on a noisy background: uint8 (height, width, 3), RGB."""
    rng = np.random.default_rng([number, *color])
    picture = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
    center = rng.integers([width // 4, height // 4], [width * 3 // 4, height * 3 // 4])
    cv2.circle(picture, [int(v) for v in center], min(height, width) // 3, color, -1)
    return picture


def save(path, picture):
    """Write RGB bytes under a name that says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(path.suffix.lower().replace(".jpeg", ".jpg"), picture[..., ::-1])
    assert ok
    path.write_bytes(data.tobytes())
    return path


def fill(folder, per_class, classes=("blue", "green", "red"), suffix=".jpg", inner="", **size):
    """Make a sub-folder with pictures for each class; returns `folder`."""
    for name in classes:
        color = COLORS.get(name) or COLORS[sorted(COLORS)[sum(name.encode()) % len(COLORS)]]
        for number in range(per_class):
            save(folder / name / inner / f"{name}_{number}{suffix}", draw(color, number, **size))
    return folder


def config_for(folder, dataset="image_folder", **changes):
    """Config of a data set of small pictures, classes open."""
    values = {"num_classes": 0, "image_size": 16, "batch_size": 4, "eval_batch_size": 5, "seed": 7}
    return read_config(None, {"dataset": dataset, "data_path": str(folder), **values, **changes})
