# SPDX-License-Identifier: Apache-2.0
"""Draw the pictures to try that lie beside the published model: an airplane, an automobile, a ship.

    python scripts/draw_pictures.py --output_path models/resnet20_cifar10/pictures

They are the project's own, made of polygons, and may be passed on as the project may. Coordinates are in a square of
256 x 256, drawn four times as large and averaged; nothing is left to chance.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and says how where packages are missing

# isort: split
import cv2
import numpy as np

from adabin.utils.cli import run
from adabin.utils.config import parse_flags
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder, replacing

SIDE, FINER = 256, 4


def rounded(points, times=3):
    """A closed polygon whose corners are cut off again and again, until they are curves."""
    points = np.asarray(points, np.float64)
    for _ in range(times):
        following = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], axis=1).reshape(-1, 2)
    return points


class Canvas:
    """A square picture in RGB, with y downwards."""

    def __init__(self, *stops):
        """Fill with a vertical gradient; stops: (y, color), from top to bottom."""
        rows = (np.arange(SIDE * FINER) + 0.5) / FINER
        heights, colors = zip(*stops, strict=True)
        columns = [np.interp(rows, heights, [color[channel] for color in colors]) for channel in range(3)]
        self.pixels = np.repeat(np.stack(columns, axis=1)[:, None], SIDE * FINER, axis=1).astype(np.uint8)

    def polygon(self, points, color, opacity=1.0, blur=0.0):
        """Fill a polygon; blur: of its edge, as a deviation."""
        mask = np.zeros(self.pixels.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round(np.asarray(points) * FINER * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        if blur:
            mask = cv2.GaussianBlur(mask, (0, 0), blur * FINER)
        share = (mask * (opacity / 255)).astype(np.float32)[..., None]
        self.pixels = np.round(self.pixels * (1 - share) + np.float32(color) * share).astype(np.uint8)

    def ellipse(self, x, y, rx, ry, color, opacity=1.0, blur=0.0):
        angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        self.polygon(np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1), color, opacity, blur)

    def row(self, xs, y, width, height, color):
        """Rectangles of one height, such as windows, each beginning at an x."""
        for x in xs:
            self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], color)

    def finished(self):
        return cv2.resize(self.pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def airplane():
    """An airliner in the air, seen from the side, nose to the left."""
    canvas = Canvas((0, (72, 132, 200)), (256, (176, 210, 238)))
    for x, y, rx, ry in ((40, 214, 60, 14), (96, 226, 70, 16), (206, 44, 52, 10), (238, 52, 46, 12)):
        canvas.ellipse(x, y, rx, ry, (244, 248, 252), 0.75, blur=7)
    canvas.polygon([(150, 122), (206, 96), (216, 98), (182, 128)], (150, 160, 172))  # far wing
    canvas.polygon([(204, 118), (226, 66), (242, 66), (238, 124)], (38, 70, 130))  # fin
    body = [(14, 142), (26, 128), (56, 119), (200, 114), (244, 116), (246, 121), (204, 142), (160, 153), (56, 156)]
    canvas.polygon(rounded([*body, (24, 152)]), (238, 241, 245))
    shade = [(16, 146), (60, 150), (160, 146), (216, 134), (200, 144), (160, 154), (56, 157), (26, 153)]
    canvas.polygon(rounded(shade), (170, 180, 192))
    canvas.polygon(rounded([(22, 134), (34, 127), (42, 127), (40, 134)], 2), (40, 52, 70))  # cockpit
    canvas.row(range(54, 204, 9), 129, 4.5, 5, (70, 88, 112))
    canvas.polygon([(212, 123), (234, 119), (250, 133), (238, 135)], (198, 206, 216))  # tailplane
    canvas.polygon(rounded([(88, 158), (122, 156), (130, 161), (124, 170), (96, 172), (86, 168)]), (120, 130, 144))
    canvas.ellipse(91, 164.5, 4, 7.5, (54, 62, 76))  # engine
    canvas.polygon([(96, 146), (150, 142), (196, 196), (180, 198)], (202, 209, 218))  # near wing
    canvas.polygon([(150, 142), (196, 196), (190, 197), (138, 144)], (158, 168, 180))
    return canvas.finished()


def automobile():
    """A red car on a road, seen from the side, front to the left."""
    canvas = Canvas((0, (196, 214, 226)), (118, (214, 222, 220)), (120, (104, 128, 84)), (150, (122, 142, 98)),
                    (152, (150, 150, 150)), (256, (120, 120, 122)))  # fmt: skip
    for x, y, rx, ry in ((28, 104, 44, 30), (104, 108, 40, 20), (196, 106, 56, 28), (244, 100, 34, 32)):
        canvas.ellipse(x, y, rx, ry, (78, 104, 66), blur=4)
    canvas.row((0, 96, 192), 232, 56, 5, (226, 226, 220))
    canvas.ellipse(128, 200, 112, 10, (58, 58, 60), 0.8, blur=4)  # shadow
    cabin = [(70, 134), (98, 92), (112, 88), (172, 88), (190, 94), (214, 134)]
    canvas.polygon(rounded(cabin, 2), (168, 22, 28))
    hull = [(14, 172), (16, 150), (34, 140), (76, 130), (214, 128), (238, 136), (244, 156), (242, 186), (200, 192)]
    canvas.polygon(rounded([*hull, (40, 192), (16, 188)], 2), (196, 28, 34))
    canvas.polygon(rounded([(16, 176), (240, 172), (242, 186), (200, 194), (40, 194), (16, 190)], 2), (130, 14, 20))
    canvas.polygon([(88, 130), (106, 100), (138, 98), (138, 130)], (56, 74, 90))  # windows
    canvas.polygon([(145, 130), (145, 98), (174, 99), (196, 130)], (56, 74, 90))
    canvas.polygon([(94, 126), (108, 103), (120, 102), (104, 128)], (150, 172, 186), 0.7)
    canvas.row((141,), 132, 1.5, 48, (120, 12, 18))
    canvas.row((148,), 142, 12, 3, (236, 216, 216))  # handle
    canvas.ellipse(26, 154, 9, 6, (250, 246, 214))  # lamps
    canvas.ellipse(240, 150, 5, 7, (255, 120, 60))
    for x in (64, 192):
        canvas.ellipse(x, 188, 25, 25, (24, 24, 26))
        canvas.ellipse(x, 188, 14, 14, (188, 192, 198))
        canvas.ellipse(x, 188, 6, 6, (90, 94, 100))
    return canvas.finished()


def ship():
    """A cargo ship at sea, seen from the side, bow to the right."""
    canvas = Canvas((0, (140, 184, 222)), (138, (214, 228, 236)), (140, (44, 92, 138)), (256, (24, 60, 104)))
    for x, y, rx, ry in ((60, 40, 56, 9), (110, 50, 60, 8), (214, 84, 50, 7)):
        canvas.ellipse(x, y, rx, ry, (248, 250, 252), 0.7, blur=6)
    canvas.polygon([(40, 128), (40, 76), (84, 76), (90, 128)], (238, 240, 240))  # bridge
    canvas.row((44,), 84, 38, 6, (50, 66, 84))
    canvas.row((46, 58, 70), 98, 7, 6, (80, 98, 116))
    canvas.row((46, 58, 70), 112, 7, 6, (80, 98, 116))
    canvas.polygon([(50, 76), (53, 50), (70, 50), (70, 76)], (196, 60, 44))  # funnel
    canvas.row((52,), 56, 18, 6, (34, 36, 44))
    colors = (176, 66, 50), (214, 160, 66), (70, 118, 100), (92, 110, 156), (200, 204, 204)
    for level, count in enumerate((6, 6, 4)):
        for place in range(count):
            canvas.row((98 + 19 * place,), 118 - 15 * level, 18, 14, colors[(place * 2 + level * 3) % len(colors)])
    canvas.row((222,), 92, 2.5, 42, (90, 96, 104))  # mast
    canvas.polygon([(14, 130), (226, 130), (248, 122), (232, 168), (222, 176), (28, 176)], (34, 42, 58))
    canvas.polygon([(24, 160), (236, 160), (232, 168), (222, 180), (30, 180)], (148, 40, 36))
    canvas.row((14,), 128, 214, 3.5, (226, 228, 228))
    for y, x, length in ((196, 16, 60), (212, 110, 80), (226, 30, 70), (204, 190, 50), (242, 140, 90), (186, 200, 40)):
        canvas.ellipse(x + length / 2, y, length / 2, 1.6, (120, 164, 200), 0.6, blur=1)
    canvas.ellipse(128, 180, 118, 4, (226, 236, 244), 0.9, blur=1.5)  # foam
    canvas.ellipse(236, 178, 14, 5, (240, 246, 250), 0.9, blur=1.5)
    return canvas.finished()


PICTURES = {"airplane": airplane, "automobile": automobile, "ship": ship}


def add_flags(parser):
    parser.add_argument("--output_path", required=True, metavar="DIR", help="folder for the PNG files")
    parser.add_argument("--force", action="store_true", help="replace existing files")


def main(argv):
    flags, _ = parse_flags(__doc__, argv, add_flags, with_config_keys=False)
    folder = make_folder(flags.output_path, "--output_path")
    paths = {folder / f"{name}.png": draw for name, draw in PICTURES.items()}
    for path in paths:
        if path.exists() and not flags.force:
            raise UserError(f"{path}: exists already; give another folder, or replace it with --force")
    for path, draw in paths.items():
        with replacing(path) as temporary:
            temporary.write_bytes(cv2.imencode(".png", cv2.cvtColor(draw(), cv2.COLOR_RGB2BGR))[1].tobytes())
    return {"files": [str(path) for path in paths]}


if __name__ == "__main__":
    run(main)
