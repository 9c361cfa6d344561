"""What ``%snapshot`` does and prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import LogError, SnapshotError
from agentpool_jupyter.jupyter.magics.jobs import PoolResults, all_pools, run, run_over_all

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Sequence

    from agentpool_jupyter.jupyter.magics.jobs import PassedOver
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Pool


def snapshot(session: Session, arguments: Namespace, *, engine: str) -> PoolResults | Table:
    """Build snapshots of the pools that are named, or say how theirs stand; ``engine`` where the line names none."""
    from agentpool_jupyter.snapshots.build import snapshot_all  # noqa: PLC0415 - loading stays quick

    arguments.engine = arguments.engine or engine
    if arguments.all and arguments.status:
        return _status(all_pools(session, arguments.store))
    if arguments.all:
        return run_over_all(session, snapshot_all, "snapshots", arguments)
    pools = [session.pool(name, arguments.store) for name in arguments.pools or [None]]
    if arguments.status:
        return _status([(pools, [])])
    return run(session, snapshot_all, pools, "snapshots", arguments)


def _status(groups: Iterable[tuple[Sequence[Pool], Sequence[PassedOver]]]) -> Table:
    rows = []
    for pools, passed_over in groups:
        rows += [(one.pool, "", "", "", f"cannot be opened: {one.problem}") for one in passed_over]
        rows += map(_row, pools)
    return Table(("pool", "events", "snapshots reach", "size", ""), sorted(rows))


def _row(pool: Pool) -> tuple[str, str, str, str, str]:
    from agentpool_jupyter.snapshots.keeper import status  # noqa: PLC0415

    try:
        end = f"{pool.end:,}"
        reach, size = status(pool)
        sound = "sound" if reach else "none yet"
        if pool.snapshots.problem:
            sound += f"; the last by themselves failed: {pool.snapshots.problem}"
    except SnapshotError as error:
        reach, size, sound = 0, 0, f"not used: {error}"
    except LogError as error:
        return pool.name, "", "", "", f"cannot be read: {error}"
    return pool.name, end, f"{reach:,}", f"{size / 1000:,.0f} kB", sound
