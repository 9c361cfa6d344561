"""From classes to what is published of them: one label a column, and how much it loses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .columns import Column, Floats, Ranks


class Grouped:
    """Rows in the order of their classes; the suppressed are not among them."""

    def __init__(self, classes: Ranks) -> None:
        self.rows = np.argsort(classes, kind="stable")[np.count_nonzero(classes < 0) :]
        of_row = classes[self.rows]
        self.starts = np.flatnonzero(np.diff(of_row, prepend=-1))
        self.sizes = np.diff(np.append(self.starts, len(of_row)))
        self.of_row = np.repeat(np.arange(len(self.starts)), self.sizes)
        """The class of each row, numbered without gaps."""


class Generalised(NamedTuple):
    """A column as it is published."""

    labels: NDArray[Any]
    """What each class is called."""
    loss: float
    """The mean NCP of its cells; see :mod:`.columns`."""


def generalise(column: Column, grouped: Grouped) -> Generalised:
    """Return what a column's classes are called; those with the same ranks are called the same."""
    ranks = column.ranks[grouped.rows]
    if column.ordered:
        low, high = (take.reduceat(ranks, grouped.starts) for take in (np.minimum, np.maximum))
        widths = column.widths(low, high)
        known, which = np.unique(low * column.size + high, return_inverse=True)
        names = [column.label(divmod(int(key), column.size)) for key in known]
    else:
        keys = np.unique(grouped.of_row * column.size + ranks)
        counts = np.bincount(keys // column.size)
        widths = column.widths(np.zeros(len(counts), dtype=np.int64), counts - 1)
        sets = np.split((keys % column.size).astype(np.int64), np.cumsum(counts)[:-1])
        numbers: dict[bytes, int] = {}
        which = np.array([numbers.setdefault(one.tobytes(), len(numbers)) for one in sets])
        names = [column.label(np.frombuffer(one, dtype=np.int64).tolist()) for one in numbers]
    return Generalised(np.array(names, dtype=object)[which], _mean(widths, grouped))


def _mean(widths: Floats, grouped: Grouped) -> float:
    return float((widths * grouped.sizes).sum() / len(grouped.rows))
