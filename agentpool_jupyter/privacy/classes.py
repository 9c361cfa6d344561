"""Rows class by class, as arrays: for what is done to all classes at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .columns import Column, Floats, Ranks


class Classes:
    """Rows, those of one class beside each other."""

    def __init__(self, rows: Ranks, of_row: Ranks) -> None:
        """``of_row`` has the class of each of these rows, ascending."""
        self.rows = rows
        self.starts = np.flatnonzero(np.diff(of_row, prepend=-1))
        self.sizes = np.diff(np.append(self.starts, len(rows)))
        self.of_row = np.repeat(np.arange(len(self.starts)), self.sizes)
        """The class of each row, numbered without gaps."""

    @classmethod
    def sorted(cls, classes: Ranks, rows: Ranks) -> Classes:
        """Return some rows in the order of their classes, and else as they come, without those that have none."""
        order = rows[np.argsort(classes[rows], kind="stable")]
        order = order[np.count_nonzero(classes[rows] < 0) :]
        return cls(order, classes[order])

    def __len__(self) -> int:
        return len(self.starts)

    def ends(self, column: Column) -> tuple[Ranks, Ranks]:
        """Return the lowest and the highest rank that each class has of a column."""
        ranks = column.ranks[self.rows]
        return np.minimum.reduceat(ranks, self.starts), np.maximum.reduceat(ranks, self.starts)

    def sets(self, column: Column) -> tuple[Ranks, Ranks]:
        """Return the ranks that each class has of a column, one class after the other, and how many those are."""
        keys = np.unique(self.of_row * column.size + column.ranks[self.rows])
        owner, ranks = np.divmod(keys, column.size)
        return ranks, np.bincount(owner)

    def widths(self, column: Column) -> Floats:
        """Return how wide each class is in a column; see :mod:`.columns`."""
        if column.ordered:
            return column.widths(*self.ends(column))
        counts = self.sets(column)[1]
        return column.widths(np.zeros(len(counts), dtype=np.int64), counts - 1)
