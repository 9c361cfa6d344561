"""The history of a pool as a graph of branches, newest first, as people know it from ``git log --graph``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.display.colours import colour
from agentpool_jupyter.display.graph import GraphLine, graph_to_html, graph_to_text
from agentpool_jupyter.pool import Position, words
from agentpool_jupyter.pool.events import Message, RunFinished, RunStarted, TurnFailed, TurnFinished
from agentpool_jupyter.pool.turn import name_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.pool import Event, Pool
    from agentpool_jupyter.pool.branches import Branches

_SHOWN = 72  # characters of a row's text
_EMPTY = "the pool is empty"
_TOLD = {**words.ENDED, words.SILENT: "said nothing"}
_NAMED = 4  # branches and tags that are named where they are cut off


class GraphRow(NamedTuple):
    """One line of the graph, before it is laid out."""

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

    @property
    def text(self) -> str:
        """What is told, and the names in brackets."""
        return self.told + self._names

    @property
    def _names(self) -> str:
        return f"  [{', '.join(self.labels)}]" if self.labels else ""

    def line(self, lanes: int, offset: int, places: Mapping[str, int]) -> GraphLine:
        """Return the line with columns of these widths, and in the colours of agents in these places."""
        at = "" if self.offset is None else self.offset
        drawn = f"{self.lanes.ljust(lanes)}  {at:>{offset}}  {self.time:8}  "
        agent, _ = name_parts(self.turn) or ("", 0)
        text = self.told[len(self.turn) :]
        return GraphLine(
            drawn if self.text else drawn.rstrip(), self.turn, colour(places.get(agent)), text, self._names
        )


class HistoryGraph:
    """Turns, messages, runs, forks, heads and tags of all branches; displays itself."""

    def __init__(self, rows: list[GraphRow], places: Mapping[str, int]) -> None:
        self.rows = rows
        self._places = places

    def __repr__(self) -> str:
        return graph_to_text(self._lines(), _EMPTY)

    def _repr_html_(self) -> str:
        return graph_to_html(self._lines(), _EMPTY)

    def _lines(self) -> list[GraphLine]:
        offset = max((len(str(row.offset)) for row in self.rows if row.offset is not None), default=1)
        lanes = max((len(row.lanes) for row in self.rows), default=0)
        return [row.line(lanes, offset, self._places) for row in self.rows]


def history_graph(pool: Pool, *, most: int | None = None) -> HistoryGraph:
    """Return the graph of a pool's history, newest first; ``most`` rows at the most."""
    lineage = pool.lineage
    names = {turn.id: turn.name for branch in lineage for turn in pool.document(Position(branch, pool.end - 1)).turns}
    points = [(event, text) for event in pool.events() if (text := _describe(event, names))]
    rows = _draw(points, names, lineage)
    if most is not None and len(rows) > most:
        rows = [*rows[:most], GraphRow("⋮", None, "", _rest(rows[most:]))]
    return HistoryGraph(rows, pool.runs.places)


def _rest(rows: list[GraphRow]) -> str:
    """Return what is said of rows that are not shown: how many, and what stands there."""
    labels = [label for row in rows for label in row.labels]
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
            return f"{names.get(event.turn, event.agent)} {_TOLD.get(event.reason, 'finished')}"
        case TurnFailed():
            again = ", tried again" if event.retriable else ""
            return _short(f"{names.get(event.turn, event.agent)} failed{again}: {event.error}")
        case RunStarted():
            return _short(f"{'resumed' if event.resumed else 'team started'}: {event.spec.get('task', '')}")
        case RunFinished():
            return f"team ended ({'the head moved' if event.reason == 'moved' else event.reason})"
        case _:
            return ""


def _draw(points: list[tuple[Event, str]], names: dict[str, str], lineage: Branches) -> list[GraphRow]:
    """Lay the points out, newest first: a column for each branch, from its last point down to where it forked."""
    columns = {branch: i for i, branch in enumerate(lineage)}
    marks = _marks(points, lineage)
    open_forks = sorted(lineage.forks.values(), key=lambda fork: fork.at, reverse=True)
    live: set[str] = set()
    rows: list[GraphRow] = []
    for event, text in reversed(points):
        while open_forks and open_forks[0].at >= event.offset:
            fork = open_forks.pop(0)
            if fork.name in live:  # on another branch nothing has happened yet: its name alone says where it is
                parent = leaves(lineage, fork.name).branch
                rows.append(GraphRow(_joint(columns, live, parent, fork.name), None, "", ""))
                live.discard(fork.name)
                live.add(parent)
        if event.branch not in columns:
            continue
        live.add(event.branch)
        clock = time.strftime("%H:%M:%S", time.localtime(event.time / 1000))
        turn = names.get(getattr(event, "turn", event.id), "")
        lanes = _lanes(columns, live, event.branch)
        rows.append(GraphRow(lanes, event.offset, clock, text, tuple(marks.pop(event.offset, ())), turn))
    return rows


def _marks(points: list[tuple[Event, str]], lineage: Branches) -> dict[int, list[str]]:
    """Return what stands at a point: the branches that end there, the head, tags."""
    names: dict[int, list[str]] = {}
    last = {event.branch: event.offset for event, _ in points}
    for branch in lineage:
        offset = last.get(branch, lineage.forks[branch].at if branch in lineage.forks else -1)
        names.setdefault(offset, []).append(f"HEAD → {branch}" if branch == lineage.head else branch)
    offsets = [event.offset for event, _ in points]
    for tag in lineage.tags.values():
        at = max((offset for offset in offsets if offset <= tag.at), default=-1)
        names.setdefault(at, []).append(f"tag: {tag.name}")
    return names


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


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
