# SPDX-License-Identifier: Apache-2.0
"""The CSV of the comparison: one row per case, number of threads and peer."""

import csv
from pathlib import Path

from adabin.utils.errors import UserError
from adabin.utils.files import replacing
from benchmarks.peers.cases import CASES
from benchmarks.peers.process import PEERS

FIELDS = (
    ("case", "batch", "threads", "peer", "median_ms", "min_ms", "ratio", "rounds", "runs", "difference", "limit")
    + ("isa", "version", "peak_memory_mb", "model_bytes", "device", "date", "commit", "command")
)  # fmt: skip


def read_rows(path):
    """Rows of a file as dicts of strings.

    Raises:
        UserError: there is none, or it is not of this program.
    """
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"--csv_path {path}: cannot be read ({error}); measure first, or name another file") from error
    if tuple(reader.fieldnames or ()) != FIELDS:
        raise UserError(f"--csv_path {path}: is no CSV of this program; name another file")
    for number, row in enumerate(rows, 2):
        if row["case"] not in CASES or row["peer"] not in PEERS or not _numbers(row):
            raise UserError(f"--csv_path {path}: line {number} is none of this program's; name another file")
    return rows


def _numbers(row):
    try:
        return float(row["median_ms"]) > 0 and float(row["min_ms"]) > 0 and int(row["threads"]) > 0
    except (TypeError, ValueError):
        return False


def merge(old, new):
    """The old rows but those of a case and number of threads that was measured again, and the new ones; sorted."""
    again = {(row["case"], str(row["threads"])) for row in new}
    rows = [row for row in old if (row["case"], str(row["threads"])) not in again] + new
    cases, peers = list(CASES), list(PEERS)
    return sorted(rows, key=lambda row: (cases.index(row["case"]), int(row["threads"]), peers.index(row["peer"])))


def write_rows(path, rows):
    """Write the file, whole or not at all."""
    with replacing(Path(path)) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
