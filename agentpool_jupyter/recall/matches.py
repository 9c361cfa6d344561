"""What a search found; displays itself as text and as an HTML table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal, overload

import msgspec

from agentpool_jupyter.errors import ExtraMissingError

from .library.file_names import from_here, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .ranking import Found
    from .store.items import Item

_SHOWN = 160  # characters of a match's text in a table
_INK = "var(--jp-content-font-color1, inherit)"
_QUIET = "var(--jp-content-font-color2, GrayText)"
_LINE = "var(--jp-border-color2, rgba(128, 128, 128, .3))"
_ACCENT = "var(--jp-brand-color1, #1976d2)"
_BAR = "display:block;height:4px;border-radius:2px"
_WHOLE = "white-space:pre-wrap;max-height:20em;overflow:auto"
_CELL = "text-align:left;vertical-align:top;padding:.35em .7em"


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
    """The line on which the passage begins, from 1, in its turn or file; in a PDF the page."""
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

    def _repr_html_(self) -> str:
        return f"<div>{score_html(self)} {source_html(self)}</div>{passage_html(self)}"


def match_of(found: Found, name: Callable[[Item], str], excerpt: str = "") -> Match:
    """Return what the index found as a match; ``name`` says how a turn is called."""
    item = found.item
    match = Match(
        text=item.text,
        excerpt=excerpt,
        score=found.score,
        question=found.question,
        resembles=found.resembles,
        contained=found.contained,
        file=item.file,
        line=item.line,
        place=item.place,
        time=item.time,
    )
    if item.file:
        return match
    return msgspec.structs.replace(
        match,
        pool=item.pool,
        turn=name(item),
        id=item.key,
        agent=item.agent,
        branch=item.branch,
        offset=item.begin,
        end=item.end,
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

    def __repr__(self) -> str:
        rows = [(f"{one.score:.2f}", one.question, one.source, _clip(one.excerpt or one.text)) for one in self]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
        lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3]]) for row in rows]
        about = [self.about] if self.about else []
        return "\n".join([*about, *(lines or ["nothing alike"]), *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="{_CELL}">{name}</th>' for name in ("score", "from", "text"))
        rows = "".join(
            f'<tr><td style="{_CELL};white-space:nowrap">{score_html(one)}</td>'
            f'<td style="{_CELL};min-width:9em;overflow-wrap:anywhere">{source_html(one)}</td>'
            f'<td style="{_CELL};width:100%">{passage_html(one)}</td></tr>'
            for one in self
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return head_html(self) + (table if rows else "") + notes_html(self)


def head_html(matches: Matches) -> str:
    """Return what was asked and how much was found, above a table."""
    count = f"{len(matches)} found" if len(matches) else "nothing alike"
    about = f' <span style="color:{_QUIET}">{escape(matches.about)}</span>' if matches.about else ""
    return f'<div style="color:{_INK};margin:.2em 0;overflow-wrap:anywhere"><strong>{count}</strong>{about}</div>'


def notes_html(matches: Matches) -> str:
    """Return the notes on the index, below a table."""
    return "".join(f'<div style="color:{_QUIET}"><em>{escape(note)}</em></div>' for note in matches.notes)


def score_html(match: Match) -> str:
    """Return a match's score as a number, a bar and the question that it answers."""
    both = f"resembles {match.resembles:.4f}, contained {match.contained:.4f}"
    bar = f'<span style="{_BAR};background:{_ACCENT};width:{match.score:.0%}"></span>'
    return (
        f'<span title="{both}" style="display:inline-block;width:7em;line-height:1.3;color:{_INK}">'
        f'<strong>{match.score:.2f}</strong> <span style="color:{_QUIET};font-size:85%">{match.question}</span>'
        f'<span style="{_BAR};background:{_LINE};margin-top:2px">{bar}</span></span>'
    )


def source_html(match: Match) -> str:
    """Return where a match is from; the whole path or the offset shows on hovering."""
    if match.file:
        title = f"{match.file}:{match.line}"
    else:
        title = f"turn of {match.agent} on branch {match.branch}, offsets {match.offset} to {match.end}"
    return f'<span title="{escape(title)}" style="color:{_INK}">{escape(match.source)}</span>'


def passage_html(match: Match) -> str:
    """Return a match's text in a line or two; the whole of a longer one unfolds."""
    clipped = escape(_clip(match.excerpt or match.text))
    whole = escape(match.text)
    if len(match.text) <= _SHOWN and "\n" not in match.text.strip():
        return f'<span style="color:{_INK};overflow-wrap:anywhere">{clipped}</span>'
    return (
        f'<details style="color:{_INK};overflow-wrap:anywhere"><summary style="cursor:pointer">{clipped}</summary>'
        f'<div style="{_WHOLE};border-left:3px solid {_LINE};margin:.4em 0;padding-left:.7em">{whole}</div>'
        "</details>"
    )


def _clip(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
