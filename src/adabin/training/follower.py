# SPDX-License-Identifier: Apache-2.0
"""The run folder as ranks other than 0 see it: they read from it and leave all writing to rank 0."""

from collections import defaultdict

from adabin.training.run_folder import RunFolder
from adabin.utils.cli import log


class FollowedRun(RunFolder):
    """Same calls as `RunFolder`, nothing written; `log` goes to the process's own log alone."""

    @classmethod
    def create(cls, config):
        """No folder: rank 0 makes it, and `move` tells where."""
        return cls(config.output_path)

    @classmethod
    def of_step(cls, run, number, config):
        """Folder of a step, which rank 0 makes."""
        return cls(run.path / f"step{number}")

    def _claim(self):
        """Rank 0 has it."""

    def log(self, message, write=log):
        write(message)

    def keep_epochs(self, count):
        """Rows that stand for those that only rank 0 needs to know."""
        self.rows = [defaultdict(float)] * count

    def expect_nothing_finished(self):
        """Rank 0 looks."""

    def add_epoch(self, row, plots):
        self.rows.append(row)
