"""What a long history costs, beside LangGraph over SQLite: ``python -m tests.benchmarks.bench_history``.

The same turns go into a pool, event for event as the runtime streams them, and into the list of messages of a graph
that saves a checkpoint after each turn. The promise is that bytes for each byte of text do not rise with the number of
turns. LangGraph is a dependency of this benchmark only; without it its columns stay empty::

    pip install langgraph langgraph-checkpoint-sqlite
"""

from __future__ import annotations

import importlib.util
import itertools
import sqlite3
import statistics
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import agentpool_jupyter as ap

from . import command
from .clock import Answer, timed
from .table import Table, at_most
from .turns import Author, texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .place import Place

SIZES = (100, 2_000)
TURNS = (500, 1_000, 2_000, 4_000)
LISTED = 2_000
MOST = 4.0
"""Bytes that log and snapshots may take for each byte of text, where a turn is long."""
FLAT = 1.1
"""What counts as flat: bytes for each byte of text, of most turns over fewest."""
MOST_BYTES = 1.5e9
"""The largest file that the peer may write here; it grows with the square of the number of turns."""
PEER = "langgraph.checkpoint.sqlite"
REPEATS = 5
THREAD = {"configurable": {"thread_id": "1"}}


class Ours(NamedTuple):
    """Bytes of a pool."""

    text: int
    log: int
    snapshots: int

    @property
    def factor(self) -> float:
        """Bytes stored for each byte of text."""
        return (self.log + self.snapshots) / self.text


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return the tables of bytes, and the one of listing and restoring."""
    turns, listed = ((10, 20), 20) if quick else (TURNS, LISTED)
    return [*_storage(place, turns, listed), _reading(place, listed)]


# Bytes -------------------------------------------------------------------------------------------------------


def _storage(place: Place, numbers: tuple[int, ...], listed: int) -> list[Table]:
    rows, growth = [], []
    for size in SIZES:
        measured = [_ours(place, size, turns) for turns in numbers]
        theirs = _theirs(
            place, size, [(turns, ours.text) for turns, ours in zip(numbers, measured, strict=True)], listed
        )
        for turns, ours, peer in zip(numbers, measured, theirs, strict=True):
            share = (f"{part / ours.text:.2f}" for part in (ours.log, ours.snapshots))
            goal = at_most(ours.factor, MOST) if size == max(SIZES) else ""
            rows.append((f"{size:,}", f"{turns:,}", f"{ours.text / 1e6:.2f}", *share, f"{ours.factor:.2f}", goal, peer))
        grown = measured[-1].factor / measured[0].factor
        turns = f"{numbers[0]:,} to {numbers[-1]:,}"
        growth.append((f"{size:,}", turns, f"{grown:.2f}", at_most(grown, FLAT), f"{numbers[-1] / numbers[0]:.0f}"))
    columns = ("bytes a turn", "turns", "text, MB", "log", "snapshots", "both", "goal", "LangGraph, SqliteSaver")
    ours_note = (
        "Bytes stored for each byte of text; closed files. 8 agents at 200 tokens/s, default `flush`; snapshots are "
        "complete."
    )
    theirs_note = (
        "LangGraph: `MessagesState`, one `AIMessage` and one checkpoint a turn, whole (not streamed). Its file grows "
        f"with the square of the turns; what would be larger than {MOST_BYTES / 1e9:g} GB is not run but computed from "
        f"the last row that was.{_missing()}"
    )
    grow_columns = ("bytes a turn", "turns", "last / first", "goal", "were it the square")
    grow_note = "How log and snapshots, for each byte of text, grow with the number of turns; 1 is flat."
    return [
        Table("Bytes stored for each byte of text, beside LangGraph", columns, rows, (ours_note, theirs_note)),
        Table("Growth of the bytes stored for each byte of text", grow_columns, growth, (grow_note,)),
    ]


def _theirs(place: Place, size: int, numbers: list[tuple[int, int]], listed: int) -> list[str]:
    """Return cells of bytes that the peer stores for each byte of text, given numbers of turns and bytes of text."""
    cells = []
    factor = 0.0  # of the peer's file: bytes over turns squared
    for turns, text in numbers:
        if not _installed():
            cells.append("not installed")
        elif (expected := factor * turns**2) > MOST_BYTES:
            cells.append(f"not run: about {expected / text:,.0f} ({expected / 1e9:.1f} GB)")
        else:
            file = _graph_file(place, size, turns)
            stored = file.stat().st_size
            factor = stored / turns**2
            cells.append(f"{stored / text:,.0f}")
            if turns != listed:
                file.unlink()
    return cells


def _installed() -> bool:
    try:
        return importlib.util.find_spec(PEER) is not None
    except ModuleNotFoundError:  # a package around it
        return False


def _missing() -> str:
    return "" if _installed() else f" It is left out here: {PEER} is not installed."


def _ours(place: Place, size: int, turns: int) -> Ours:
    """Write a pool with its snapshots and return its bytes."""
    name = f"history-{size}-{turns}"
    with ap.open_pool(name, place.embedded, snapshot_every=0) as pool:
        author = Author(pool, size=size)
        author.write(turns=turns)
        ap.snapshot(pool, engine="inline")
        derived = pool.store.derived(name)
    snapshots = sum(file.stat().st_size for file in derived.rglob("*") if file.is_file())
    return Ours(author.bytes, place.stored("sqlite", name), snapshots)


def _graph_file(place: Place, size: int, turns: int) -> Path:
    """Let a graph say so many turns, with a checkpoint after each, and return its file."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    path = place.folder / f"graph-{size}-{turns}.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        graph = _graph(saver, size, turns)
        graph.invoke({"messages": []}, THREAD | {"recursion_limit": turns + 10})
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _graph(saver: object, size: int, turns: int) -> object:
    """Return a graph whose one node says a turn, until there are so many."""
    from langchain_core.messages import AIMessage
    from langgraph.graph import END, START, MessagesState, StateGraph

    said = ("".join(text) for text in texts(size))
    names = itertools.cycle(f"agent{i}" for i in range(8))
    builder = StateGraph(MessagesState)
    builder.add_node("speak", lambda _: {"messages": [AIMessage(next(said), name=next(names))]})
    builder.add_edge(START, "speak")
    builder.add_conditional_edges("speak", lambda state: END if len(state["messages"]) >= turns else "speak")
    return builder.compile(checkpointer=saver)


# Listing and restoring ---------------------------------------------------------------------------------------


def _reading(place: Place, turns: int) -> Table:
    rows = []
    for size in SIZES:
        name = f"history-{size}-{turns}"
        with ap.open_pool(name, place.embedded, snapshot_every=0) as pool:
            rows.append((f"pool, {size:,} bytes a turn", *_our_reading(pool)))
        path = place.folder / f"graph-{size}-{turns}.sqlite"
        if path.exists():
            rows.append((f"LangGraph, {size:,} bytes a turn", *_their_reading(path, size, turns)))
        elif _installed():
            rows.append((f"LangGraph, {size:,} bytes a turn", "not run: file too large", "", "", ""))
    columns = ("what", "history, ms", "current turns, ms", "restore the middle, ms", "with all its texts, ms")
    notes = (
        f"{turns:,} turns, open pool with snapshots; medians of up to {REPEATS}. Pool: `history_graph(pool)`, "
        "`list(pool.document().turns)`, `pool.document('agent#k')` without and with `list(… .turns)`. LangGraph: "
        "`list(graph.get_state_history(config))`, `get_state(config)`, `get_state` of the middle checkpoint, which is "
        "all texts." + _missing(),
    )
    return Table("Listing a history and restoring its middle, beside LangGraph", columns, rows, notes)


def _our_reading(pool: ap.Pool) -> tuple[str, ...]:
    turns = pool.document().turns
    middle = turns[len(turns) // 2].name
    times = (
        _timed(lambda: ap.history_graph(pool)),
        _timed(lambda: list(pool.document().turns)),
        _timed(lambda: pool.document(middle)),
        _timed(lambda: list(pool.document(middle).turns)),
    )
    return tuple(f"{milliseconds:,.1f}" for _, milliseconds in times)


def _their_reading(path: Path, size: int, turns: int) -> tuple[str, ...]:
    from langgraph.checkpoint.sqlite import SqliteSaver

    with SqliteSaver.from_conn_string(str(path)) as saver:
        graph = _graph(saver, size, turns)
        history, listed = _timed(lambda: list(graph.get_state_history(THREAD)), once=True)
        middle = history[len(history) // 2].config
        del history
        _, current = _timed(lambda: graph.get_state(THREAD))
        _, restored = _timed(lambda: graph.get_state(middle))
    return f"{listed:,.1f}", f"{current:,.1f}", f"{restored:,.1f}", f"{restored:,.1f}"


def _timed(ask: Callable[[], Answer], *, once: bool = False) -> tuple[Answer, float]:
    """Return an answer, and the median of milliseconds."""
    answers, seconds = zip(*(timed(ask) for _ in range(1 if once else REPEATS)), strict=True)
    return answers[-1], 1000 * statistics.median(seconds)


if __name__ == "__main__":
    command.run(measure, __doc__)
