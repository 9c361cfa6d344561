"""What ``%snapshot`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.errors import SnapshotError

from .jobs import Built, all_pools, run
from .table import Table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from agentpool_jupyter.pool import Pool

    from .session import Session


class SnapshotActions:
    """The actions of one call."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def do(self, arguments: Namespace) -> Built | Table:
        """Build snapshots of the pools that are named, or say how theirs stand."""
        if arguments.all:
            pools = all_pools(self._session, arguments.store)
        else:
            pools = [self._session.pool(name, arguments.store) for name in arguments.pools or [None]]
        if arguments.status:
            return _status(pools)
        from agentpool_jupyter.history import snapshot_all  # noqa: PLC0415 - loading stays quick

        return run(self._session, snapshot_all, pools, "snapshots", arguments)


def _status(pools: Sequence[Pool]) -> Table:
    from agentpool_jupyter.history.snapshots import status  # noqa: PLC0415

    rows = []
    for pool in pools:
        try:
            reach, size = status(pool)
            sound = "sound" if reach else "none yet"
            if pool.snapshots.problem:
                sound += f"; the last by themselves failed: {pool.snapshots.problem}"
        except SnapshotError as error:
            reach, size, sound = 0, 0, f"not used: {error}"
        rows.append((pool.name, f"{pool.end:,}", f"{reach:,}", f"{size / 1000:,.0f} kB", sound))
    return Table(("pool", "events", "snapshots reach", "size", ""), rows)
