# SPDX-License-Identifier: Apache-2.0
"""The comparing benchmarks: all trainings of a list, once each, into one table."""

import csv

from tests.programs import ROOT, TINY, call, call_apart, refusal_of, result_of

SMALL = (*TINY, "--epochs=1", "--seeds", "1", "--variants", "adabin,fixed_k_t")


def rows_of(folder):
    with open(folder / "results.csv", newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_the_ablation_trains_every_variant_once_and_goes_on_where_it_stopped(tmp_path):
    flags = (*SMALL, "--output_path", tmp_path / "out")
    assert result_of(call_apart("benchmarks/ablation.py", *flags, cwd=tmp_path))["trainings"] == 2
    rows = rows_of(tmp_path / "out")
    found = [(row["variant"], row["seed"], row["epochs"]) for row in rows]
    assert found == [("adabin", "1", "1"), ("fixed_k_t", "1", "1")]
    text = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert f"progressive k and t | 1 | {100 * float(rows[0]['top1']):.2f} | 1 |" in text
    # As if it had been stopped before it noted the first result: that training is resumed, the other only looked up.
    (tmp_path / "out" / "adabin_seed1" / "result.json").unlink()
    ended = call_apart("benchmarks/ablation.py", *flags, cwd=tmp_path)
    assert result_of(ended)["trainings"] == 2 and ended.stderr.count("resuming") == 1
    assert rows_of(tmp_path / "out") == rows


def test_what_makes_no_sense_is_refused_before_the_first_training(tmp_path):
    for flags, part in (
        (("--variants", "adabine"), "--variants adabine: is unknown; choose from adabin"),
        (("--seeds", "1,b"), "--seeds 1,b"),
        (("--estimator_progressive=false",), "--estimator_progressive: is what the variants and seeds differ in"),
    ):
        assert part in refusal_of(call("benchmarks/ablation.py", *flags, cwd=tmp_path))
    one_step = ROOT / "config" / "resnet20_shapes.yaml"
    assert "is no recipe in two steps" in refusal_of(
        call("benchmarks/two_step.py", "--config_path", one_step, cwd=tmp_path)
    )
    assert not list(tmp_path.rglob("*.ckpt"))
