"""Snapshots as plain rows, for exports of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import SnapshotError

from .file import TABLES, SnapshotFile
from .keeper import NAME, check
from .restore import warn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentpool_jupyter.pool import Pool

Row = tuple[str, list[Any]]
"""A table's name and the values of one of its rows."""

_NODE = tuple[str, int, int, bytes, int, bytes, int]


def dump(pool: Pool) -> list[Row]:
    """Return a pool's snapshots as rows, in an order that depends on nothing else; none where they are unsound."""
    path = pool.store.derived(pool.name) / NAME
    if not path.exists():
        return []
    try:
        file = SnapshotFile(path)
        check(file, pool.log)
        with file.transaction():  # nobody adds to them between two tables
            return [(table, list(row)) for table in TABLES for row in sorted(file.rows(f"SELECT * FROM {table}"))]  # noqa: S608 - names of our own
    except SnapshotError as error:
        warn(error)
        return []


def load(pool: Pool, rows: Iterable[Row]) -> None:
    """Give a new pool the snapshots that were dumped from its twin; warns where they do not fit its log."""
    path = pool.store.derived(pool.name) / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = SnapshotFile(path)
        with file.transaction():
            for table, row in rows:
                values = msgspec.convert(row, _NODE) if table == "nodes" else row
                file.change(f"INSERT INTO {TABLES[TABLES.index(table)]} VALUES ({', '.join('?' * len(row))})", [values])  # noqa: S608 - names of our own
        check(file, pool.log)
    except (SnapshotError, ValueError) as error:
        path.unlink(missing_ok=True)
        warn(SnapshotError(f"the snapshots of pool {pool.name!r} were not taken over: {error}"))
