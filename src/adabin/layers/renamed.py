# SPDX-License-Identifier: Apache-2.0
"""Cells that hold other layers without giving them a new place in the names of a network."""

from mindspore import nn


class Renamed(nn.Cell):
    """A Cell whose parts go by names of their own, and so do their parameters.

    MindSpore names parameters after the way to them: what lies in `join1` as `norm` would be `join1.norm.gamma`, where
    checkpoints have `bn1.gamma`. A subclass says in `name_of_part` what to call the parts instead; lists of cells and
    parameters, and the names that parameters get, follow it.
    """

    def name_of_part(self, part, own):
        """Name in the network of the child `part`; own: that of this Cell, "" for the network itself."""
        raise NotImplementedError

    def cells_and_names(self, cells=None, name_prefix=""):
        """As in `nn.Cell`, with these names."""
        seen = cells if cells else set()
        if self in seen:
            return
        seen.add(self)
        yield name_prefix, self
        for part, cell in self._cells.items():
            if cell is not None:
                yield from cell.cells_and_names(seen, self.name_of_part(part, name_prefix))


def joined(*names):
    """Dotted name of these, without empty ones."""
    return ".".join(filter(None, names))
