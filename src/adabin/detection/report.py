# SPDX-License-Identifier: Apache-2.0
"""A detector's quality for people: a table of the classes, and their precision-recall curves."""

import math

import numpy as np

from adabin.detection.coco_ap import SUMMARY
from adabin.utils.files import replacing

MOST_PANELS = 80  # as many as COCO has classes
COLUMNS = ("objects", "ignored", "detections", "recall", "ap", "ap_11point", "coco_ap")
CURVE, FILL, RAW, QUIET = "#1f5fa8", "#dbe6f2", "#9db4cd", "#444444"


def class_rows(evaluation, names):
    """A dict per class, numbers in 0..1: name, objects (to be found), ignored, detections (that count), recall (of all
    detections), ap and ap_11point (VOC 2010 and 2007), coco_ap (IoU 0.5 to 0.95). The last four are None for a class
    without objects to find.

    Args:
        evaluation (Evaluation): see adabin.detection.metric.
        names: of the classes, in order.
    """
    rows = []
    for name, one, coco_ap in zip(names, evaluation.classes, evaluation.coco_classes, strict=True):
        row = {"name": name, "objects": one.objects, "ignored": one.ignored, "detections": one.detections}
        recall = float(one.recall[-1]) if one.detections else 0.0
        values = {"recall": recall, "ap": one.ap, "ap_11point": one.ap_11point, "coco_ap": float(coco_ap)}
        rows.append(row | (values if one.objects else dict.fromkeys(values)))
    return rows


def table(evaluation, names):
    """Lines of text: what `class_rows` has, sums and means over the classes, and COCO's summary."""
    rows = class_rows(evaluation, names)
    width = max(len("all"), *(len(name) for name in names))
    heads = ("objects", "ignored", "detections", "recall", "AP", "AP 11-point", "AP@[.5:.95]")
    values = evaluation.values
    recalls = [row["recall"] for row in rows if row["recall"] is not None]
    mean = {
        "name": "all",
        **{name: sum(row[name] for row in rows) for name in COLUMNS[:3]},
        "recall": float(np.mean(recalls)) if recalls else None,
        **{name: values[key] for name, key in zip(COLUMNS[4:], ("map", "map_11point", "ap"), strict=True)},
    }
    lines = [
        f"{values['images']} pictures; recall, AP in percent, at IoU {evaluation.threshold:g} but for the last column",
        "  ".join([" " * width, *(f"{head:>7}" for head in heads)]),
    ]
    for row in (*rows, mean):
        cells = [f"{row['name']:<{width}}"]
        for name, head in zip(COLUMNS, heads, strict=True):
            text = row[name] if isinstance(row[name], int) else _percent(row[name])
            cells.append(f"{text:>{max(7, len(head))}}")
        lines.append("  ".join(cells))
    return [*lines, *coco_lines(values)]


def coco_lines(values):
    """COCO's summary as its own tools print it: twelve lines."""
    lines = []
    for name, (kind, threshold, size, most) in SUMMARY.items():
        title = "Average Precision  (AP)" if kind == "precision" else "Average Recall     (AR)"
        overlap = "0.50:0.95" if threshold is None else f"{threshold:.2f}"
        lines.append(f" {title} @[ IoU={overlap:<9} | area={size:>6s} | maxDets={most:>3d} ] = {values[name]:0.3f}")
    return lines


def _percent(value):
    return "-" if value is None or value < 0 else f"{100 * value:.2f}"


def draw_curves(path, evaluation, names):
    """PNG file with a panel per class that has objects to find: precision over recall, the area below it its AP.

    The line is what the average precision is taken of (each precision raised to the highest further right); paler,
    the precisions themselves. Of more than 80 classes those with the most objects are shown.
    """
    from matplotlib.figure import Figure

    present = [number for number, one in enumerate(evaluation.classes) if one.objects]
    shown = sorted(sorted(present, key=lambda number: -evaluation.classes[number].objects)[:MOST_PANELS])
    columns = max(1, round(math.sqrt(1.3 * len(shown))))
    rows = max(1, math.ceil(len(shown) / columns))
    # Margins in inches, room for the heading. A layout that finds them, or shared axes, would take 20 s for 80 panels.
    width, height = max(5.5, 1.9 * columns), max(3.2, 1.7 * rows + 1.1)
    figure = Figure(figsize=(width, height))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    sides = {"left": 0.65 / width, "right": 1 - 0.2 / width, "bottom": 0.55 / height, "top": 1 - 0.8 / height}
    figure.subplots_adjust(**sides, wspace=0.12, hspace=0.25)
    for panel, number in zip(panels, shown, strict=False):
        _draw_class(panel, evaluation.classes[number], names[number])
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    for position, panel in enumerate(panels[: len(shown)]):
        lowest, leftmost = position + columns >= len(shown), position % columns == 0
        panel.set(xlim=(0, 1), ylim=(0, 1.02))
        panel.set_xticks((0, 0.5, 1), ("0", "0.5", "1") if lowest else ("",) * 3)
        panel.set_yticks((0, 0.5, 1), ("0", "0.5", "1") if leftmost else ("",) * 3)
    figure.supxlabel("recall", y=0.12 / height, fontsize=9)
    figure.supylabel("precision", x=0.12 / width, fontsize=9)
    values, title = evaluation.values, f"mAP {_percent(evaluation.values['map'])} %"
    title += f" (11-point {_percent(values['map_11point'])} %) at IoU {evaluation.threshold:g}"
    left_out = f"; the {len(shown)} most frequent of {len(present)} classes" if len(shown) < len(present) else ""
    counts = f"{values['images']} pictures, {values['objects']} objects{left_out}"
    figure.suptitle(f"{title}\n{counts}", y=1 - 0.12 / height, fontsize=10)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def steps(one):
    """(recalls, precisions) of a class's curve as steps: precisions[i] holds from recalls[i] to recalls[i + 1]. The
    area below them is the AP.

    Args:
        one (ClassResult): with a detection at least.
    """
    raised = np.maximum.accumulate(one.precision[::-1])[::-1]
    rises = np.flatnonzero(np.diff(one.recall, prepend=0.0))  # where nothing rises, nothing is drawn
    return np.concatenate([[0.0], one.recall[rises], one.recall[-1:]]), np.concatenate([raised[rises], [0.0, 0.0]])


def _draw_class(panel, one, name):
    if one.detections:
        recalls, heights = steps(one)
        panel.fill_between(recalls, heights, step="post", color=FILL, linewidth=0)
        panel.plot(one.recall, one.precision, color=RAW, linewidth=0.7)
        panel.step(recalls, heights, where="post", color=CURVE, linewidth=1.3)
    name = (name if len(name) <= 20 else name[:19] + "…").replace("$", r"\$")  # else it would be a formula
    panel.set_title(f"{name}  {_percent(one.ap)} %", fontsize=8, color=QUIET)
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.3)
