# SPDX-License-Identifier: Apache-2.0
"""The comparison with other programs, without them: flags, CSV, page and chart."""

import json

import pytest

from adabin.utils.errors import UserError
from benchmarks.peers import rows as table
from benchmarks.peers.chart import bars, significant
from benchmarks.peers.report import layer_times, markdown, write_report
from benchmarks.peers.worker import timed_runs
from tests.programs import call_apart, refusal_of


def row(case, peer, threads, median, ratio="", **more):
    """A row of the CSV."""
    plain = dict.fromkeys(table.FIELDS, "")
    known = {"case": case, "peer": peer, "threads": str(threads), "median_ms": str(median), "min_ms": str(median)}
    given = {"ratio": ratio, "difference": "1e-07", "device": "a machine", "date": "2026-11-20", "version": "peer 1.0"}
    return plain | known | given | more


@pytest.fixture
def rows():
    return [
        row("resnet18_imagenet", "engine", 1, 2.0, "1", peak_memory_mb="20.5", model_bytes="4256352"),
        row("resnet18_imagenet", "onnxruntime-int8", 1, 5.0, "2.5"),
        row("resnet18_imagenet", "onnxruntime-fp32", 1, 14.0, "7"),
        row("resnet18_imagenet", "engine", 2, 1.0, "1"),
        row("layer_64@56_x4", "engine", 1, 0.5),
        row("layer_64@56_x12", "engine", 1, 1.3),
        row("layer_64@56_x4", "openvino-binary-nobeta", 1, 0.6),
        row("layer_64@56_x12", "openvino-binary-nobeta", 1, 1.0),
    ]


def test_the_csv_keeps_what_was_written(rows, tmp_path):
    table.write_rows(tmp_path / "f.csv", rows)
    assert table.read_rows(tmp_path / "f.csv") == rows


def test_a_case_measured_again_replaces_its_rows_and_no_others(rows):
    merged = table.merge(rows, [row("resnet18_imagenet", "engine", 1, 9.0)])
    assert len(merged) == len(rows) - 2
    kept = [(r["threads"], r["median_ms"]) for r in merged if r["case"] == "resnet18_imagenet"]
    assert kept == [("1", "9.0"), ("2", "1.0")]


def test_the_time_of_a_layer_is_that_of_the_layers_a_longer_chain_has_more(rows):
    assert layer_times(rows, "engine") == {"64@56": pytest.approx(0.1)}
    assert layer_times(rows[:5], "engine") == {}


def test_the_page_says_which_goals_are_met_and_which_are_missed(rows):
    page = markdown(rows)
    assert "| 2.5 (2.5) |" not in page
    lines = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("|")}
    int8, fp32 = (lines[f"ResNet-18, 224x224, batch 1: ONNX Runtime {kind}"] for kind in ("int8", "fp32"))
    assert "2.20 | 2.50 | – | yes" in int8 and "7.50 | 7.00 | – | **no**" in fp32
    assert "1.80 | 2.00 | – | yes" in lines["ResNet-18, 2 threads against 1"]
    assert "1.00 | 0.50 | – | **no**" in next(line for name, line in lines.items() if name.startswith("layer 64@56"))
    assert "4.26 | 20.5" in page


def test_the_page_gives_a_layer_as_a_share_of_the_popcount_peak(rows):
    page = markdown([*rows, row("layer_at_popcount_peak", "engine", 1, 0.08)])
    assert "| – share of the popcount peak | 80% | – | – | – |" in page
    assert "| layer 64@56: share of the popcount peak | 0.70 | 0.80 | – | yes |" in page


def test_page_and_chart_are_written_and_an_empty_csv_gives_a_page(rows, tmp_path):
    assert [path.name for path in write_report(rows, tmp_path)] == ["peers.md", "peers.png"]
    assert (tmp_path / "peers.png").read_bytes().startswith(b"\x89PNG")
    assert "Nothing has been measured yet." in markdown([])


def test_every_text_of_the_chart_lies_within_it_and_says_its_number_plainly(rows):
    slow = row("resnet18_imagenet", "mindspore", 1, 12162.4, "6081.2")
    for given in (rows, [*rows, slow]):
        figure = bars(given)
        figure.draw_without_rendering()
        (axis,) = figure.axes
        for text in axis.texts:
            assert text.get_window_extent().x1 <= axis.get_window_extent().x1, text.get_text()
    assert [text.get_text() for text in axis.texts] == [
        "2.000 ms", "5.000 ms  (2.50x)", "14.00 ms  (7.00x)", "12,160 ms  (6,080x)",
    ]  # fmt: skip
    assert [significant(value, 3) for value in (0.12345, 9.996, 99.96, 123.4, 1e5)] == [
        "0.123", "10.0", "100", "123", "100,000",
    ]  # fmt: skip


def test_a_worker_takes_a_few_runs_even_in_no_time():
    calls = []
    assert len(timed_runs(lambda: calls.append(0), 0)) >= 3
    assert len(calls) >= 4


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--only", "resnet19"], "--only resnet19"),
        (["--peers", "openvin"], "--peers openvin"),
        (["--threads", "0"], "--threads 0"),
        (["--threads", "a"], "--threads a"),
        (["--rounds", "0"], "--rounds"),
        (["--seconds", "nan"], "--seconds"),
        (["--core", "-1"], "--core -1"),
        (["--report", "--csv_path", "{tmp}/absent.csv"], "absent.csv"),
        (["--report", "--csv_path", "{tmp}/other.csv"], "other.csv"),
        (["--report", "--csv_path", "{tmp}/broken.csv"], "line 2"),
    ],
)
def test_bad_input_ends_in_one_line(flags, part, tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "broken.csv").write_text(",".join(table.FIELDS) + "\nresnet20,1\n")
    flags = [flag.format(tmp=tmp_path) for flag in flags]
    line = refusal_of(call_apart("benchmarks/compare_peers.py", "--docs_path", tmp_path / "docs", *flags, cwd=tmp_path))
    assert part in line
    assert not (tmp_path / "docs").exists()


def test_a_peer_that_is_not_installed_is_reported_in_one_line(tmp_path, capsys, monkeypatch):
    from dataclasses import replace

    from benchmarks import compare_peers
    from benchmarks.peers.cases import CASES
    from benchmarks.peers.process import PEERS

    absent = replace(PEERS["larq"], python=str(tmp_path / "no" / "python"))
    assert compare_peers.open_peers([absent], CASES["resnet20"], tmp_path, 1, None) == {}
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "larq is missing" in message and "setup_peers.sh" in message


def test_the_report_alone_needs_no_peer(rows, tmp_path):
    table.write_rows(tmp_path / "f.csv", rows)
    flags = ("--report", "--csv_path", tmp_path / "f.csv", "--docs_path", tmp_path / "docs")
    done = call_apart("benchmarks/compare_peers.py", *flags, cwd=tmp_path)
    assert json.loads(done.stdout)["rows"] == len(rows)
    assert (tmp_path / "docs" / "peers.md").is_file()


def test_a_file_that_is_no_csv_is_refused(tmp_path):
    (tmp_path / "f.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="f.csv"):
        table.read_rows(tmp_path / "f.csv")


def test_the_page_says_why_a_program_has_no_time(rows):
    page = markdown([*rows, row("ssd300", "engine", 1, 40.0, "1")])
    (line,) = (line for line in page.splitlines() if "not written in Keras" in line)
    assert line.startswith("| Larq") and line.endswith("| – | – |")
    assert "not written in Keras" not in markdown(rows)


def test_the_layers_of_a_detector_have_goals_and_peaks_of_their_own(rows):
    chains = [("bits_128@150_x2", 2.0, 3.0), ("bits_128@150_x4", 4.4, 8.0), ("head_512@38-16_x1", 1.0, 2.0)]
    chains += [("head_512@38-16_x5", 5.0, 4.0), ("layer_at_popcount_peak", 0.04, 0.04)]
    for case, ours, theirs in chains:
        peer = "openvino-fp32" if case.startswith("head") else "openvino-binary"
        rows += [row(case, "engine", 1, ours), row(case, peer, 1, theirs)]
    assert layer_times(rows, "engine", "bits") == {"128@150": pytest.approx(1.2)}
    page = markdown(rows)
    peak = 0.04 * 128 * 128 * 9 * 150**2 / (64 * 64 * 9 * 56**2)
    assert f"bits 128@150: share of the popcount peak | 0.70 | {peak / 1.2:.2f} | – | yes |" in page
    assert f"with beta_w) | 1.30 | 2.08 | {2.5 / peak:.2f} | yes |" in page
    assert "| head 512@38-16: OpenVINO fp32 | 1.00 | 0.50 | – | **no** |" in page


def test_the_page_names_the_machine_of_the_networks_and_that_of_the_layers(rows):
    for line in rows[4:]:
        line |= {"device": "another machine", "date": "2026-11-22"}
    page = markdown(rows)
    assert "Networks measured on: a machine; 2026-11-20." in page
    assert "Layers measured on: another machine; 2026-11-22." in page
