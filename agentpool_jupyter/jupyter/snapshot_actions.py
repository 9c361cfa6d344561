"""What ``%snapshot`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.errors import SnapshotError, UserError

from .progress import ProgressBar
from .table import Table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from agentpool_jupyter.history import Snapshot
    from agentpool_jupyter.pool import Pool

    from .session import Session


class SnapshotActions:
    """The actions of one call."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def do(self, arguments: Namespace, engine: str) -> Built | Table:
        """Build snapshots of the pools that are named, or say how theirs stand."""
        pools = self._pools(arguments)
        if arguments.status:
            return _status(pools)
        from agentpool_jupyter.history import snapshot_all  # noqa: PLC0415 - loading stays quick

        options = _options(arguments.option or [])
        with ProgressBar(f"snapshots on {engine}", shown=self._session.widgets) as bar:
            built = snapshot_all(pools, engine, options=options, progress=bar.tell)
        return Built(built)

    def _pools(self, arguments: Namespace) -> list[Pool]:
        if not arguments.all:
            return [self._session.pool(name, arguments.store) for name in arguments.pools or [None]]
        from agentpool_jupyter.log import open_store  # noqa: PLC0415

        names = open_store(arguments.store or self._session.store).names()
        return [self._session.pool(name, arguments.store) for name in names]


def _options(given: Sequence[str]) -> dict[str, str]:
    options = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals:
            message = f"-O {word}: write NAME=VALUE, as in -O num_cores=2 or -O spark_master=spark://host:7077"
            raise UserError(message)
        options[name] = value
    return options


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


class Built:
    """What was built, one snapshot for each pool; displays itself."""

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        self.snapshots = list(snapshots)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.snapshots))
