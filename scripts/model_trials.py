# SPDX-License-Identifier: Apache-2.0
"""What a model that is to be published does: on all test images in MindSpore and in C++, and on the pictures to try."""

import time
from pathlib import Path

import cv2
import numpy as np

import eval as evaluation
from adabin.data import build_dataset
from adabin.detection.voc_map import RIGHT, judge
from adabin.engine import EngineModel
from adabin.inference import CellModel
from adabin.opening import open_checkpoint
from adabin.predict import find_pictures, predict_files
from adabin.tasks import build_task
from adabin.utils.device import describe_device
from scripts.draw_scenes import SIDE, save_jpeg, scenes

DETECTOR_KEYS = ("objects", "map", "map_11point", "ap", "ap_50", "ap_75", "ap_small", "ap_medium", "ap_large")


def evaluate_both(ckpt, packed, config):
    """Accuracy on all test images of the checkpoint in MindSpore and of the packed file in C++."""
    found = (_detector if config.task == "detection" else _classifier)(ckpt, packed, config)
    return {**found, "device": describe_device(config), "date": time.strftime("%Y-%m-%d")}


def _classifier(ckpt, packed, config):
    expected_path = ckpt.with_name("logits.npy")
    flags = ("--ckpt_path", str(ckpt), "--data_path", config.data_path, "--logits_path", str(expected_path))
    in_mindspore = evaluation.main(list(flags))
    expected = np.load(expected_path)
    task = build_task(config)
    data = build_dataset(config, "test", task)
    images, labels = zip(*((x.asnumpy(), y.asnumpy()) for x, y in data.batches(0)), strict=True)
    labels = np.concatenate(labels)
    found = EngineModel(packed)(np.concatenate(images))
    metric = task.metric()
    metric.update(found, labels)
    in_cpp = metric.result([metric.state()])
    decisions, others = expected.argmax(1), task.decisions(found)
    right = {name: int(np.sum((decisions == c) & (labels == c))) for c, name in enumerate(config.class_names)}
    return {
        "images": len(labels),
        "mindspore": {key: in_mindspore[key] for key in ("top1", "loss")},
        "cpp": {key: in_cpp[key] for key in ("top1", "loss")},
        "equal_decisions": int(np.sum(decisions == others)),
        "right_by_class": right,
        "images_by_class": {name: int(np.sum(labels == c)) for c, name in enumerate(config.class_names)},
    }


def _detector(ckpt, packed, config):
    in_mindspore, in_cpp = (
        evaluation.main([flag, str(path)]) for flag, path in (("--ckpt_path", ckpt), ("--model", packed))
    )
    return {
        "images": in_mindspore["images"],
        "mindspore": {key: in_mindspore[key] for key in DETECTOR_KEYS},
        "cpp": {key: in_cpp[key] for key in DETECTOR_KEYS},
        "ap_by_class": {row["name"]: row["ap"] for row in in_mindspore["classes"]},
    }


def try_pictures(ckpt, pictures, drawn):
    """What the checkpoint says of the pictures in a folder: a dict each with the file's name.

    A detector's gets `right`, `wrong` and `there`: how many of the objects that it tells are there, with IoU 0.5 or
    more, how many are not, and how many there are; and the drawings go into the folder `drawn`, as JPEG.
    """
    if not pictures.is_dir():
        return []
    opened = open_checkpoint(ckpt)
    files, detects = find_pictures([pictures])[0], opened.task.names_places
    found, _ = predict_files(
        CellModel(opened.network), opened.task, opened.config, files, drawn if detects else "", True
    )
    told = []
    for one in found:
        name = Path(one["image"])
        if not detects:
            told.append({"image": name.name, "top5": one["top5"]})
            continue
        drawing = Path(one["drawing"])
        save_jpeg(drawing.with_suffix(".jpg"), cv2.imread(str(drawing)))
        drawing.unlink()
        told.append({"image": name.name, "objects": one["objects"], **_judged(one["objects"], scenes()[name.stem][1])})
    return told


def _judged(objects, truth):
    boxes = np.array([one["box"] for one in objects], float).reshape(-1, 4) / SIDE
    classes = np.array([one["class"] for one in objects], int)
    right = int((judge(boxes, classes, truth.boxes, truth.classes, truth.ignored) == RIGHT).sum())
    return {"right": right, "wrong": len(objects) - right, "there": len(truth)}
