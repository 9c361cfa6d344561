"""What a release has to protect, as the partition is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from agentpool_jupyter.errors import ReleaseRefusedError, UserError

from .diversity import Sensitive
from .verify import ORDERED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from .columns import Marks, Ranks

_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What every class has to have."""

    k: int
    """Rows, at the least; with ``per`` different values of that column."""
    per: Sensitive | None = None
    """Whose rows these are, where several may be of one person."""
    rows: int = 0
    """Rows, at the least, if that is more."""
    l: int | None = None  # noqa: E741 - its name
    """Different values of each sensitive column, at the least."""
    t: float | None = None
    """How far its sensitive values may be from those of the table."""
    sensitive: Sequence[Sensitive] = field(default=())
    strict: bool = True
    """Whether rows of one value stay together where it is cut by it."""
    suppress: int = 0
    """Rows that may be left out."""

    @property
    def size(self) -> int:
        """Rows of a class, at the least."""
        return max(self.k, self.rows)

    @property
    def diverse(self) -> Sequence[tuple[Sensitive, int]]:
        """The columns that have to have several values in a class, and how many."""
        people = [(self.per, self.k)] if self.per is not None else []
        return [*((one, self.l) for one in self.sensitive if self.l), *people]

    @property
    def near(self) -> Sequence[Sensitive]:
        """The columns whose values have to be close to those of the table."""
        return self.sensitive if self.t is not None else ()

    @property
    def farthest(self) -> float:
        """How far they may be."""
        return 1.0 if self.t is None else self.t + _ROUNDING

    def close(self, rows: Ranks, classes: Ranks, count: int) -> Marks:
        """Return of each class whether its sensitive values are close enough to those of the table; an empty one is."""
        marks = np.ones(count, dtype=bool)
        there, classes = np.unique(classes, return_inverse=True)
        for one in self.near:
            marks[there] &= one.distance(rows, classes, len(there)) <= self.farthest
        return marks


def demand_of(
    table: pd.DataFrame,
    sensitive: Sequence[str],
    per: str | None,
    *,
    k: int,
    l: int | None,  # noqa: E741
    t: float | None,
    suppression: float,
    strict: bool,
) -> Demand:
    """Return what is asked for of a table.

    Raises UserError for what makes no sense, ReleaseRefusedError for what no release of the table could have.
    """
    wrong = [
        f"k = {k}: name 2 or more, with 1 everybody is told apart" if k < 2 else "",  # noqa: PLR2004
        f"l = {l}: name 1 or more" if l is not None and l < 1 else "",
        f"t = {t}: name a distance from 0 to 1" if t is not None and not 0 <= t <= 1 else "",
        f"suppression = {suppression}: name a share from 0 to less than 1" if not 0 <= suppression < 1 else "",
        "l and t are about sensitive columns: name one" if (l or t is not None) and not sensitive else "",
    ]
    if any(wrong):
        raise UserError(next(filter(None, wrong)))
    if k > len(table):
        message = f"refused: k is {k} and the table has {len(table):,} rows, which cannot make one class"
        raise ReleaseRefusedError(message)
    people = None if per is None else _sensitive(table[per])
    if people is not None and people.size < k:
        message = f"refused: k is {k} and column {per!r} has {people.size} different values"
        raise ReleaseRefusedError(message)
    columns = [_sensitive(table[name]) for name in sensitive]
    for column in columns:
        if l is not None and column.size < l:
            message = f"refused: column {column.name!r} has {column.size} different values, and l is {l}"
            raise ReleaseRefusedError(message)
    return Demand(k=k, per=people, l=l, t=t, sensitive=columns, strict=strict, suppress=int(suppression * len(table)))


def _sensitive(series: pd.Series[Any]) -> Sensitive:
    ordered = series.dtype.kind in ORDERED
    ranks, known = (series if ordered else series.astype(str)).factorize(sort=True, use_na_sentinel=False)
    shares = np.bincount(ranks, minlength=len(known)) / len(ranks)
    return Sensitive(str(series.name), ranks.astype(np.int64), shares, ordered=ordered)
