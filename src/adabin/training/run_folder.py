# SPDX-License-Identifier: Apache-2.0
"""A run is a folder: config.yaml, metrics.csv, curves.png, train.log, best.ckpt, last.ckpt.

A training in stages (src/adabin/training/steps.py) has a folder of this kind for each of them: step1, step2, ...
"""

import csv
import fcntl
import io
import os
import time
from pathlib import Path

from adabin.utils.cli import log
from adabin.utils.config import read_config
from adabin.utils.errors import UserError
from adabin.utils.files import make_folder, replacing
from adabin.utils.schema import KEYS


class RunFolder:
    """Files of one training.

    Attributes:
        path, last, best: the folder and its two checkpoints.
        rows: list of dicts, one per finished epoch: what the loop records, and the binary layers' health.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.last, self.best = self.path / "last.ckpt", self.path / "best.ckpt"
        self.metrics = self.path / "metrics.csv"
        self.rows = []
        self._log_file = None

    @classmethod
    def create(cls, config):
        """New folder <output_path>/<network>_<dataset>/<time> with the resolved config."""
        try:
            os.path.abspath(config.output_path).encode()
        except UnicodeEncodeError as error:  # MindSpore cannot write there
            raise UserError(f"--output_path {config.output_path}: is no text in UTF-8; give another folder") from error
        parent = make_folder(Path(config.output_path) / f"{config.network}_{config.dataset}", "--output_path")
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for suffix in ("", *(f"-{i}" for i in range(2, 100))):
            path = parent / (stamp + suffix)
            try:
                path.mkdir()
            except FileExistsError:
                continue
            except OSError as error:
                raise UserError(
                    f"{path}: cannot be created ({error.strerror}); give a writable folder with --output_path"
                ) from error
            run = cls(path)
            run._keep_config(config)
            run._claim()
            return run
        raise UserError(f"{parent}: has 99 runs of this second; start again")

    def stage(self, number):
        """Folder of a stage within this folder of a run, as it is, if it is there."""
        return RunFolder(self.path / f"step{number}")

    def of_step(self, number, config):
        """Folder of a stage within this folder of a run, new or to go on with."""
        step = self.stage(number)
        make_folder(step.path, "--output_path")
        if not (step.path / "config.yaml").is_file():
            step._keep_config(config)
        step._claim()
        return step

    def _keep_config(self, config):
        paths = {key: getattr(config, key) for key in ("data_path", "label_file", "pretrained", "teacher")}
        # Resumable from any folder.
        absolute = {key: str(Path(value).absolute()) for key, value in paths.items() if value not in ("", "labels")}
        with replacing(self.path / "config.yaml") as temporary:
            config.changed(**absolute).save(temporary)

    @classmethod
    def open(cls, path, overrides):
        """Existing folder to resume, and its config (`resumed_config`).

        Raises:
            UserError: no run folder, one that another process writes to, or a flag contradicts the run's config.
        """
        config = resumed_config(path, overrides)
        run = cls(path)
        run._claim()
        return run, config

    def _claim(self):
        """Keep other processes from writing to this folder while this one lives; clear away what a crash left."""
        try:
            self._log_file = open(  # noqa: SIM115 - held until the end
                self.path / "train.log", "a", encoding="utf-8", errors="backslashreplace"
            )
            fcntl.flock(self._log_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"--resume {self.path}: this run is still running; stop it first") from error
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be written ({error.strerror}); make the run folder writable"
            ) from error
        for leftover in self.path.glob(".writing-*"):
            leftover.unlink(missing_ok=True)

    def log(self, message, write=log):
        """Keep a line in train.log and show it: in this order, so that whoever stops the run on seeing it finds it."""
        try:
            self._log_file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n")
            self._log_file.flush()
        except OSError as error:
            raise UserError(f"{self.path}/train.log: cannot be written ({error.strerror}); free some space") from error
        write(message)

    def keep_epochs(self, count):
        """Read metrics.csv and forget what was recorded after the checkpoint that a run resumes from."""
        if self.metrics.is_file():
            try:
                with open(self.metrics, newline="", encoding="utf-8") as handle:
                    rows = [row for row in csv.DictReader(handle) if int(row["epoch"]) <= count]
                # csv.DictReader marks fields that are too many by a key None, those that lack by a value None.
                self.rows = [row for row in rows if None not in row and None not in row.values()]
            except (OSError, ValueError, LookupError, TypeError, csv.Error):
                self.rows = []
        if len(self.rows) != count:
            raise UserError(
                f"{self.metrics}: has {len(self.rows)} of {count} epochs of {self.last.name}; "
                "the run folder is damaged, start a new run"
            )
        self._write_metrics()

    def expect_nothing_finished(self):
        """A run without last.ckpt starts anew; that must not destroy one that had gone further.

        Raises:
            UserError: metrics.csv shows that a last.ckpt once was there.
        """
        recorded = self.metrics.read_bytes().count(b"\n") - 1 if self.metrics.is_file() else 0
        if recorded > 1:  # the first epoch is recorded before its last.ckpt is written
            raise UserError(
                f"{self.last}: is missing, though {recorded} epochs are recorded; restore it or start a new run"
            )

    def add_epoch(self, row, plots):
        """Append a row to metrics.csv and draw the curves anew; plots: see adabin.tasks."""
        self.rows.append(row)
        self._write_metrics()
        self._draw_curves(plots)

    def _write_metrics(self):
        text = io.StringIO()
        columns = dict.fromkeys(key for row in self.rows for key in row)
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        with replacing(self.metrics) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8")

    def _draw_curves(self, plots):
        from matplotlib.figure import Figure

        epochs = [int(row["epoch"]) for row in self.rows]
        figure = Figure(figsize=(4.5 * len(plots), 3.6), layout="constrained")
        axes = figure.subplots(1, len(plots), squeeze=False)[0]
        for axis, (quantity, label, factor) in zip(axes, plots, strict=True):
            for split in ("train", "test"):
                if f"{split}_{quantity}" not in self.rows[-1]:
                    continue
                values = [factor * float(row[f"{split}_{quantity}"]) for row in self.rows]
                axis.plot(epochs, values, marker="o" if len(epochs) < 30 else "", markersize=3, label=split)
            axis.set(xlabel="epoch", ylabel=label)
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.grid(alpha=0.3)
            axis.legend()
        figure.suptitle(" ".join(self.path.parts[-2:]))
        with replacing(self.path / "curves.png") as temporary:
            figure.savefig(temporary, format="png", dpi=120)


def resumed_config(path, overrides):
    """Config of a run to go on with; where the data lies and what has no influence may differ.

    Raises:
        UserError: no run folder, or a flag contradicts the run's config.
    """
    path = Path(path)
    if not (path / "config.yaml").is_file():
        raise UserError(
            f"--resume {path}: is no run folder (it has no config.yaml); give <output_path>/<network>_<dataset>/<time>"
        )
    whole = path.absolute().parent / "config.yaml"
    if path.name.startswith("step") and whole.is_file():
        raise UserError(f"--resume {path}: is a stage of a training in several; give the folder above it")
    config = read_config(path / "config.yaml")
    resumed = read_config(path / "config.yaml", overrides)
    for key in overrides:
        old, new = getattr(config, key), getattr(resumed, key)
        if new != old and not KEYS[key].free:
            raise UserError(
                f"--{key}={new}: contradicts the run to resume, which has {key}={old}; leave the flag out, or "
                "start a new run without --resume"
            )
    return resumed
