"""How long an earlier state of a long pool takes to be there: ``python -m tests.benchmarks.bench_restore``.

A pool with snapshots is opened and restored at random positions; beside it the same pool without snapshots, which
folds its log. The promise is that the first grows with the logarithm of the history.
"""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import agentpool_jupyter as ap
from agentpool_jupyter.pool import Pool, open_pool

from . import command
from .table import Table
from .turns import Author

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .place import Place

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
    sizes, count = ((3_000, 9_000), 5) if quick else ((10_000, 100_000, 1_000_000), 200)
    rows = []
    for events in sizes:
        for branches in (0, BRANCHES) if events == sizes[-1] else (BRANCHES,):
            name, turns = _written(place, events, branches)
            times = _times(str(place.folder / "pools"), name, count)
            rows.append((f"{events:,}", f"{turns:,}", f"{branches}", *_cells(times)))
    columns = (
        *("events", "turns", "rollbacks", "open and document, ms", "full fold, ms", "restore p50, ms", "p95", "max"),
        *("and last turns, p50, ms", "p95", "max", "full fold / restore"),
    )
    what = (
        f"Embedded store, files in the page cache. {count} random positions; *restore* is `pool.document(at)`, *and "
        "last turns* is `pool.document(at)`, `len(document)` and `document.turns[-10:]`. *Full fold* is "
        "`pool.document(at)` of the same pool without snapshots, the median of a few of these positions; the ratio is "
        "of medians. Goal: p95 of a restore at most 10 ms with 1,000,000 events."
    )
    how = (
        f"8 agents at 200 tokens/s, {TURN:,} bytes a turn. Each rollback leaves the line of the one before, at most a "
        f"{REACH}th of the history back, so that the last line lies on {BRANCHES + 1} branches."
    )
    return [Table("Restoring a position, beside folding the log", columns, rows, (what, how))]


def _written(place: Place, events: int, branches: int) -> tuple[str, int]:
    """Write a pool with its snapshots and return its name and the number of its turns."""
    name = f"restore-{events}-{branches}"
    chance = random.Random(3)
    with ap.open_pool(name, place.folder / "pools", snapshot_every=0) as pool:
        author = Author(pool, size=TURN, batch=500, prompts=300)
        for number in range(1, branches + 1):
            author.write(until=events * number // (branches + 1))
            author.rollback(pool.end - 1 - chance.randrange(events // REACH))
        author.write(until=events)
        ap.snapshot(pool, engine="inline")
    return name, author.turns


def _times(store: str, name: str, count: int) -> Times:
    chance = random.Random(4)
    opening = statistics.median(_opened(store, name) for _ in range(5))
    with ap.open_pool(name, store, snapshot_every=0) as pool:
        pool.document()
        positions = [chance.randrange(pool.end) for _ in range(count)]
        restored = _each(positions, pool.document)
        looked = _each(positions, lambda at: _look(pool, at))
    with open_pool(name, store) as bare:
        bare.document()
        folded = _each(positions[:FOLDS], bare.document)
    return Times(opening, restored, looked, folded)


def _opened(store: str, name: str) -> float:
    begin = time.perf_counter()
    with ap.open_pool(name, store, snapshot_every=0) as pool:
        pool.document()
        return 1000 * (time.perf_counter() - begin)


def _look(pool: Pool, at: int) -> None:
    document = pool.document(at)
    if len(document) >= 10 and len(document.turns[-10:]) != 10:
        message = "the document lost turns"
        raise AssertionError(message)


def _each(positions: Sequence[int], ask: Callable[[int], object]) -> list[float]:
    times = []
    for at in positions:
        begin = time.perf_counter()
        ask(at)
        times.append(1000 * (time.perf_counter() - begin))
    return times


def _cells(times: Times) -> tuple[str, ...]:
    ratio = statistics.median(times.folded) / statistics.median(times.restored)
    return (
        f"{times.opening:.1f}",
        f"{statistics.median(times.folded):,.0f}",
        *_quantiles(times.restored),
        *_quantiles(times.looked),
        f"{ratio:,.0f}",
    )


def _quantiles(times: list[float]) -> tuple[str, str, str]:
    cuts = statistics.quantiles(times, n=20)
    return f"{cuts[9]:.1f}", f"{cuts[18]:.1f}", f"{max(times):.1f}"


if __name__ == "__main__":
    command.run(measure, __doc__)
