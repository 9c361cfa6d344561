"""The history of a pool as a graph of branches, newest first, as people know it from ``git log --graph``."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from agentpool_jupyter.display.colours import colour
from agentpool_jupyter.display.graph import GraphRow, graph_to_html, graph_to_text
from agentpool_jupyter.display.table import clip
from agentpool_jupyter.pool import Position, words
from agentpool_jupyter.pool.events import Message, RunFinished, RunStarted, TurnFailed, TurnFinished
from agentpool_jupyter.pool.positions import clock

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Event, Pool
    from agentpool_jupyter.pool.branches import Branches

_POINTS = (Message, TurnFinished, TurnFailed, RunStarted, RunFinished)
_SHOWN = 72  # characters of a row's text
_EMPTY = "the pool is empty"
_TOLD = {**words.ENDED, words.SILENT: "said nothing"}
_NAMED = 4  # branches and tags that are named where they are cut off


class HistoryGraph:
    """Turns, messages, runs, forks, heads and tags of all branches; displays itself."""

    def __init__(self, rows: list[GraphRow]) -> None:
        self.rows = rows

    def __repr__(self) -> str:
        return graph_to_text(self.rows, _EMPTY)

    def _repr_html_(self) -> str:
        return graph_to_html(self.rows, _EMPTY)


def history_graph(pool: Pool, *, most: int | None = None) -> HistoryGraph:
    """Return the graph of a pool's history, newest first; ``most`` rows at the most."""
    rows = _draw([event for event in pool.events() if isinstance(event, _POINTS)], pool, most)
    if most is not None and len(rows) > most:
        rows = [*rows[:most], GraphRow("⋮", None, "", _rest(rows[most:]))]
    return HistoryGraph(rows)


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
            return clip(f"{names.get(event.id, event.agent)}: {event.text}", _SHOWN)
        case TurnFinished():
            return f"{names.get(event.turn, event.agent)} {_TOLD.get(event.reason, 'finished')}"
        case TurnFailed():
            again = ", tried again" if event.retriable else ""
            return clip(f"{names.get(event.turn, event.agent)} failed{again}: {event.error}", _SHOWN)
        case RunStarted():
            what = "resumed" if event.resumed else "task handed over" if event.parent else "team started"
            return clip(f"{what}: {event.spec.get('task', '')}", _SHOWN)
        case RunFinished():
            return f"team ended ({'the head moved' if event.reason == 'moved' else event.reason})"
        case _:
            return ""


def _draw(points: list[Event], pool: Pool, most: int | None) -> list[GraphRow]:
    """Lay the points out, newest first: a column for each branch, from its last point down to where it forked.

    Only ``most`` rows say what they say: names of turns are looked up on their branches, which takes time.
    """
    lineage, places = pool.lineage, pool.runs.places
    known: dict[str, dict[str, str]] = {}
    columns = {branch: i for i, branch in enumerate(lineage)}
    marks = _marks(points, lineage)
    open_forks = sorted(lineage.forks.values(), key=lambda fork: fork.at, reverse=True)
    live: set[str] = set()
    rows: list[GraphRow] = []
    for event in reversed(points):
        while open_forks and open_forks[0].at >= event.offset:
            fork = open_forks.pop(0)
            if fork.name in live:  # on another branch nothing has happened yet: its name alone says where it is
                parent = leaves(lineage, fork.name).branch
                told = most is None or len(rows) < most
                rows.append(GraphRow(_joint(columns, live, parent, fork.name) if told else "", None, "", ""))
                live.discard(fork.name)
                live.add(parent)
        if event.branch not in columns:
            continue
        live.add(event.branch)
        labels = tuple(marks.pop(event.offset, ()))
        if most is not None and len(rows) >= most:
            rows.append(GraphRow("", event.offset, "", "", labels))
            continue
        if event.branch not in known:
            turns = pool.document(Position(event.branch, pool.end - 1)).turns
            known[event.branch] = {turn.id: turn.name for turn in turns}
        names = known[event.branch]
        turn = names.get(getattr(event, "turn", event.id), "")
        lanes = " ".join("*" if one == event.branch else "|" if one in live else " " for one in columns).rstrip()
        tint = colour(places.get(event.agent))
        rows.append(GraphRow(lanes, event.offset, clock(event.time), _describe(event, names), labels, turn, tint))
    return rows


def _marks(points: list[Event], lineage: Branches) -> dict[int, list[str]]:
    """Return what stands at a point: the branches that end there, the head, tags."""
    offsets: dict[str, list[int]] = {}
    for event in points:
        offsets.setdefault(event.branch, []).append(event.offset)

    def last(branch: str, at: float) -> int:
        """Return the last point of a line, which may lie on a branch that it left."""
        while True:
            own = offsets.get(branch, ())
            if found := bisect_right(own, at):
                return own[found - 1]
            if (fork := lineage.forks.get(branch)) is None:
                return -1
            branch, at = fork.parent, min(at, fork.at)

    names: dict[int, list[str]] = {}
    for branch in lineage:
        label = f"HEAD → {branch}" if branch == lineage.head else branch
        names.setdefault(last(branch, float("inf")), []).append(label)
    for tag in lineage.tags.values():
        names.setdefault(last(tag.branch, tag.at), []).append(f"tag: {tag.name}")
    return names


def _joint(columns: dict[str, int], live: set[str], parent: str, child: str) -> str:
    """Draw where a branch leaves its parent."""
    low, high = sorted((columns[parent], columns[child]))
    cells = ["|" if branch in live or branch == parent else " " for branch in columns]
    line = list(" ".join(cells))
    for i in range(2 * low + 1, 2 * high):
        line[i] = "-" if line[i] == " " else "+"
    line[2 * high - 1 : 2 * high + 1] = ["/", " "]
    return "".join(line).rstrip()
