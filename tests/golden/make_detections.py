# SPDX-License-Identifier: Apache-2.0
"""Make the golden cases of decoding that Python and C++ are both tested on: `python -m tests.golden.make_detections`.

Each case is a folder of tests/golden/detections with rules.json (`maps` as in an export's description, `num_classes`
and the keys of decoding), outputs.bin (float32: locations (P, 4), then logits (P, 1 + classes)) and detections.bin
(float32 (k, 6): corners, class, score, best first). priors.json holds, for some sizes of the picture, the maps, how
many priors there are, and every 97th of them.

Make them on an x86 processor with AVX2: NumPy's exponential differs by some last bits elsewhere, and C++ has this one.
"""

import src  # noqa: F401 - makes adabin importable

# isort: split
import json
from pathlib import Path

import numpy as np

from adabin.detection.boxes import encode, iou, to_corners
from adabin.detection.decoding import MIN_SCORE, MOST, NMS_IOU, detections
from adabin.detection.priors import VARIANCES, prior_maps, ssd_priors

FOLDER = Path(__file__).parent / "detections"
SIZES, EVERY = (64, 160, 300, 512), 97
PICTURE = 64
PRIORS = ssd_priors(PICTURE)


def random_outputs(rng, classes, spread=1.0):
    """Logits and boxes of a network that has not learned anything: nearly everything is above the least score."""
    locations = rng.normal(0, 2, (len(PRIORS), 4)).astype(np.float32)
    return locations, rng.normal(0, spread, (len(PRIORS), 1 + classes)).astype(np.float32)


def peaked_outputs(rng, classes, priors=PRIORS, objects=8):
    """What a trained network gives: background, and around each object rows that see it, more or less."""
    locations = rng.normal(0, 1, (len(priors), 4))
    logits = rng.normal(0, 1, (len(priors), 1 + classes))
    logits[:, 0] += 8
    low, side = 0.7 * rng.random((objects, 2)), rng.uniform(0.1, 0.5, (objects, 2))
    boxes = np.concatenate([low, low + side], axis=1)
    overlaps = iou(to_corners(priors), boxes)
    nearest, number = overlaps.max(1), overlaps.argmax(1)
    near = nearest > 0.3
    targets = encode(boxes[number], priors, VARIANCES)
    locations[near] = (targets + rng.normal(0, 0.3, targets.shape))[near]
    seen = rng.integers(0, classes, objects)[number]
    logits[near, 1 + seen[near]] += 16 * nearest[near]
    return locations.astype(np.float32), logits.astype(np.float32)


def tied_outputs(rng, classes):
    """Few different values: scores and overlaps tie everywhere, also with the limits."""
    return tuple(rng.integers(-1, 2, (len(PRIORS), width)).astype(np.float32) for width in (4, 1 + classes))


def huge_outputs(rng, classes):
    """Finite values of any size, many of them such that a power vanishes or a box leaves the picture."""
    shapes = (len(PRIORS), 4), (len(PRIORS), 1 + classes)
    return tuple((rng.normal(size=shape) * 10.0 ** rng.uniform(-3, 37, shape)).astype(np.float32) for shape in shapes)


def background_outputs(rng, classes):
    """Nothing to be seen."""
    locations, logits = random_outputs(rng, classes)
    logits[:, 0] += 20
    return locations, logits


# name: (outputs, classes, keys that are not as in the base config)
CASES = {
    "random": (random_outputs, 20, {}),
    "random_few": (random_outputs, 6, {"min_score": 0.2, "nms_iou": 0.3, "max_detections": 25}),
    "random_spread": (lambda rng, classes: random_outputs(rng, classes, 4.0), 10, {"nms_iou": 0.7}),
    "peaked": (peaked_outputs, 20, {}),
    "peaked_best": (peaked_outputs, 4, {"min_score": 0.05, "max_detections": 7}),
    "ties": (tied_outputs, 7, {"nms_iou": 0.5, "max_detections": 60}),
    "ties_all_scores": (tied_outputs, 3, {"min_score": 0.0, "nms_iou": 0.0}),
    "ties_no_suppression": (tied_outputs, 2, {"nms_iou": 1.0}),
    "huge": (huge_outputs, 3, {}),
    "background": (background_outputs, 2, {}),
    "classes_beyond_a_block": (lambda rng, classes: random_outputs(rng, classes, 3.0), 134, {}),
}
DEFAULTS = {"min_score": MIN_SCORE, "nms_iou": NMS_IOU, "max_detections": MOST}


def maps_of(name):
    """The maps of a case; one with very many classes has the last ones alone."""
    return prior_maps(PICTURE)[2 if name == "classes_beyond_a_block" else 0 :]


def rows_of(maps):
    return sum(one["side"] ** 2 * len(one["shapes"]) for one in maps)


def case(name):
    """(rules, locations, logits, priors) of a case."""
    outputs, classes, keys = CASES[name]
    maps = maps_of(name)
    rows = rows_of(maps)
    locations, logits = outputs(np.random.default_rng(sorted(CASES).index(name)), classes)
    rules = {"num_classes": classes, **DEFAULTS, **keys, "variances": list(VARIANCES), "maps": maps}
    return rules, locations[-rows:], logits[-rows:], PRIORS[-rows:]


def found_in(rules, locations, logits, priors):
    """Detections as rows (x1, y1, x2, y2, class, score)."""
    limits = rules["min_score"], rules["nms_iou"], rules["max_detections"]
    boxes, classes, scores = detections(locations, logits, priors, *limits, rules["variances"])
    return np.concatenate([boxes, classes[:, None], scores[:, None]], axis=1).astype(np.float32)


def write_case(folder, rules, locations, logits, found):
    """Write the three files of a case."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.json").write_text(json.dumps(rules, indent=1) + "\n", encoding="utf-8")
    np.concatenate([locations.ravel(), logits.ravel()]).tofile(folder / "outputs.bin")
    found.tofile(folder / "detections.bin")


def prior_cases():
    """What priors.json holds."""
    cases = []
    for size in SIZES:
        priors = ssd_priors(size)
        chosen = {str(number): priors[number].tolist() for number in range(0, len(priors), EVERY)}
        cases.append({"image_size": size, "maps": prior_maps(size), "count": len(priors), "priors": chosen})
    return cases


def main():
    for name in CASES:
        rules, locations, logits, priors = case(name)
        found = found_in(rules, locations, logits, priors)
        write_case(FOLDER / name, rules, locations, logits, found)
        print(name, len(found))
    (FOLDER / "priors.json").write_text(json.dumps(prior_cases()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
