"""A quasi-identifier as numbers: each row's value by its rank, how wide a class is in it, and what a class is called.

How wide a class is says how much of the value is lost, from 0 (all of the class have the same) to 1 (it could be any).
That is the *normalised certainty penalty* (NCP) of one cell, after Xu, Wang, Pei, Wang, Shi and Fu, "Utility-based
anonymization using local recoding" (KDD 2006, section 3.1): for numbers and dates the span of the class over that of
the table; for categories (distinct - 1) / (categories - 1); with a hierarchy (leaves - 1) / (all leaves - 1) of the
lowest node that has all of them below it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from .hierarchy import ANY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .hierarchy import Hierarchy

    Ranks = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

MISSING = "missing"
"""What a class is called whose rows have no value."""
_TO = ".."
_OR = " | "


class Column(ABC):
    """One quasi-identifier of all rows."""

    ordered = True
    """Whether a class is what lies between two ranks; else it is a set of them."""

    def __init__(self, name: str, ranks: Ranks, size: int) -> None:
        self.name = name
        self.ranks = ranks
        self.size = size
        """Ranks are below it."""

    @abstractmethod
    def widths(self, low: Ranks, high: Ranks) -> Floats:
        """Return how wide classes are: by their lowest and highest ranks; of sets ``high - low`` is distinct - 1."""

    @abstractmethod
    def label(self, ranks: Sequence[int]) -> str:
        """Return what a class is called; ranks ascend, and if ordered the lowest and the highest are enough."""

    @abstractmethod
    def covers(self, label: str) -> Marks:
        """Return which ranks may stand behind a label; none for one that this column does not give."""


class Numbers(Column):
    """Numbers, or dates as numbers; NaN is no value, and a class of such and others may be any."""

    def __init__(
        self,
        name: str,
        values: Floats,
        span: tuple[float, float],
        *,
        text: Callable[[float], str],
        parse: Callable[[str], float],
    ) -> None:
        """``span``: from the least to the greatest of the whole table."""
        known, ranks = np.unique(values, return_inverse=True)  # NaN comes last, once
        self._known = known
        self._gap = len(known) - 1 if len(known) and np.isnan(known[-1]) else -1
        """The rank of those that have no value."""
        low, high = span[0] / 2, span[1] / 2  # the whole span may be past the largest number
        self._places = (known / 2 - low) / (high - low) if high > low else np.where(np.isnan(known), np.nan, 0.0)
        self._text, self._parse = text, parse
        super().__init__(name, ranks.reshape(-1).astype(np.int64), len(known))

    def widths(self, low: Ranks, high: Ranks) -> Floats:
        """See :meth:`Column.widths`."""
        spans: Floats = self._places[high] - self._places[low]
        return spans if self._gap < 0 else np.where(high == self._gap, np.where(low == high, 0.0, 1.0), spans)

    def label(self, ranks: Sequence[int]) -> str:
        """See :meth:`Column.label`; both ends belong to the class."""
        low, high = ranks[0], ranks[-1]
        if high == self._gap:
            return MISSING if low == high else ANY
        return _TO.join(dict.fromkeys((self._text(self._known[low]), self._text(self._known[high]))))

    def covers(self, label: str) -> Marks:
        """See :meth:`Column.covers`."""
        if label in (ANY, MISSING):
            return np.isnan(self._known) | (label == ANY)
        low, _, high = label.partition(_TO)
        try:
            ends = self._parse(low), self._parse(high or low)
        except ValueError:
            return np.zeros(self.size, dtype=bool)
        return (self._known >= ends[0]) & (self._known <= ends[1])


class Categories(Column):
    """Categories without any order."""

    ordered = False

    def __init__(self, name: str, ranks: Ranks, values: Sequence[str], count: int) -> None:
        """``count``: how many categories the whole table has."""
        super().__init__(name, ranks, len(values))
        self._values = list(values)
        self._count = count

    def widths(self, low: Ranks, high: Ranks) -> Floats:
        """See :meth:`Column.widths`."""
        return (high - low) / max(1, self._count - 1)

    def label(self, ranks: Sequence[int]) -> str:
        """See :meth:`Column.label`."""
        return ANY if 1 < self._count == len(ranks) else _OR.join(self._values[rank] for rank in ranks)

    def covers(self, label: str) -> Marks:
        """See :meth:`Column.covers`."""
        named = set(label.split(_OR)) | {label}
        return np.array([label == ANY or value in named for value in self._values], dtype=bool)


class Tree(Column):
    """Categories with a hierarchy above them."""

    def __init__(self, name: str, ranks: Ranks, hierarchy: Hierarchy) -> None:
        super().__init__(name, ranks, len(hierarchy.leaves))
        self._hierarchy = hierarchy

    def widths(self, low: Ranks, high: Ranks) -> Floats:
        """See :meth:`Column.widths`."""
        return (self._hierarchy.sizes(low, high) - 1) / max(1, self.size - 1)

    def label(self, ranks: Sequence[int]) -> str:
        """See :meth:`Column.label`."""
        return self._hierarchy.node(ranks[0], ranks[-1])

    def covers(self, label: str) -> Marks:
        """See :meth:`Column.covers`."""
        return self._hierarchy.below(label)
