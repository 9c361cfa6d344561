"""How long an earlier state of a long pool takes to be there: ``python -m tests.benchmarks.bench_restore``.

A pool with snapshots is opened and restored at random positions; beside it the same pool without snapshots, which
folds its log. The promise is that the first grows with the logarithm of the history.
"""

from __future__ import annotations

import random
import statistics
from typing import TYPE_CHECKING, NamedTuple

import agentpool_jupyter as ap
from agentpool_jupyter.pool import Pool, open_pool

from . import command
from .clock import each
from .table import Table, at_most
from .turns import Author

if TYPE_CHECKING:
    from .place import Place

GOAL = 10.0
"""Milliseconds that 95 of 100 restores may take in the longest pool."""
BRANCHES = 20
TURN = 2_600
"""Bytes of text a turn: 23 deltas, 25 events."""
REACH = 50
"""A rollback goes back by at most one of so many parts of the history."""
FOLDS = 5
"""How often a whole log is folded: each takes seconds."""


class Times(NamedTuple):
    """Milliseconds."""

    opening: float
    """The pool, and its current document."""
    restored: list[float]
    looked: list[float]
    """The same, with the number of turns and the last ten."""
    folded: list[float]


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return how long restoring takes in pools of several lengths, and on one line without branches."""
    sizes, count, most = ((4_000, 12_000), 20, 2) if quick else ((10_000, 100_000, 1_000_000), 200, BRANCHES)
    rows, opened = [], []
    for events in sizes:
        for branches in (0, most) if events == sizes[-1] else (0,):
            name, turns = _written(place, events, branches)
            times = _times(place.embedded, name, count)
            size = (f"{events:,}", f"{turns:,}", f"{branches}")
            rows.append((*size, *_cells(times, goal=GOAL if events == sizes[-1] else None)))
            opened.append((*size, f"{times.opening:.1f}", *_quantiles(times.looked)))
    columns = ("events", "turns", "rollbacks", "p50, ms", "p95, ms", "goal", "max, ms", "full fold, ms", "fold / p50")
    what = (
        f"`pool.document(at)` at {count} random positions of an open pool; embedded store, files in the page cache. "
        f"*Full fold* is the same of a pool without snapshots, the median of {FOLDS} of these positions."
    )
    how = (
        f"8 agents at 200 tokens/s, {TURN:,} bytes a turn. Each rollback leaves the line of the one before, at most a "
        f"{REACH}th of the history back, so that the last line lies on {most + 1} branches."
    )
    looks = (
        "*Open* is opening the pool and its current document, *and last turns* a restore, `len(document)` and "
        "`document.turns[-10:]`."
    )
    columns_opened = (
        "events",
        "turns",
        "rollbacks",
        "open, ms",
        "restore and last turns, p50, ms",
        "p95, ms",
        "max, ms",
    )
    return [
        Table("Restoring a position, beside folding the log", columns, rows, (what, how)),
        Table("Opening a long pool, and reading where it was restored", columns_opened, opened, (looks,)),
    ]


def _written(place: Place, events: int, branches: int) -> tuple[str, int]:
    """Write a pool with its snapshots and return its name and the number of its turns."""
    name = f"restore-{events}-{branches}"
    chance = random.Random(3)
    with ap.open_pool(name, place.embedded, snapshot_every=0) as pool:
        author = Author(pool, size=TURN, batch=500, prompts=300)
        for number in range(1, branches + 1):
            author.write(until=events * number // (branches + 1))
            author.rollback(pool.end - 1 - chance.randrange(events // REACH))
        author.write(until=events)
        ap.snapshot(pool, engine="inline")
    return name, author.turns


def _times(store: str, name: str, count: int) -> Times:
    chance = random.Random(4)
    opening = statistics.median(each(lambda _: _open(store, name), range(5)))
    with ap.open_pool(name, store, snapshot_every=0) as pool:
        pool.document()
        positions = [chance.randrange(pool.end) for _ in range(count)]
        restored = each(pool.document, positions)
        looked = each(lambda at: _look(pool, at), positions)
    with open_pool(name, store) as bare:
        bare.document()
        folded = each(bare.document, positions[:FOLDS])
    return Times(1000 * opening, *([1000 * seconds for seconds in times] for times in (restored, looked, folded)))


def _open(store: str, name: str) -> None:
    with ap.open_pool(name, store, snapshot_every=0) as pool:
        pool.document()


def _look(pool: Pool, at: int) -> None:
    document = pool.document(at)
    if len(document) >= 10 and len(document.turns[-10:]) != 10:
        message = "the document lost turns"
        raise AssertionError(message)


def _cells(times: Times, goal: float | None) -> tuple[str, ...]:
    middle, high, highest = _quantiles(times.restored)
    folded = statistics.median(times.folded)
    verdict = "" if goal is None else at_most(_cuts(times.restored)[18], goal)
    ratio = folded / statistics.median(times.restored)
    return middle, high, verdict, highest, f"{folded:,.0f}", f"{ratio:,.0f}"


def _quantiles(times: list[float]) -> tuple[str, str, str]:
    cuts = _cuts(times)
    return f"{cuts[9]:.1f}", f"{cuts[18]:.1f}", f"{max(times):.1f}"


def _cuts(times: list[float]) -> list[float]:
    return statistics.quantiles(times, n=20, method="inclusive")


if __name__ == "__main__":
    command.run(measure, __doc__)
