# SPDX-License-Identifier: Apache-2.0
"""What the loop records into on ranks other than 0, which know of no run folder."""

from collections import defaultdict

from adabin.utils.cli import log


class Follower:
    """The calls of `RunFolder` that the loop makes; nothing is written but lines to the process's own log."""

    path = ""

    def __init__(self):
        self.rows = []

    def of_step(self, number, config):
        """What the next stage of a training records into."""
        return Follower()

    def log(self, message, write=log):
        """Show a line."""
        write(message)

    def keep_epochs(self, count):
        """Rows that stand for those that only rank 0 needs to know."""
        self.rows = [defaultdict(float)] * count

    def expect_nothing_finished(self):
        """Rank 0 looks."""

    def add_epoch(self, row, plots):
        """Remember what was recorded."""
        self.rows.append(row)
