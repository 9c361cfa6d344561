"""The history of a pool as a graph of branches, newest first, as people know it from ``git log --graph``."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.display.colours import colour
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.events import Message, RunFinished, RunStarted, TurnFailed, TurnFinished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.pool import Event, Pool
    from agentpool_jupyter.pool.branches import Branches

_SHOWN = 72  # characters of a row's text
_NAMED = 4  # branches and tags that are named where they are cut off


class Row(NamedTuple):
    """One line of the graph."""

    lanes: str
    """The branches at that point: ``*`` where something happened, ``|`` beside it."""
    offset: int | None
    """None for a line that only draws."""
    time: str
    text: str
    labels: bool = False
    """The text ends with the names of what stands there, in brackets."""
    turn: str = ""
    """The name of the turn that it tells of, with which the text begins; empty for what is no turn."""


class HistoryGraph:
    """Turns, messages, runs, forks, heads and tags of all branches; displays itself."""

    def __init__(self, rows: list[Row], places: Mapping[str, int]) -> None:
        self.rows = rows
        self._places = places

    def __repr__(self) -> str:
        if not self.rows:
            return "the pool is empty"
        offset = max((len(str(row.offset)) for row in self.rows if row.offset is not None), default=1)
        lanes = max(len(row.lanes) for row in self.rows)
        lines = [
            f"{row.lanes.ljust(lanes)}  {'' if row.offset is None else row.offset:>{offset}}  {row.time:8}  {row.text}"
            for row in self.rows
        ]
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<em>{escape(repr(self))}</em>"
        lines = zip(self.rows, repr(self).splitlines(), strict=True)
        body = "\n".join(_line_html(row, line, self._colour(row.turn)) for row, line in lines)
        return f'<pre style="line-height:1.25">{body}</pre>'

    def _colour(self, turn: str) -> str:
        return colour(self._places.get(turn.rpartition("#")[0]))


def history_graph(pool: Pool, *, most: int | None = None) -> HistoryGraph:
    """Return the graph of a pool's history, newest first; ``most`` rows at the most."""
    lineage = pool.lineage
    names = {turn.id: turn.name for branch in lineage for turn in pool.document(Position(branch, pool.end - 1)).turns}
    points = [(event, text) for event in pool.events() if (text := _describe(event, names))]
    rows = _draw(points, names, lineage)
    if most is not None and len(rows) > most:
        rows = [*rows[:most], Row("⋮", None, "", _rest(rows[most:]))]
    return HistoryGraph(rows, pool.runs.places)


def _rest(rows: list[Row]) -> str:
    """Return what is said of rows that are not shown: how many, and what stands there."""
    labels = [label for row in rows if row.labels for label in row.text.rpartition("  [")[2].rstrip("]").split(", ")]
    labels.sort(key=lambda label: not label.startswith("HEAD"))
    more = [f"and {len(labels) - _NAMED} more"] if len(labels) > _NAMED else []
    among = f", among them {', '.join([*labels[:_NAMED], *more])}" if labels else ""
    return f"{len(rows)} earlier lines{among}; -n shows more"


def leaves(lineage: Branches, branch: str) -> Position:
    """Return where a branch leaves the line it came from: on the branch that line was on at that point."""
    fork = lineage.forks[branch]
    parent = fork.parent
    while parent in lineage.forks and lineage.forks[parent].at >= fork.at:
        parent = lineage.forks[parent].parent
    return Position(parent, fork.at)


def _describe(event: Event, names: dict[str, str]) -> str:
    match event:
        case Message():
            return _short(f"{names.get(event.id, event.agent)}: {event.text}")
        case TurnFinished():
            ended = {"cancelled": "stopped", "silent": "said nothing", "length": "cut at its limit"}
            return f"{names.get(event.turn, event.agent)} {ended.get(event.reason, 'finished')}"
        case TurnFailed():
            again = ", tried again" if event.retriable else ""
            return _short(f"{names.get(event.turn, event.agent)} failed{again}: {event.error}")
        case RunStarted():
            return _short(f"{'resumed' if event.resumed else 'team started'}: {event.spec.get('task', '')}")
        case RunFinished():
            return f"team ended ({'the head moved' if event.reason == 'moved' else event.reason})"
        case _:
            return ""


def _draw(points: list[tuple[Event, str]], names: dict[str, str], lineage: Branches) -> list[Row]:
    """Lay the points out, newest first: a column for each branch, from its last point down to where it forked."""
    columns = {branch: i for i, branch in enumerate(lineage)}
    marks = _marks(points, lineage)
    open_forks = sorted(lineage.forks.values(), key=lambda fork: fork.at, reverse=True)
    live: set[str] = set()
    rows: list[Row] = []
    for event, text in reversed(points):
        while open_forks and open_forks[0].at >= event.offset:
            fork = open_forks.pop(0)
            if fork.name in live:  # on another branch nothing has happened yet: its name alone says where it is
                parent = leaves(lineage, fork.name).branch
                rows.append(Row(_joint(columns, live, parent, fork.name), None, "", ""))
                live.discard(fork.name)
                live.add(parent)
        if event.branch not in columns:
            continue
        live.add(event.branch)
        clock = time.strftime("%H:%M:%S", time.localtime(event.time / 1000))
        labels = marks.pop(event.offset, "")
        turn = names.get(getattr(event, "turn", event.id), "")
        lanes = _lanes(columns, live, event.branch)
        rows.append(Row(lanes, event.offset, clock, text + labels, bool(labels), turn))
    return rows


def _marks(points: list[tuple[Event, str]], lineage: Branches) -> dict[int, str]:
    """Return what stands behind a point in brackets: the branches that end there, the head, tags."""
    names: dict[int, list[str]] = {}
    last = {event.branch: event.offset for event, _ in points}
    for branch in lineage:
        offset = last.get(branch, lineage.forks[branch].at if branch in lineage.forks else -1)
        names.setdefault(offset, []).append(f"HEAD → {branch}" if branch == lineage.head else branch)
    offsets = [event.offset for event, _ in points]
    for tag in lineage.tags.values():
        at = max((offset for offset in offsets if offset <= tag.at), default=-1)
        names.setdefault(at, []).append(f"tag: {tag.name}")
    return {offset: f"  [{', '.join(found)}]" for offset, found in names.items()}


def _lanes(columns: dict[str, int], live: set[str], here: str) -> str:
    cells = ["*" if branch == here else "|" if branch in live else " " for branch in columns]
    return " ".join(cells).rstrip()


def _joint(columns: dict[str, int], live: set[str], parent: str, child: str) -> str:
    """Draw where a branch leaves its parent."""
    low, high = sorted((columns[parent], columns[child]))
    cells = ["|" if branch in live or branch == parent else " " for branch in columns]
    line = list(" ".join(cells))
    for i in range(2 * low + 1, 2 * high):
        line[i] = "-" if line[i] == " " else "+"
    line[2 * high - 1 : 2 * high + 1] = ["/", " "]
    return "".join(line).rstrip()


def _line_html(row: Row, line: str, tint: str) -> str:
    """Return a line with the turn's name in its agent's colour, and the names at its end in bold."""
    drawn = len(line) - len(row.text.rstrip())
    text, bracket, names = row.text.rpartition("  [") if row.labels else (row.text, "", "")
    turn = f'<strong style="color:{tint}">{escape(row.turn)}</strong>' if row.turn else ""
    labels = f"  <strong>{escape(bracket.strip() + names)}</strong>" if bracket else ""
    return f'<span style="opacity:.6">{escape(line[:drawn])}</span>{turn}{escape(text[len(row.turn) :])}{labels}'


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
