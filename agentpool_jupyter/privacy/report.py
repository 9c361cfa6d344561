"""What a release protects and what it cost, and the release itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agentpool_jupyter.display.pictures.release import Facts, release_html, release_text, rows_html, rows_text
from agentpool_jupyter.errors import ExtraMissingError, UserError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

_ROWS = 8  # of the table that are shown


@dataclass(frozen=True, kw_only=True)
class PrivacyReport:
    """What a release protects and what it cost; displays itself."""

    k: int
    """Rows of the smallest class: nobody is told apart from ``k - 1`` others by the quasi-identifiers."""
    l: int | None = None  # noqa: E741 - its name
    """Different sensitive values of the class that has the fewest; None without a sensitive column."""
    t: float | None = None
    """How far the sensitive values of any class are from those of the table, 0 to 1; None without such a column."""
    wanted: str = ""
    """What was asked for, in words."""
    rows: int
    """Rows of the release."""
    suppressed: int = 0
    """Rows of the table that were left out."""
    loss: Mapping[str, float]
    """The normalised certainty penalty (NCP) by quasi-identifier, 0 to 1; see :mod:`.columns`."""
    sizes: Sequence[int]
    """Rows of each class, ascending; suppressed rows are no class."""
    checked: str = ""
    """Who counted k, l and t in the finished table."""
    notes: Sequence[str] = ()
    """What to know before this is shared."""

    @property
    def suppression(self) -> float:
        """Share of the table's rows that were left out."""
        return self.suppressed / (self.rows + self.suppressed)

    @property
    def ncp(self) -> float:
        """Mean NCP over all quasi-identifiers of all rows of the table; a suppressed row has lost all, which is 1."""
        return self.published_ncp * (1 - self.suppression) + self.suppression

    @property
    def published_ncp(self) -> float:
        """The same of the rows that are published."""
        return sum(self.loss.values()) / max(1, len(self.loss))

    def _facts(self) -> Facts:
        reached = [f"k = {self.k}"]
        reached += [f"l = {self.l}", f"t = {self.t:.3f}"] if self.l is not None and self.t is not None else []
        share = f"{self.suppressed:,} ({self.suppression:.2%})" if self.suppressed else "none"
        lost = f"{self.published_ncp:.2%} of what the quasi-identifiers said, mean over all cells"
        lost += f"; {self.ncp:.2%} with suppressed rows as lost" if self.suppressed else ""
        middle = float(np.median(self.sizes))
        return Facts(
            reached=", ".join(reached),
            wanted=self.wanted,
            lines=[
                ("rows", f"{self.rows:,}; suppressed: {share}"),
                ("classes", f"{len(self.sizes):,}, of {self.sizes[0]:,} to {self.sizes[-1]:,} rows, median {middle:g}"),
                ("loss (NCP)", lost),
                ("", "a cell's loss: span of its class / of the table; of categories (distinct - 1) / (all - 1)"),
                ("counted", self.checked),
            ],
            loss=list(self.loss.items()),
            sizes=list(self.sizes),
            notes=list(self.notes),
        )

    def __repr__(self) -> str:
        return release_text(self._facts())

    def _repr_html_(self) -> str:
        return release_html(self._facts())


@dataclass(frozen=True, kw_only=True)
class Anonymized:
    """A table that is fit to share, and what is known of how it came about; displays itself."""

    table: pd.DataFrame
    """What may be shared: quasi-identifiers generalised, sensitive columns as they were, rows in no order."""
    report: PrivacyReport
    quasi: Sequence[str]
    sensitive: Sequence[str]
    _of_row: NDArray[np.int64] = field(repr=False)

    @property
    def classes(self) -> list[NDArray[np.int64]]:
        """For each class the numbers of its rows in the table that was given, from 0: never share them."""
        order = np.argsort(self._of_row, kind="stable")
        kept = order[np.searchsorted(self._of_row[order], 0) :]
        return np.split(kept, np.flatnonzero(np.diff(self._of_row[kept])) + 1) if len(kept) else []

    @property
    def suppressed(self) -> NDArray[np.int64]:
        """The numbers of the rows that were left out; never share them."""
        return np.flatnonzero(self._of_row < 0)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the table, and nothing else, to a new file (CSV, or Parquet by its name) and return it.

        Raises UserError where the file exists or cannot be written, ExtraMissingError without what writes Parquet.
        """
        target = Path(path).expanduser()
        if target.exists():
            message = f"{target} exists already: name a new file, or remove it"
            raise UserError(message)
        try:
            if target.suffix == ".parquet":
                self.table.to_parquet(target, index=False)
            else:
                self.table.to_csv(target, index=False)
        except ImportError as error:
            message = "writing Parquet needs pyarrow: pip install pyarrow"
            raise ExtraMissingError(message) from error
        except OSError as error:
            message = f"{target} cannot be written: {error.strerror or error}"
            raise UserError(message) from error
        return target

    def __getstate__(self) -> dict[str, Any]:
        """Leave out which row is in which class: a pickle is soon shared."""
        return {**self.__dict__, "_of_row": np.zeros(0, dtype=np.int64)}

    def __repr__(self) -> str:
        return f"{self.report!r}\n\n{rows_text(*self._head())}"

    def _repr_html_(self) -> str:
        return self.report._repr_html_() + rows_html(*self._head())

    def _head(self) -> tuple[list[str], list[tuple[Any, ...]], int]:
        shown = self.table.head(_ROWS)
        return list(shown.columns), list(shown.itertuples(index=False, name=None)), len(self.table) - len(shown)
