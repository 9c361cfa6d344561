"""l-diversity and t-closeness of many classes at a time, in time that grows with the rows and not with the values.

Distinct l-diversity (Machanavajjhala et al., TKDD 2007, section 4): each class has l different sensitive values or
more. t-closeness (Li, Li and Venkatasubramanian, ICDE 2007, section 4): the earth mover's distance between the values
of a class and those of the table is at most t; for numbers and dates the ordered distance, for categories the equal
distance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ranks = NDArray[np.int64]
    Floats = NDArray[np.float64]


class Sensitive:
    """A sensitive column: the rank of each row's value, and how often each value is in the whole table."""

    def __init__(self, name: str, ranks: Ranks, shares: Floats, *, ordered: bool) -> None:
        self.name = name
        self.ranks = ranks
        self.size = len(shares)
        self.ordered = ordered
        self.shares = shares
        self._below = np.cumsum(shares)
        self._sums = np.concatenate([[0.0], np.cumsum(self._below)])

    def distinct(self, rows: Ranks, classes: Ranks, count: int) -> Ranks:
        """Return how many different values each class has; ``classes`` has the class of each row."""
        keys = np.unique(classes * self.size + self.ranks[rows])
        return np.bincount(keys // self.size, minlength=count)

    def distance(self, rows: Ranks, classes: Ranks, count: int) -> Floats:
        """Return how far the values of each class, none of them empty, are from those of the table."""
        keys, times = np.unique(classes * self.size + self.ranks[rows], return_counts=True)
        owner, value = np.divmod(keys, self.size)
        sizes = np.bincount(classes, minlength=count)
        mine = times / sizes[owner]
        if not self.ordered:
            theirs = self.shares[value]
            present = np.bincount(owner, np.abs(mine - theirs), count)
            far: Floats = (present + 1 - np.bincount(owner, theirs, count)) / 2
            return far
        # How many of a class lie at or below a value is a staircase; below its first step it is 0.
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        seen = np.cumsum(times)
        level = (seen - np.repeat(seen[first] - times[first], np.diff(np.append(first, len(owner))))) / sizes[owner]
        end = np.append(value[1:], self.size)
        end[np.append(first[1:], len(owner)) - 1] = self.size
        below = self._between(np.zeros(count, dtype=np.int64), value[first], np.zeros(count))
        apart: Floats = below + np.bincount(owner, self._between(value, end, level), count)
        return apart / max(1, self.size - 1)

    def _between(self, start: Ranks, stop: Ranks, level: Floats) -> Floats:
        """Return the sum, over values from ``start`` on and before ``stop``, of how far the table is from a level."""
        cross = np.clip(np.searchsorted(self._below, level), start, stop)  # up to here the table is below the level
        under = level * (cross - start) - (self._sums[cross] - self._sums[start])
        over = (self._sums[stop] - self._sums[cross]) - level * (stop - cross)
        total: Floats = under + over
        return total
