"""What a run's report costs, beside reading its log: ``python -m tests.benchmarks.bench_report``.

A report reads the events of its run once and folds them, and takes the texts and the prompts' records from the
document. Beside it stand what it cannot do without: reading the run's events, and its document.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import agentpool_jupyter as ap
from agentpool_jupyter.pool import open_pool

from . import command
from .clock import timed
from .table import Table
from .turns import Author

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool

    from .place import Place

TURN = 2_600
"""Bytes of text a turn: 23 deltas, 25 events."""
ROUNDS = 3


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return how long reports of runs of several lengths take."""
    rows = []
    sizes = (2_000,) if quick else (10_000, 100_000)
    for events in sizes:
        name = f"report-{events}"
        with ap.open_pool(name, place.embedded, snapshot_every=0) as pool:
            author = Author(pool, size=TURN, batch=500)
            author.write(until=events)
        times = [_times(place.embedded, name) for _ in range(ROUNDS)]
        read, folded, report, shown = (statistics.median(column) for column in zip(*times, strict=True))
        cells = (f"{1000 * seconds:,.0f}" for seconds in (read, folded, report, shown))
        ratios = (statistics.median((one[2] + one[3]) / one[column] for one in times) for column in (0, 1))
        rows.append((f"{events:,}", f"{author.turns:,}", *cells, *(f"{ratio:.1f}" for ratio in ratios)))
    took = ("read, ms", "document, ms", "report, ms", "measures, ms")
    columns = ("events", "turns", *took, "all / read", "all / document")
    what = (
        f"One run of 8 agents, {TURN:,} bytes a turn; embedded store without snapshots, files in the page cache; "
        f"medians of {ROUNDS} rounds, each on a pool just opened. *Read* takes every event of `pool.events()`, "
        "*document* is `pool.document()`, *report* `ap.report(pool)` with the document in it, *measures* its "
        "`to_dict()`, which computes all of them."
    )
    return [Table("A run's report, beside reading its events", columns, rows, (what,))]


def _times(store: str, name: str) -> tuple[float, float, float, float]:
    def read(pool: Pool) -> None:
        for _ in pool.events():
            pass

    with open_pool(name, store) as pool:
        _, reading = timed(lambda: read(pool))
    with open_pool(name, store) as pool:
        _, folded = timed(pool.document)
    with open_pool(name, store) as pool:
        report, reported = timed(lambda: ap.report(pool))
        _, shown = timed(report.to_dict)
    return reading, folded, reported, shown


if __name__ == "__main__":
    command.run(measure, __doc__)
