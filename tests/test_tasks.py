# SPDX-License-Identifier: Apache-2.0
"""A second task that the package knows nothing of goes the whole way, from training to prediction."""

import csv
import json
import time

import cv2
import numpy as np
import pytest

from adabin.tasks import TASKS
from adabin.tasks.classification import Classification
from tests.counting import COUNTS, FLAGS, DotMetric
from tests.programs import ROOT, call, call_apart, result_of, start
from tests.ranks import gathered


def run(program, *flags, cwd):
    return result_of(call_apart("tests/counting.py", ROOT / program, *flags, cwd=cwd))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder, what train.py printed)."""
    folder = tmp_path_factory.mktemp("counting")
    return folder, run("train.py", *FLAGS, cwd=folder)


def test_the_loop_records_what_loss_and_metric_return_and_the_score_picks_the_best(trained):
    folder, result = trained
    with open(folder / result["run"] / "metrics.csv", newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    columns = ("train_loss", "train_found", "train_count_error", "test_ap", "test_kept")
    assert [column for column in rows[0] if column.startswith(("train_", "test_"))] == list(columns)
    assert result["best_ap"] == max(float(row["test_ap"]) for row in rows) and "top1" not in json.dumps(result)


def test_evaluation_gives_the_best_epochs_score_again(trained):
    folder, result = trained
    evaluated = run("eval.py", "--ckpt_path", folder / result["run"] / "best.ckpt", cwd=folder)
    assert evaluated["images"] == COUNTS["test"] and evaluated["ap"] == pytest.approx(result["best_ap"], abs=1e-6)


def test_a_network_with_two_outputs_is_exported_and_compared(trained, tmp_path):
    folder, result = trained
    flags = ("--ckpt_path", folder / result["run"] / "best.ckpt", "--file_name", tmp_path / "net")
    exported = run("export.py", *flags, cwd=folder)
    assert exported["compared_images"] == COUNTS["test"] and exported["equal_decisions"] == 1.0
    assert exported["largest_difference"] < 1e-4


def test_predictions_know_the_size_of_their_picture(trained, tmp_path):
    folder, result = trained
    picture = np.zeros((40, 80, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "wide.png"), picture)
    flags = ("--ckpt_path", folder / result["run"] / "best.ckpt", "--image", tmp_path / "wide.png")
    found = run("predict.py", *flags, "--output_path", tmp_path / "drawn", cwd=folder)["predictions"][0]
    assert {"image", "x", "y", "drawing"} == set(found) and (tmp_path / "drawn" / "wide.png").is_file()


def test_a_stopped_run_resumes_by_its_own_score(trained, tmp_path):
    _, result = trained
    process = start("tests/counting.py", ROOT / "train.py", *FLAGS, "--output_path", tmp_path, cwd=tmp_path)
    while not (found := list(tmp_path.glob("*/*/last.ckpt"))):
        assert process.poll() is None
        time.sleep(0.005)
    process.terminate()
    process.communicate()
    assert process.returncode == 143  # in the second epoch
    again = run("train.py", "--resume", found[0].parent, cwd=tmp_path)
    assert again["best_ap"] == result["best_ap"] and again["ap"] == result["ap"]


def test_the_metric_of_parts_of_uneven_length_is_that_of_the_whole():
    rng = np.random.default_rng(3)
    outputs = (rng.normal(size=(20, 1, 16, 16)), rng.normal(size=(20, 1)))
    places, mask = rng.integers(0, 16, (20, 5, 2)) / 16, (rng.random((20, 5)) < 0.5).astype(float)

    def state(part):
        metric = DotMetric()
        metric.update(tuple(output[part] for output in outputs), places[part], mask[part])
        return metric.state()

    whole = DotMetric.result([state(slice(None))])
    assert DotMetric.result([state(slice(0, 3)), state(slice(3, 20))]) == whole and 0 < whole["ap"] < 1


class Pairs(Classification):
    """A task derived from the package's, with labels of its own."""

    @staticmethod
    def targets(labels, train):
        return (labels // 2,)


def test_a_task_with_one_label_per_image_is_prepared_for_the_c_plus_plus_program(tmp_path, monkeypatch):
    monkeypatch.setitem(TASKS, "pairs", Pairs)
    labels = {}
    for task in ("classification", "pairs"):
        flags = (f"--task={task}", "--dataset=shapes", "--test_size=30", "--eval_batch_size=20")
        result_of(call("preprocess.py", *flags, "--output_path", task, cwd=tmp_path))
        labels[task] = np.load(tmp_path / task / "labels.npy")
    np.testing.assert_array_equal(labels["pairs"], labels["classification"] // 2)


def test_states_of_any_length_are_gathered_from_all_ranks():
    states = [
        {"scores": np.arange(3, dtype=np.float32), "boxes": np.ones((3, 4)), "none": np.zeros((0, 2), np.int32)},
        {"scores": np.zeros(0, np.float32), "boxes": np.zeros((0, 4)), "none": np.zeros((0, 2), np.int32)},
    ]
    for found in gathered(states):
        for own, expected in zip(found, states, strict=True):
            assert own.keys() == expected.keys()
            for name, array in expected.items():
                np.testing.assert_array_equal(own[name], array)
                assert own[name].dtype == array.dtype and own[name].shape == array.shape
