# SPDX-License-Identifier: Apache-2.0
"""Plant faults in a copy of the project, one by one, and see the tests fail on them.

    python -m tests.planted_faults [WORD ...]        # all of them, or those whose description has one of the words

A fault that no test notices ends it with status 1: a test is missing, or cannot fail. `tests/test_planted_faults.py`
holds that each of these places exists, so whoever changes one brings the list up to date.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = "src/adabin"


@dataclass(frozen=True)
class Fault:
    """A mistake somebody could make: in `file`, `right` becomes `wrong`, and `tests` (pytest's arguments) must fail."""

    what: str
    file: str
    right: str
    wrong: str
    tests: str


FAULTS = [
    Fault(
        "sign(0) is -1",
        f"{CODE}/binarize.py",
        "direction * x >= direction * beta",
        "direction * x > direction * beta",
        "tests/test_binarize.py -k activation_forward",
    ),
    Fault(
        "alpha's gradient without the part through u",
        f"{CODE}/binarize.py",
        " - dx * u)",
        ")",
        "tests/test_binarize.py -k activation_forward",
    ),
    Fault(
        "the released form's center is not scaled",
        f"{CODE}/binarize.py",
        "dbeta = alpha * grad_sum - dx_sum",
        "dbeta = grad_sum - dx_sum",
        "tests/test_binarize.py -k activation_forward",
    ),
    Fault(
        "the weights' statistics are detached",
        f"{CODE}/binary_sets.py",
        'BinarySet(_mean_and_deviation, _through_mean_and_deviation, ("alpha", "beta"))',
        'BinarySet(_mean_and_deviation, detached, ("alpha", "beta"))',
        "tests/test_binarize.py -k weight_forward",
    ),
    Fault(
        "without a center alpha is not learned",
        f"{CODE}/binary_sets.py",
        '_through_magnitude, ("alpha",)',
        "_through_magnitude, ()",
        "tests/test_binarize.py -k activation_set",
    ),
    Fault(
        "a clipped estimator without clipping",
        f"{CODE}/estimators.py",
        "ops.abs(u) <= 1",
        "ops.abs(u) <= 2",
        "tests/test_binarize.py -k activation_forward",
    ),
    Fault(
        "the slope below zero is the one above",
        f"{CODE}/layers/maxout.py",
        "grad_negative * neg",
        "grad_negative * pos",
        "tests/test_layers.py",
    ),
    Fault(
        "a shortcut is forgotten",
        f"{CODE}/layers/norm_act.py",
        "y = y + shortcut",
        "y = y + 0 * shortcut",
        "tests/test_networks.py tests/test_cpu_networks.py",
    ),
    Fault(
        "option A adds all channels behind",
        f"{CODE}/layers/subsample.py",
        "front = extra_channels // 2",
        "front = 0",
        "tests/test_layers.py tests/test_networks.py",
    ),
    Fault(
        "the deploy form compares the wrong way",
        f"{CODE}/layers/binary_conv.py",
        "return x >= self.beta if self.rising else self.beta >= x",
        "return x >= self.beta",
        "tests/test_export.py",
    ),
    Fault(
        "a subclass is exported as its base",
        f"{CODE}/deploy.py",
        'if "deploy_form" not in vars(kind):',
        "if False:",
        "tests/test_own_layer.py tests/test_export.py",
    ),
    Fault(
        "the kernels serve layers with groups",
        f"{CODE}/cpu/convolution.py",
        "None if conv.group == 1 else",
        "None if conv.group >= 1 else",
        "tests/test_cpu_networks.py tests/test_cpu_kernels.py",
    ),
    Fault(
        "the kernels binarize with >",
        f"{CODE}/cpu/kernels/binarize.h",
        "return rising ? x >= beta : x <= beta;",
        "return rising ? x > beta : x < beta;",
        "tests/test_cpu_kernels.py tests/test_cpu_networks.py",
    ),
    Fault(
        "a stem in float is counted as bits",
        f"{CODE}/layers/binary_conv.py",
        "on_bits=self.binarizes_weight and self.binarizes_input",
        "on_bits=True",
        "tests/test_summary.py",
    ),
    Fault(
        "alpha is decayed although it is excluded",
        f"{CODE}/training/optimizer.py",
        '"weight_decay": 0.0}',
        '"weight_decay": config.weight_decay}',
        "tests/test_training_options.py -k spared",
    ),
    Fault(
        "the cosine ends too early",
        f"{CODE}/training/schedule.py",
        "math.cos(math.pi * epoch / epochs)",
        "math.cos(math.pi * (epoch + 1) / epochs)",
        "tests/test_schedule_and_step.py",
    ),
    Fault(
        "k does not rise as t falls",
        f"{CODE}/training/schedule.py",
        "return max(1 / t, 1.0), t",
        "return 1.0, t",
        "tests/test_schedule_and_step.py",
    ),
    Fault(
        "clipping scales each gradient by twice the limit",
        f"{CODE}/training/update.py",
        "factor = self.limit / ops",
        "factor = 2 * self.limit / ops",
        "tests/test_training_options.py -k 'limit or allows'",
    ),
    Fault(
        "gradients of parts are summed, not averaged",
        f"{CODE}/training/accumulate.py",
        "(total / self.parts,)",
        "(total,)",
        "tests/test_training_options.py -k parts",
    ),
    Fault(
        "the average lags by an update",
        f"{CODE}/training/average.py",
        "(ops.depend(source, done) - average)",
        "(source - average)",
        "tests/test_training_options.py -k average",
    ),
    Fault(
        "a resumed run forgets the best epoch",
        f"{CODE}/training/loop.py",
        'start, best = metadata["epoch"], metadata[best_score]',
        'start, best = metadata["epoch"], -math.inf',
        "tests/test_resume.py tests/test_steps.py",
    ),
    Fault(
        "the average is evaluated and kept",
        f"{CODE}/training/average.py",
        "                ops.assign(source, Tensor(value))",
        "                pass",
        "tests/test_training_options.py -k average",
    ),
    Fault(
        "the optimizer's state is not saved",
        f"{CODE}/training/loop.py",
        "save_checkpoint(run.last, network, metadata, step.optimizer, state)",
        "save_checkpoint(run.last, network, metadata, None, state)",
        "tests/test_resume.py",
    ),
    Fault(
        "a teacher is trained",
        f"{CODE}/tasks/classification/loss.py",
        "self.teacher.set_train(False)",
        "self.teacher.set_train(mode)",
        "tests/test_training_options.py -k teacher",
    ),
    Fault(
        "equal logits go to the higher class",
        f"{CODE}/tasks/classification/metric.py",
        "np.arange(logits.shape[1]) < labels",
        "np.arange(logits.shape[1]) > labels",
        "tests/test_checkpoint.py tests/test_tasks.py tests/test_pipeline.py tests/test_schedule_and_step.py",
    ),
    Fault(
        "the order of an epoch is that of the first",
        f"{CODE}/data/transforms.py",
        "return _generator(seed, epoch, _ORDER)",
        "return _generator(seed, 0, _ORDER)",
        "tests/test_pipeline.py",
    ),
    Fault(
        "the crop is mirrored after it is placed",
        f"{CODE}/data/transforms.py",
        "images[:, :, ::-1], images)",
        "images[:, ::-1], images)",
        "tests/test_pipeline.py",
    ),
    Fault(
        "ranks see the same part of a batch",
        f"{CODE}/data/image_dataset.py",
        "index * size + self.dataset.rank * self.dataset.share",
        "index * size",
        "tests/test_pipeline.py tests/test_distribute.py",
    ),
    Fault(
        "a picture is in both splits",
        f"{CODE}/data/image_folder.py",
        "in_test(path, seed, share) == tested, split)",
        "in_test(path, seed, share) == tested or tested, split)",
        "tests/test_picture_folders.py",
    ),
    Fault(
        "the center crop takes the corner",
        f"{CODE}/data/crops.py",
        "return Box((height - side) // 2, (width - side) // 2, side, side)",
        "return Box(0, 0, side, side)",
        "tests/test_picture_dataset.py tests/test_decode.py",
    ),
    Fault(
        "a crop's overlap is not demanded",
        f"{CODE}/data/detection_crops.py",
        "(iou(parts.astype(np.float64), boxes) >= least)",
        "(iou(parts.astype(np.float64), boxes) >= 0)",
        "tests/test_detection_crops.py -k overlap",
    ),
    Fault(
        "pixels are mirrored, boxes are not",
        f"{CODE}/data/detection_crops.py",
        "boxes[:, [0, 2]] = 1 - boxes[:, [2, 0]]",
        "pass",
        "tests/test_detection_crops.py -k follow",
    ),
    Fault(
        "the overlap of 0.5 is forgotten",
        f"{CODE}/data/detection_crops.py",
        "0.5, 0.7, 0.9, ANY_PART",
        "0.7, 0.9, ANY_PART",
        "tests/test_detection_crops.py -k modes",
    ),
    Fault(
        "an augmentation follows from the place in the batch",
        f"{CODE}/data/detection_dataset.py",
        "picture_generator(self.seed, epoch, index)",
        "picture_generator(self.seed, epoch, row)",
        "tests/test_detection_dataset.py -k processes",
    ),
    Fault(
        "difficult objects are trained on",
        f"{CODE}/data/detection_dataset.py",
        "found.only(~found.ignored) if",
        "found if",
        "tests/test_detection_dataset.py -k training_split",
    ),
    Fault(
        "VOC's first pixel is 0",
        f"{CODE}/data/voc.py",
        "corners[:2] = corners[0] - 1, corners[1] - 1",
        "corners[:2] = corners[0], corners[1]",
        "tests/test_voc.py -k difficult",
    ),
    Fault(
        "entities are let in",
        f"{CODE}/data/xml_file.py",
        "parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse",
        "pass",
        "tests/test_voc.py -k malformed",
    ),
    Fault(
        "COCO's categories in the order of the file",
        f"{CODE}/data/coco.py",
        "for key in sorted(names)]",
        "for key in names]",
        "tests/test_coco.py -k gaps",
    ),
    Fault(
        "a box beyond the edge stays there",
        f"{CODE}/data/annotated.py",
        "min(x2 / width, 1)",
        "x2 / width",
        "tests/test_voc.py -k clipped",
    ),
    Fault(
        "more objects of the scenes overlap",
        f"{CODE}/data/scenes.py",
        "_IN_FRONT = 0.27",
        "_IN_FRONT = 0.35",
        "tests/test_scenes.py -k third",
    ),
    Fault(
        "a label of 10 is let through",
        f"{CODE}/data/cifar10.py",
        "if labels.max() >= len(CIFAR10_CLASSES):",
        "if labels.max() > len(CIFAR10_CLASSES):",
        "tests/test_cifar10.py",
    ),
    Fault(
        "a checkpoint of the other form is loaded in silence",
        f"{CODE}/utils/checkpoint.py",
        "if metadata.get(key, expected) != expected:",
        'if key != "binary_form" and metadata.get(key, expected) != expected:',
        "tests/test_checkpoint.py",
    ),
    Fault(
        "a flag without effect is taken",
        f"{CODE}/utils/effect.py",
        "if value and key not in besides else None",
        "if value is None else None",
        "tests/test_config.py tests/test_bad_input.py",
    ),
    Fault(
        "a flag contradicts the run to resume",
        f"{CODE}/training/run_folder.py",
        "if new != old and not KEYS[key].free:",
        "if new != old and KEYS[key].free:",
        "tests/test_resume.py -k contradicts",
    ),
    Fault(
        "a pickle may name any function",
        f"{CODE}/utils/pickle_machine.py",
        "and (module, name) in self.allowed):",
        "):",
        "tests/test_safe_pickle.py",
    ),
    Fault(
        "an existing file is replaced by an export",
        f"{CODE}/export/description.py",
        "if path.exists() and not force:",
        "if path.exists() and force:",
        "tests/test_export.py tests/test_bad_input.py",
    ),
    Fault(
        "what a stopped program has half written stays",
        f"{CODE}/utils/stopping.py",
        "                    remove(path)",
        "                    pass",
        "tests/test_stopping.py tests/test_export.py",
    ),
    Fault(
        "ADABIN_CPU_THREADS is not heeded",
        f"{CODE}/utils/threads.py",
        'own = environment.get(VARIABLE, "").strip()',
        'own = ""',
        "tests/test_threads.py tests/test_cpu_threads.py",
    ),
    Fault(
        "VOC: a detection of a difficult object is wrong",
        f"{CODE}/detection/voc_map.py",
        "verdicts[enough & ignored[own]] = UNCOUNTED",
        "pass",
        "tests/test_voc_map.py",
    ),
    Fault(
        "VOC: a second detection of an object is right",
        f"{CODE}/detection/voc_map.py",
        "verdicts[counted[first]] = RIGHT",
        "verdicts[counted] = RIGHT",
        "tests/test_voc_map.py",
    ),
    Fault(
        "VOC: recall levels are compared in float",
        f"{CODE}/detection/voc_map.py",
        "np.searchsorted(10 * found, np.arange(11) * objects)",
        "np.searchsorted(found / objects, np.arange(0, 1.05, 0.1))",
        "tests/test_voc_map.py",
    ),
    Fault(
        "COCO: difficult objects are demanded",
        f"{CODE}/detection/coco_ap.py",
        'one["ignore"] = one["ignored"]',
        "pass",
        "tests/test_coco_ap.py",
    ),
    Fault(
        "COCO: object sizes follow boxes, not outlines",
        f"{CODE}/detection/coco_ap.py",
        '{"area": area, ',
        "{",
        "tests/test_coco_ap.py",
    ),
    Fault(
        "detections of one rank's pictures are looked up in another's",
        f"{CODE}/detection/pictures.py",
        "np.repeat(np.arange(len(self)), self.found_each)",
        'np.repeat(np.arange(len(self)) % max(1, len(states[0]["sizes"])), self.found_each)',
        "tests/test_detection_metric.py",
    ),
    Fault(
        "the metric keeps all detections",
        f"{CODE}/detection/pictures.py",
        'kind="stable")[:MOST_KEPT]',
        'kind="stable")',
        "tests/test_detection_metric.py",
    ),
    Fault(
        "two objects with one best prior: the second one takes it",
        f"{CODE}/detection/matching.py",
        "taken[prior], largest[number] = True, 0",
        "largest[number] = 0",
        "tests/test_matching.py",
    ),
    Fault(
        "an object without area is learned",
        f"{CODE}/detection/matching.py",
        "largest[number] <= 0",
        "largest[number] < 0",
        "tests/test_matching.py",
    ),
    Fault(
        "a prior learns an object only above the threshold",
        f"{CODE}/detection/matching.py",
        ">= threshold",
        "> threshold",
        "tests/test_matching.py",
    ),
    Fault(
        "suppression stops after one round",
        f"{CODE}/detection/decoding.py",
        "        if (now == kept).all():",
        "        if True:",
        "tests/test_decoding.py",
    ),
    Fault(
        "equal scores are lost where the best are cut",
        f"{CODE}/detection/decoding.py",
        "values >= np",
        "values > np",
        "tests/test_decoding.py",
    ),
    Fault(
        "boxes are not clipped",
        f"{CODE}/detection/decoding.py",
        "boxes = np.clip(decode(np.asarray(locations, np.float32), priors, variances), 0, 1)",
        "boxes = decode(np.asarray(locations, np.float32), priors, variances)",
        "tests/test_decoding.py",
    ),
    Fault(
        "negatives are mined in the whole batch's number",
        f"{CODE}/tasks/detection/loss.py",
        "self.neg_pos_ratio * positives)",
        "self.neg_pos_ratio * ops.sum(positives))",
        "tests/test_detection_loss.py -k 'formula and GRAPH'",
    ),
    Fault(
        "positives count among the negatives",
        f"{CODE}/tasks/detection/loss.py",
        "entropy * (1 - positive) - positive",
        "entropy",
        "tests/test_detection_loss.py -k 'formula and GRAPH'",
    ),
    Fault(
        "a batch without objects divides by 0",
        f"{CODE}/tasks/detection/loss.py",
        "ops.maximum(ops.sum(positive), 1.0)",
        "ops.sum(positive)",
        "tests/test_detection_loss.py -k 'without and GRAPH'",
    ),
    Fault(
        "the background's locations are learned",
        f"{CODE}/tasks/detection/loss.py",
        " * ops.expand_dims(positive, 2)",
        "",
        "tests/test_detection_loss.py -k 'formula and GRAPH'",
    ),
    Fault(
        "padding counts as an object",
        f"{CODE}/tasks/detection/metric.py",
        "numbers >= 0",
        "numbers >= -1",
        "tests/test_detection_task.py",
    ),
    Fault(
        "a prediction's height and width are exchanged",
        f"{CODE}/tasks/detection/prediction.py",
        "(width, height, width, height)",
        "(height, width, height, width)",
        "tests/test_detection_task.py",
    ),
    Fault(
        "test pictures are drawn with the outputs of others",
        f"{CODE}/shown_tests.py",
        "rows = self.chosen[(self.chosen >= first) & (self.chosen < self.seen)] - first",
        "rows = self.chosen[: np.sum((self.chosen >= first) & (self.chosen < self.seen))]",
        "tests/test_shown_tests.py",
    ),
    Fault(
        "detector: a map's columns come before its rows",
        f"{CODE}/models/ssd_vgg16.py",
        "ops.transpose(x, (0, 2, 3, 1))",
        "ops.transpose(x, (0, 3, 2, 1))",
        "tests/test_ssd.py -k follow",
    ),
    Fault(
        "detector: priors' rows and columns are swapped",
        f"{CODE}/detection/priors.py",
        "boxes[..., 0] = centers[None, :, None]",
        "boxes[..., 0] = centers[:, None, None]",
        "tests/test_priors.py",
    ),
    Fault(
        "detector: L2Norm's gradient without the part through the norm",
        f"{CODE}/layers/l2_norm.py",
        "(scaled - u * self.over_channels(scaled * u, 1)) / n",
        "scaled / n",
        "tests/test_l2_norm.py",
    ),
    Fault(
        "detector: conv6 is not dilated",
        f"{CODE}/models/vgg16.py",
        "padding=6, dilation=6",
        "padding=1, dilation=1",
        "tests/test_torchvision_vgg16.py -k computes",
    ),
    Fault(
        "detector: the sign of torchvision's gamma does not reach the weights",
        f"{CODE}/models/torchvision_vgg16.py",
        "weight * sign[:, None, None, None]",
        "weight",
        "tests/test_torchvision_vgg16.py -k computes",
    ),
    Fault(
        "detector: counts at the border forget the dilation",
        f"{CODE}/cpu/kernels/popcount_conv.cc",
        "const int64_t row = s.row(y, ky);",
        "const int64_t row = y * s.stride_h + ky - s.pad_top;",
        "tests/test_cpu_networks.py -k both_modes",
    ),
    Fault(
        "detector: a head's bias learns from the first picture alone",
        f"{CODE}/cpu/kernels/float_conv.cc",
        "for (int64_t n = 0; n < images; ++n) {",
        "for (int64_t n = 0; n < 1; ++n) {",
        "tests/test_cpu_networks.py -k float_convolution",
    ),
    Fault(
        "detector: of equal maxima the last one gets the gradient",
        f"{CODE}/cpu/kernels/pooling.cc",
        "if (input[r * w.columns + c] > input[best])",
        "if (input[r * w.columns + c] >= input[best])",
        "tests/test_pooling.py",
    ),
]


def copy_of_the_project(folder):
    """The files that git knows or would take, and the C++ programs as they have been built."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    build = ROOT / "ascend310_infer" / "build"
    if build.is_dir():
        (folder / "ascend310_infer" / "build").symlink_to(build)


def fails(tests, folder):
    """Whether these tests fail in a copy."""
    command = f"{sys.executable} -m pytest -x -q -p no:cacheprovider -m 'not slow' {tests}"
    status = subprocess.run(command, shell=True, cwd=folder, capture_output=True).returncode
    assert status in (0, 1), f"pytest {tests}: no tests, or they cannot be run"
    return status == 1


def is_caught(fault, folder):
    """Whether the tests fail with this fault planted in a copy."""
    path = folder / fault.file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    try:
        return fails(fault.tests, folder)
    finally:
        path.write_text(text, encoding="utf-8")


def main(words):
    """Returns the status to exit with."""
    chosen = [fault for fault in FAULTS if not words or any(word in fault.what for word in words)]
    missed = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        copy_of_the_project(Path(folder))
        files = sorted({word for fault in chosen for word in fault.tests.split() if word.startswith("tests/")})
        assert not fails(f"-n auto --dist loadfile {' '.join(files)}", folder), "they fail without any fault"
        for fault in chosen:
            began = time.monotonic()
            caught = is_caught(fault, Path(folder))
            print(f"{'caught' if caught else 'MISSED'}  {time.monotonic() - began:4.0f} s  {fault.what}", flush=True)
            missed += [] if caught else [fault.what]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
