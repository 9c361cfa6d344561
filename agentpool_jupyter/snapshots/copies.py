"""Snapshots as plain rows, for exports of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import SnapshotError, UserError

from .file import open_sound
from .folder import current, locked, making
from .intake import adding
from .restore import warn
from .schema import FORMAT, TABLES, Anchor
from .summary import Scale

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentpool_jupyter.pool import Pool

Row = tuple[str, list[Any]]
"""A table's name and the values of one of its rows."""

_NODE = tuple[str, int, int, bytes, int, bytes, int]
_Manifest = dict[str, int]


def dump(pool: Pool) -> list[Row]:
    """Return a pool's snapshots as rows, in an order that depends on nothing else; none where they are unsound."""
    path = current(pool.store.derived(pool.name))
    if path is None:
        return []
    try:
        return [(table, list(row)) for table, rows in open_sound(path, pool.log).tables().items() for row in rows]
    except SnapshotError as error:
        warn(error)
        return []


def load(pool: Pool, rows: Iterable[Row]) -> None:
    """Give a new pool the snapshots that were dumped from its twin; warns where they do not fit its log."""
    rows = list(rows)
    if not rows:
        return
    folder = pool.store.derived(pool.name)
    try:
        manifest = msgspec.convert(dict(row for table, row in rows if table == "manifest"), _Manifest)
        end = Anchor(manifest["end"], manifest["first"], manifest["last"])
        if manifest["format"] != FORMAT or end.end > pool.end or Anchor.of(pool.log, end.end) != end:
            message = "they are of another version, or of another log"
            raise SnapshotError(message)  # noqa: TRY301 - told like the rest
        scale = Scale(manifest["window"], manifest["fan"])
        with locked(folder, pool.name, 0), making(folder, scale) as file, adding(file, end):
            for table, row in rows:
                if table != "manifest":
                    insert = f"INSERT INTO {TABLES[TABLES.index(table)]} VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - names of our own
                    file.change(insert, [msgspec.convert(row, _NODE) if table == "nodes" else row])
    except (SnapshotError, UserError, ValueError, KeyError) as error:
        warn(SnapshotError(f"the snapshots of pool {pool.name!r} were not taken over: {error}"))
