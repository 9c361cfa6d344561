"""A search, and what it finds: items with their scores, and those as matches, which say where they are from.

An :class:`~.backends.items.Item` is what the index keeps. It becomes :class:`Found` when it is compared with a query
(:mod:`.ranking`), and a :class:`Match` when it is for people: the name of a turn is not in the index, because it
depends on the line of history on which it is read. The libraries that sign are not needed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import msgspec

from agentpool_jupyter.display.hits import Hit, hit_html, hits_html, hits_text
from agentpool_jupyter.errors import ExtraMissingError

from .file_names import from_here, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from .backends.items import Item

Question = Literal["resembles", "contained", "both"]


class Search(NamedTuple):
    """What is looked for, and how many of it."""

    question: Question
    threshold: float
    """The least score, above 0 and up to 1."""
    k: int
    keep: Callable[[Item], bool]
    """Which items may be returned at all."""


class Found(NamedTuple):
    """An item that was compared with the query as text, and its exact scores."""

    score: float
    """Jaccard or containment, as ``question`` says."""
    id: int
    item: Item
    question: Literal["resembles", "contained"]
    resembles: float
    contained: float


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """One passage that resembles the query, or contains it."""

    text: str
    """The whole passage; turns and documents of up to 2,000 characters are one."""
    excerpt: str = ""
    """The part of it that is most alike, in a line or two."""
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
    """The line on which what is alike begins, from 1, in its turn or file; in a PDF the page."""
    place: str = ""
    """``cell 3`` or ``page 7``, where a document has them."""
    time: int = 0
    """When it was said, or the document changed, in milliseconds since the epoch."""

    @property
    def source(self) -> str:
        """Where it is from, in a few words: ``planner#2 in bakery``, ``notes.md:12``."""
        return self._source(from_here(self.file))

    @property
    def quote(self) -> str:
        """The passage with its source in front, as it is put into a pool: of a file's folders no more than needed."""
        return f"From {self._source(quoted_name(self.file))}: {self.text}"

    def _source(self, file: str) -> str:
        if self.file:
            where = f"{file}:{self.line}" if not self.place.startswith("page") else file
            return f"{where} ({self.place})" if self.place else where
        return f"{self.turn} in {self.pool}" + (f", line {self.line}" if self.line > 1 else "")

    @property
    def hit(self) -> Hit:
        """The same, as it is shown."""
        if self.file:
            title = f"{self.file}:{self.line}"
        else:
            title = f"turn of {self.agent} on branch {self.branch}, offsets {self.offset} to {self.end}"
        scores = self.score, self.question, self.resembles, self.contained
        markdown = not self.file or self.file.endswith(".md")
        return Hit(self.text, self.excerpt or self.text, *scores, self.source, title, markdown)

    def _repr_html_(self) -> str:
        return hit_html(self.hit)


def match_of(found: Found, name: Callable[[Item], str], excerpt: str = "", line: int = 0) -> Match:
    """Return what the index found as a match; ``name`` says how a turn is called.

    ``line`` is that of the passage, from 0, on which the excerpt begins, or what is alike in it.
    """
    item, turn = found.item, not found.item.file
    return Match(
        text=item.text,
        excerpt=excerpt,
        score=found.score,
        question=found.question,
        resembles=found.resembles,
        contained=found.contained,
        pool=item.pool,
        turn=name(item) if turn else "",
        id=item.key if turn else "",
        agent=item.agent,
        branch=item.branch,
        offset=item.begin if turn else None,
        end=item.end if turn else None,
        file=item.file,
        line=item.line + (0 if item.folded else line),
        place=item.place,
        time=item.time,
    )


class Matches(Sequence[Match]):
    """Matches, best first, and ``notes`` on what the reader should know of the index."""

    def __init__(self, matches: Sequence[Match], notes: Sequence[str] = (), *, about: str = "") -> None:
        self._matches = list(matches)
        self.notes = list(notes)
        self.about = about
        """What was asked, in a few words; shown above."""

    @overload
    def __getitem__(self, index: int) -> Match: ...
    @overload
    def __getitem__(self, index: slice) -> Matches: ...
    def __getitem__(self, index: int | slice) -> Match | Matches:
        if isinstance(index, slice):
            return Matches(self._matches[index], self.notes, about=self.about)
        return self._matches[index]

    def __len__(self) -> int:
        return len(self._matches)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame, one row a match; raises ExtraMissingError where pandas is not installed."""
        try:
            import pandas as pd  # noqa: PLC0415 - optional
        except ImportError as error:
            message = "to_pandas() needs pandas: pip install pandas"
            raise ExtraMissingError(message) from error
        return pd.DataFrame([msgspec.structs.asdict(one) for one in self], columns=list(Match.__struct_fields__))

    @property
    def hits(self) -> list[Hit]:
        """The matches, as they are shown."""
        return [match.hit for match in self]

    def __repr__(self) -> str:
        return hits_text(self.hits, self.about, self.notes)

    def _repr_html_(self) -> str:
        return hits_html(self.hits, self.about, self.notes)
