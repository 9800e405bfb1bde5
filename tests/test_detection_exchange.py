# SPDX-License-Identifier: Apache-2.0
"""Files between preprocess.py, adabin_infer --boxes and postprocess.py: nothing is lost, and what is wrong is named."""

import json

import numpy as np
import pytest

from adabin.detection.exchange import OBJECTS, PICTURES, Truth, found
from adabin.detection.objects import Objects
from adabin.utils.errors import UserError
from tests.detected import metric_of, random_pictures
from tests.programs import call, refusal_of, result_of

NAMES = ("cat", "dog", "réd")


def written(folder, pictures, each=3, **changes):
    """Truth and what was found, as the programs leave them in a folder; each: pictures of a file."""
    truth = Truth([one.objects for one in pictures], NAMES, crowds=False)
    truth.save(folder, [f"{number}.jpg" for number in range(len(pictures))])
    outputs = folder / "outputs"
    outputs.mkdir(exist_ok=True)
    for first in range(0, len(pictures), each):
        part = pictures[first : first + each]
        samples = [sample_of(one) | changes for one in part]
        path = outputs / f"{first:06d}-{first + len(part) - 1:06d}.json"
        path.write_text(json.dumps({"samples": samples}), encoding="utf-8")
    return outputs


def sample_of(one):
    height, width = one.objects.size
    boxes = one.boxes.astype(float) * (width, height, width, height)
    rows = zip(one.classes.tolist(), one.scores.tolist(), boxes.tolist(), strict=True)
    objects = [{"class": c, "name": NAMES[c], "score": score, "box": box} for c, score, box in rows]
    return {"height": height, "width": width, "objects": objects}


def test_annotations_come_back_as_they_were(tmp_path):
    pictures = random_pictures(3, 7, len(NAMES))
    empty = Objects(*(part[:0] for part in vars(pictures[0].objects).values() if not isinstance(part, tuple)), (5, 9))
    objects = [*(one.objects for one in pictures), empty]
    Truth(objects, NAMES, crowds=True).save(tmp_path, ["a b\n.jpg", *"bcdefgh"])
    again = Truth.read(tmp_path / OBJECTS)
    assert again.class_names == NAMES and again.crowds is True and len(again.objects) == 8
    for own, theirs in zip(again.objects, objects, strict=True):
        assert own.size == theirs.size
        for name in ("boxes", "classes", "ignored", "areas"):
            assert getattr(own, name).dtype == getattr(theirs, name).dtype
            np.testing.assert_array_equal(getattr(own, name), getattr(theirs, name))
    lines = (tmp_path / PICTURES).read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"{objects[0].size[0]} {objects[0].size[1]} a b .jpg" and lines[-1] == "5 9 h"


def test_the_boxes_in_files_have_the_metrics_of_the_boxes(tmp_path):
    pictures = random_pictures(4, 20, len(NAMES))
    outputs = written(tmp_path, pictures)
    metric = metric_of(pictures, len(NAMES))
    expected = metric.result([metric.state()])
    result = result_of(
        call("postprocess.py", "--result_path", outputs, "--label_path", tmp_path / OBJECTS, cwd=tmp_path)
    )
    assert {key: result[key] for key in expected} == expected and 0 < expected["map"] < 1
    assert [row["name"] for row in result["classes"]] == list(NAMES)


def test_what_does_not_belong_together_is_named(tmp_path):
    pictures = random_pictures(5, 7, len(NAMES))

    def refused(said):
        truth = Truth.read(tmp_path / OBJECTS)
        with pytest.raises(UserError, match=said):
            list(found(tmp_path / "outputs", truth))

    outputs = written(tmp_path, pictures)
    (outputs / "000003-000005.json").rename(tmp_path / "kept.json")
    refused("000006-000006.json: does not follow picture 2 of 7")
    (outputs / "000006-000006.json").unlink()
    refused("has boxes of 3 pictures, and 7 are annotated")
    (outputs / "000003-000006.json").write_text((tmp_path / "kept.json").read_text("utf-8"), encoding="utf-8")
    refused("holds 3 samples, its name says 4")
    (outputs / "000003-000006.json").write_text("{", encoding="utf-8")
    refused("000003-000006.json: is no file of adabin_infer --boxes")
    (outputs / "000003-000006.json").unlink()
    written(tmp_path, pictures, height=17)
    refused("picture 0 is [0-9]+ x [0-9]+, its boxes are of 17 x")
    written(tmp_path, pictures, objects=[{"class": 1, "name": "horse", "score": 0.5, "box": [0, 0, 1, 1]}])
    refused("class 1 of the network is horse, which the annotated classes have elsewhere")
    written(tmp_path, pictures, objects=[{"class": 1}])
    refused("picture 0: has no boxes")
    (tmp_path / OBJECTS).write_bytes(b"PK")
    flags = ("--result_path", outputs, "--label_path", tmp_path / OBJECTS)
    assert "holds no annotated objects; give objects.npz" in refusal_of(call("postprocess.py", *flags, cwd=tmp_path))
