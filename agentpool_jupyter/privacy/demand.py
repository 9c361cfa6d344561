"""What a release has to protect, as the partition is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .columns import Marks, Ranks
    from .diversity import Sensitive

_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What every class has to have."""

    k: int
    """Rows, at the least."""
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
    def diverse(self) -> Sequence[Sensitive]:
        """The columns that have to have several values in a class."""
        return self.sensitive if self.least > 1 else ()

    @property
    def least(self) -> int:
        """How many different sensitive values a class has to have."""
        return self.l or 1

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
