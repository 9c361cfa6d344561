"""The rows of a graph of branches, as text and as escaped HTML."""

from __future__ import annotations

from html import escape
from itertools import starmap
from typing import TYPE_CHECKING, NamedTuple

from .foreign import literal, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class GraphRow(NamedTuple):
    """One line of the graph, from left to right."""

    lanes: str
    """The branches at that point: ``*`` where something happened, ``|`` beside it."""
    offset: int | None
    """None for a line that only draws."""
    time: str
    told: str
    labels: tuple[str, ...] = ()
    """The names of what stands there: branches that end, the head, tags."""
    turn: str = ""
    """The name of the turn that it tells of, with which the text begins; empty for what is no turn."""
    colour: str = ""
    """That of the turn's agent."""

    @property
    def text(self) -> str:
        """What is told, and the names in brackets."""
        return self.told + (f"  [{', '.join(self.labels)}]" if self.labels else "")


def graph_to_text(rows: Sequence[GraphRow], empty: str) -> str:
    """Return rows as text; ``empty`` where there are none."""
    return printable("\n".join(f"{drawn}{row.text}".rstrip() for drawn, row in _drawn(rows)) or empty)


def graph_to_html(rows: Sequence[GraphRow], empty: str) -> str:
    """Return rows as HTML, everything in it escaped; ``empty`` where there are none."""
    body = "\n".join(starmap(_html, _drawn(rows)))
    return literal(f'<pre style="line-height:1.25">{body}</pre>' if body else f"<em>{escape(empty)}</em>")


def _drawn(rows: Sequence[GraphRow]) -> Iterator[tuple[str, GraphRow]]:
    """Yield rows, each after its columns of branches, offset and time."""
    offset = max((len(str(row.offset)) for row in rows if row.offset is not None), default=1)
    lanes = max((len(row.lanes) for row in rows), default=0)
    for row in rows:
        at = "" if row.offset is None else row.offset
        drawn = f"{row.lanes.ljust(lanes)}  {at:>{offset}}  {row.time:8}  "
        yield drawn if row.text else drawn.rstrip(), row


def _html(drawn: str, row: GraphRow) -> str:
    name = f'<strong style="color:{row.colour}">{escape(row.turn)}</strong>' if row.turn else ""
    labels = f"  <strong>{escape(row.text[len(row.told) :].strip())}</strong>" if row.labels else ""
    return f'<span style="opacity:.6">{escape(drawn)}</span>{name}{escape(row.told[len(row.turn) :])}{labels}'
