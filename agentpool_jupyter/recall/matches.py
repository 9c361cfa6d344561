"""What a search found; displays itself as text and as an HTML table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal, overload

import msgspec

from agentpool_jupyter.errors import ExtraMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 160  # characters of a match's text in a table


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """One passage that resembles the query, or contains it."""

    text: str
    """The whole passage; turns and documents of up to 2,000 characters are one."""
    score: float
    """Exact, from 0 to 1: Jaccard where it resembles, containment where it contains."""
    question: Literal["resembles", "contained"]
    resembles: float
    """The exact Jaccard of query and passage."""
    contained: float
    """How much of the query is in the passage, exactly."""
    pool: str = ""
    turn: str = ""
    """The turn's name, such as ``planner#2``; empty for a document."""
    id: str = ""
    """The turn's id."""
    agent: str = ""
    branch: str = ""
    offset: int | None = None
    """Where the turn begins in its pool; None for a document."""
    end: int | None = None
    """The offset of the event that ended the turn."""
    file: str = ""
    """The document's path; empty for a turn."""
    line: int = 1
    """The line on which the passage begins, from 1, in its turn or file; in a PDF the page."""
    place: str = ""
    """``cell 3`` or ``page 7``, where a document has them."""
    time: int = 0
    """When it was said, or the document changed, in milliseconds since the epoch."""

    @property
    def source(self) -> str:
        """Where it is from, in a few words: ``planner#2 in bakery``, ``notes.md:12``."""
        if self.file:
            where = f"{self.file}:{self.line}" if not self.place.startswith("page") else self.file
            return f"{where} ({self.place})" if self.place else where
        return f"{self.turn} in {self.pool}" + (f", line {self.line}" if self.line > 1 else "")


class Matches(Sequence[Match]):
    """Matches, best first, and ``notes`` on what the reader should know of the index."""

    def __init__(self, matches: Sequence[Match], notes: Sequence[str] = ()) -> None:
        self._matches = list(matches)
        self.notes = list(notes)

    @overload
    def __getitem__(self, index: int) -> Match: ...
    @overload
    def __getitem__(self, index: slice) -> Matches: ...
    def __getitem__(self, index: int | slice) -> Match | Matches:
        if isinstance(index, slice):
            return Matches(self._matches[index], self.notes)
        return self._matches[index]

    def __len__(self) -> int:
        return len(self._matches)

    def __iter__(self) -> Iterator[Match]:
        return iter(self._matches)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame, one row a match; raises ExtraMissingError where pandas is not installed."""
        try:
            import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415 - optional
        except ImportError as error:
            message = "to_pandas() needs pandas: pip install pandas"
            raise ExtraMissingError(message) from error
        return pd.DataFrame([msgspec.structs.asdict(one) for one in self], columns=list(Match.__struct_fields__))

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        for one in self:
            text = " ".join(one.text.split())
            clipped = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
            yield f"{one.score:.2f}", one.question, one.source, clipped

    def __repr__(self) -> str:
        rows = list(self._rows())
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
        lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3]]) for row in rows]
        return "\n".join([*(lines or ["nothing alike"]), *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="text-align:left">{name}</th>' for name in ("score", "question", "from", "text"))
        rows = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in row) + "</tr>"
            for row in self._rows()
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        notes = "".join(f"<p><em>{escape(note)}</em></p>" for note in self.notes)
        return (table if rows else "<em>nothing alike</em>") + notes
