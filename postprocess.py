# SPDX-License-Identifier: Apache-2.0
"""Accuracy of what the C++ program computed from the files of preprocess.py.

    python postprocess.py --result_path OUT/outputs --label_path OUT/labels.npy
    python postprocess.py --result_path OUT/outputs --label_path OUT/objects.npz

Classification: each result file <first>-<last>_0.bin holds the float32 logits of the images that its name says.
Detection: <first>-<last>.json holds the objects that adabin_infer --boxes found in them; a table of the classes is
printed. The last line on standard output is JSON: `images` and `top1`, or VOC's and COCO's average precisions.
"""

import src  # noqa: F401 - makes adabin importable, and prepares the environment for MindSpore

if __name__ == "__main__":  # above the other imports, which take seconds
    from adabin.utils import stopping

    stopping.install()

import re
import zipfile
from pathlib import Path

import numpy as np

from adabin.detection.exchange import Truth, found
from adabin.detection.metric import DetectionMetric
from adabin.detection.report import class_rows, table
from adabin.tasks.classification import ClassificationMetric
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags
from adabin.utils.errors import UserError


def read_labels(path):
    """Labels of all images, (N,) integers; UserError if the file is none of preprocess.py."""
    try:
        labels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: is not a readable label file; give labels.npy of preprocess.py") from error
    if (
        not isinstance(labels, np.ndarray)
        or labels.ndim != 1
        or labels.dtype.kind != "i"
        or not len(labels)
        or labels.min() < 0
    ):
        raise UserError(f"{path}: holds no class numbers; give labels.npy of preprocess.py with --label_path")
    return labels


def read_logits(folder, count):
    """Logits of images 0 to count - 1, (count, classes) float32.

    Raises:
        UserError: there is no such folder, or a file is missing, left over from another run, or of a size that does
            not fit.
    """
    if not Path(folder).is_dir():
        raise UserError(f"--result_path {folder}: no such folder; give the one that adabin_infer wrote to (--output)")
    parts, expected = [], 0
    for path in sorted(Path(folder).glob("*_0.bin")):
        name = re.fullmatch(r"(\d+)-(\d+)_0\.bin", path.name)
        first, last = (int(number) for number in name.groups()) if name else (-1, -1)
        if first != expected or last < first:
            raise UserError(
                f"{path}: does not follow image {expected - 1}: a result is missing or of another run; run "
                "the C++ program again into an empty folder"
            )
        try:
            values = np.fromfile(path, np.float32)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); run the C++ program again") from error
        classes = parts[0].shape[1] if parts else len(values) // (last - first + 1)
        if not classes or len(values) != classes * (last - first + 1):
            raise UserError(
                f"{path}: {len(values)} values do not fit {last - first + 1} images of {classes} classes; "
                "run the C++ program again"
            )
        parts.append(values.reshape(-1, classes))
        expected = last + 1
    if expected != count:
        raise UserError(
            f"{folder}: has results for {expected} images, and there are labels for {count}; give the "
            "C++ program's output folder with --result_path and the labels that belong to it"
        )
    return np.concatenate(parts)


def average_precisions(folder, truth):
    """VOC's and COCO's numbers of the boxes that the C++ program found, `classes` among them; a table is printed."""
    metric = DetectionMetric(len(truth.class_names), crowds=truth.crowds)
    for objects, boxes in zip(truth.objects, found(folder, truth), strict=True):
        metric.add(objects, *boxes)
    values = metric.result([metric.state()])
    log("\n".join(table(metric.evaluation, truth.class_names)))
    return {**values, "classes": class_rows(metric.evaluation, truth.class_names)}


def add_flags(parser):
    parser.add_argument("--result_path", required=True, help="folder that the C++ program wrote to")
    parser.add_argument("--label_path", required=True, help="labels.npy or objects.npz of preprocess.py")


def main(argv):
    flags, _ = parse_flags(__doc__, argv, add_flags, with_config_keys=False)
    if Path(flags.label_path).suffix == ".npz":
        return {"result_path": flags.result_path, **average_precisions(flags.result_path, Truth.read(flags.label_path))}
    labels = read_labels(flags.label_path)
    logits = read_logits(flags.result_path, len(labels))
    if labels.max() >= logits.shape[1]:
        raise UserError(
            f"{flags.label_path}: has class {labels.max()}, the results have {logits.shape[1]} classes; "
            "give the labels of the data set that the model was trained on"
        )
    metric = ClassificationMetric()
    metric.update((logits,), labels)
    return {"result_path": flags.result_path, **metric.result([metric.state()])}


if __name__ == "__main__":
    run(main)
