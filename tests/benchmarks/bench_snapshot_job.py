"""How fast snapshots are built on each engine: ``python -m tests.benchmarks.bench_snapshot_job``.

Every engine builds the snapshots of the same pool from nothing; beside it the bare fold of the same records in this
process, without any summary being made, sorted or stored.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import agentpool_jupyter as ap
from agentpool_jupyter.pool import open_pool

from . import command
from .clock import timed
from .table import Table
from .turns import Author

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool

    from .place import Place

EVENTS = 300_000
TURN = 2_600
"""Bytes of text a turn: 23 deltas, 25 events."""


class Case(NamedTuple):
    """One engine with its options."""

    name: str
    engine: str
    options: dict[str, int | str]


CASES = (
    Case("inline", "inline", {}),
    Case("local, 1 process", "local", {"num_cores": 1}),
    Case("local, 2 processes", "local", {"num_cores": 2}),
    Case("Spark, local[1]", "spark", {"spark_master": "local[1]"}),
    Case("Spark, local[2]", "spark", {"spark_master": "local[2]"}),
)
QUICK = (CASES[0], CASES[2])


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return events per second on each engine, and how much of the time is only starting it."""
    events, small = (8_192, 4_096) if quick else (EVENTS, 4_096)
    with open_pool("job", place.embedded) as pool, open_pool("job-small", place.embedded) as little:
        Author(pool, size=TURN, batch=500, prompts=300).write(until=events)
        Author(little, size=TURN, batch=500, prompts=300).write(until=small)
        _, bare = timed(lambda: ap.fold(pool.events()))
        rows = [("bare fold, no job", f"{events / bare:,.0f}", f"{bare:.1f}", "", "")]
        size = 0
        for case in QUICK if quick else CASES:
            started = _built(little, case).seconds
            made = _built(pool, case)
            size, further = made.size, made.seconds - started
            rate = f"{(events - small) / further:,.0f}" if further > 0 else ""
            rows.append((case.name, f"{events / made.seconds:,.0f}", f"{made.seconds:.1f}", f"{started:.1f}", rate))
    columns = ("engine", "events/s", "seconds", f"seconds for {small:,} events", "events/s beyond these")
    note = (
        f"{events:,} events of 8 agents, built from nothing on the embedded store ({size / 1e6:.1f} MB of snapshots). "
        f"{small:,} events take as long as it takes to start. Making summaries means "
        "to read the log, write it as the job's input, fold it, sort it by window, compress what was made and store it."
    )
    return [Table("Building snapshots", columns, rows, (note,))]


def _built(pool: Pool, case: Case) -> ap.Snapshot:
    """Build a pool's snapshots from nothing."""
    shutil.rmtree(pool.store.derived(pool.name), ignore_errors=True)
    return ap.snapshot(pool, engine=case.engine, options=case.options)


if __name__ == "__main__":
    command.run(measure, __doc__)
