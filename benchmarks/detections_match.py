# SPDX-License-Identifier: Apache-2.0
"""Whether the same objects are found by a detector in training form, in deploy form, and packed in C++.

    bash ascend310_infer/build.sh
    python benchmarks/detections_match.py --ckpt_path F.ckpt --output_path DIR [--data_path DIR]

Exports and packs the checkpoint into DIR, lets the three see all test pictures of its data set, and counts which
detections match: of one class, with so much overlap and scores so near (WITHIN), each one once. C++ decodes its outputs
itself. To know what rounding alone does to a binary network, of which one bit that flips early changes all that
follows, the training form also sees the pictures with every value one float32 higher, and with noise of a millionth.
Writes DIR/results.md and .csv; any config key is a flag. The last line on
standard output is JSON.
"""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable, and says how where packages are missing

# isort: split
import mindspore as ms
import numpy as np

from adabin.deploy import to_deploy
from adabin.detection.boxes import iou
from adabin.engine import EngineModel
from adabin.export import export_network
from adabin.inference import CellModel, evaluate
from adabin.opening import open_checkpoint
from adabin.tasks import build_task
from adabin.utils.cli import log, run
from adabin.utils.config import parse_flags
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder, replacing
from adabin.utils.key import ON_TESTS
from scripts.publish_model import pack
from tests import cpp
from tests.golden.make_golden import record_layers

TRAINING, DEPLOY, CPP = "training form", "deploy form", "C++, packed"
ROUNDED, NOISY = "training form, input one float32 higher", "training form, input with noise of 1e-6"
FORMS = {
    TRAINING: "MindSpore, the project's CPU kernels",
    ROUNDED: "the same",
    NOISY: "the same",
    DEPLOY: "MindSpore, its own operators",
    CPP: "this engine, on bits",
}
PAIRS = ((TRAINING, CPP), (DEPLOY, CPP), (TRAINING, DEPLOY), (TRAINING, ROUNDED), (TRAINING, NOISY))
WITHIN = ((0.99, 0.001), (0.9, 0.01), (0.5, 0.1))  # least IoU, largest difference of scores
COLUMNS = ("first", "second", "least_score", "iou", "score", "detections", "matching", "share", "whole_pictures",
           "equal_decisions")  # fmt: skip


class Finds:
    """What one form finds in all test pictures.

    Attributes:
        pictures: list of (boxes (k, 4) in fractions, classes (k,), scores (k,)), best first.
        decisions: class of each prior in each picture, int16 (N, P).
        values (dict): of the metric.
    """

    def __init__(self, model, data, task):
        self.pictures, decisions, decode = [], [], task.decode

        def watched(locations, scores):
            self.pictures.append(decode(locations, scores))
            decisions.append(scores.argmax(1).astype(np.int16))
            return self.pictures[-1]

        task.decode = watched
        metric = evaluate(model, data.batches(0), task.metric())
        self.values = metric.result([metric.state()])
        self.decisions = np.stack(decisions)


def matches(first, second, least_iou, most_apart):
    """Pairs of detections of one picture that match, each detection in one pair at most.

    Args:
        first, second: (boxes, classes, scores), best first. Those of `first` choose in their order, of all that match
            the one that they overlap most.

    Returns:
        list of (index in first, index in second).
    """
    (boxes, classes, scores), (others, kinds, values) = first, second
    overlaps = iou(boxes, others) * (classes[:, None] == kinds[None])
    overlaps[np.abs(scores[:, None].astype(float) - values[None]) > most_apart] = 0
    pairs = []
    for row in range(len(boxes)):
        column = overlaps[row].argmax() if len(others) else 0
        if len(others) and overlaps[row, column] >= least_iou:
            pairs.append((row, int(column)))
            overlaps[:, column] = 0
    return pairs


def compared(first, second, least_score, least_iou, most_apart):
    """Counts over all pictures: of the detections of both that score `least_score` or more, those that match.

    A detection may have its match below that score.
    """
    total = matching = whole = 0
    for pair in zip(first.pictures, second.pictures, strict=True):
        found, before = matches(*pair, least_iou, most_apart), total - matching
        for side, (_, _, scores) in enumerate(pair):
            counted = scores >= least_score
            total += int(counted.sum())
            matching += int(counted[[both[side] for both in found]].sum())
        whole += total - matching == before
    share = matching / total if total else 1.0
    alike = float(np.mean(first.decisions == second.decisions))
    return {
        "detections": total,
        "matching": matching,
        "share": share,
        "whole_pictures": whole,
        "equal_decisions": alike,
    }


def layers_line(deployed, packed, data, count, folder):
    """What C++ makes of the inputs that MindSpore's layers had for the first pictures, in words; None for no picture.

    The last use of `deployed`, whose layers are replaced.
    """
    if not count:
        return None
    cpp.program("adabin_layer")
    images, *_ = next(iter(data.batches(0)))
    ms.set_context(mode=ms.PYNATIVE_MODE)
    records = record_layers(deployed, images.asnumpy()[:count])
    ms.set_context(mode=ms.GRAPH_MODE)
    differences = list(cpp.layer_differences(packed, records, make_folder(folder / "layers", "--output_path")))
    bits, outputs = sum(bits for bits, _ in differences), max(apart for _, apart in differences)
    total = sum(bits.size for _, bits, _ in records)
    return (
        f"Given the inputs of MindSpore's {len(records)} binary layers for {min(count, len(images))} picture(s), C++ "
        f"decides {total - bits:,} of {total:,} bits as MindSpore; sums differ by {outputs:.1e} of a layer's largest "
        "at most."
    )


def markdown(finds, rows, line):
    """The tables for people."""
    text = ["| form | run by | mAP | 11-point | COCO's AP | detections |", "|---|---|---|---|---|---|"]
    for name, one in finds.items():
        scores = " | ".join(f"{100 * one.values[key]:.2f} %" for key in ("map", "map_11point", "ap"))
        text.append(f"| {name} | {FORMS[name]} | {scores} | {one.values['detections']:,} |")
    heads = [f"IoU {least:g}, scores {apart:g}" for least, apart in WITHIN]
    heads = ["", "detections of both", *heads, "pictures with all of them, the first way", "decisions alike"]
    text += ["", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for start in range(0, len(rows), len(WITHIN)):
        row, shares = rows[start], [f"{100 * one['share']:.2f} %" for one in rows[start : start + len(WITHIN)]]
        text.append(
            f"| {row['first']} - {row['second']} | {row['detections']:,} from {row['least_score']:g} on | "
            f"{' | '.join(shares)} | {row['whole_pictures']} | {100 * row['equal_decisions']:.3f} % |"
        )
    return "\n".join([*text, *(["", line] if line else [])]) + "\n"


def add_flags(parser):
    parser.add_argument("--ckpt_path", required=True, metavar="F.ckpt", help="checkpoint of a detector")
    parser.add_argument("--config_path", metavar="F.yaml", help="config [config.yaml beside the checkpoint]")
    parser.add_argument(
        "--layers", type=int, default=1, metavar="N", help="pictures to hold each binary layer to bits on [%(default)s]"
    )


def main(argv):
    flags, overrides = parse_flags(__doc__, argv, add_flags, uses=ON_TESTS)
    folder = make_folder(overrides.pop("output_path", "outputs/detections_match"), "--output_path")
    opened = open_checkpoint(flags.ckpt_path, flags.config_path, overrides, split="test")
    if opened.config.task != "detection":
        raise UserError(f"--ckpt_path {flags.ckpt_path}: is of no detector; give one of task=detection")
    config, data = opened.config, opened.data
    log(f"{data.num_images} pictures in training form")
    model = opened.model(config.eval_batch_size)
    finds = {TRAINING: Finds(model, data, build_task(config))}
    finds[ROUNDED] = Finds(lambda images: model(np.nextafter(images, np.float32(np.inf))), data, build_task(config))
    rng = np.random.default_rng(1)

    def noisy(images):
        return model(images * (1 + 1e-6 * rng.standard_normal(images.shape, np.float32)))

    finds[NOISY] = Finds(noisy, data, build_task(config))
    log("in deploy form")
    again = (flags.ckpt_path, flags.config_path, overrides, "test")  # as either takes a network over
    deployed = to_deploy(open_checkpoint(*again).network)
    finds[DEPLOY] = Finds(CellModel(deployed, config.eval_batch_size), data, build_task(config))
    log("in C++")
    mindir, packed = folder / "net.mindir", folder / "net.adabin"
    export_network(open_checkpoint(*again), str(mindir), check_images=0, force=True)
    packed.unlink(missing_ok=True)
    pack(mindir, packed)
    engine = EngineModel(packed)
    finds[CPP] = Finds(engine, data, build_task(config, engine))
    rows = [
        {"first": first, "second": second, "least_score": score, "iou": overlap, "score": apart}
        | compared(finds[first], finds[second], score, overlap, apart)
        for first, second in PAIRS
        for score in (config.min_score, config.shown_score)
        for overlap, apart in WITHIN
    ]
    text = markdown(finds, rows, layers_line(deployed, packed, data, flags.layers, folder))
    log(text)
    with replacing(folder / "results.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    with replacing(folder / "results.csv") as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return {"images": data.num_images, "map": {name: one.values["map"] for name, one in finds.items()}, "pairs": rows}


if __name__ == "__main__":
    run(main)
