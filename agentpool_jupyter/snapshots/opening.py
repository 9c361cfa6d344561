"""Opening pools with their snapshots."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.log import open_store
from agentpool_jupyter.pool import Pool

from .keeper import PoolSnapshots

if TYPE_CHECKING:
    import threading

EVERY = 10_000
"""After how many events snapshots are taken by themselves, where ``$AGENTPOOL_SNAPSHOT_EVERY`` says nothing."""


def open_pool(
    name: str, store: str | os.PathLike[str] | None = None, *, create: bool = True, snapshot_every: int | None = None
) -> Pool:
    """Open a pool, making it if need be.

    ``store`` is a folder or ``kafka://host:port``; without one, ``$AGENTPOOL_STORE`` or a folder of the user's own.
    Snapshots are taken by themselves after a run and every ``snapshot_every`` events (default:
    ``$AGENTPOOL_SNAPSHOT_EVERY``, else 10,000; 0 for never). Raises StoreError, UserError for a bad name,
    PoolNotFoundError without ``create``, LogUnavailableError.
    """
    if snapshot_every is None:
        every = _number("AGENTPOOL_SNAPSHOT_EVERY", os.environ.get("AGENTPOOL_SNAPSHOT_EVERY", str(EVERY)))
    else:
        every = _number("snapshot_every", snapshot_every)
    place = open_store(store)
    return Pool(place.open(name, create=create), place, PoolSnapshots(place.derived(name), every, _build))


def _build(pool: Pool, cancel: threading.Event, verify: bool) -> None:  # noqa: FBT001 - as it is handed on
    from .build import snapshot  # noqa: PLC0415 - opening a pool loads nothing of jobs

    pool.log.pack(cancel.is_set)
    snapshot(pool, engine="inline", cancel=cancel, patience=0, verify=verify, few_here=True)


def _number(name: str, value: object) -> int:
    if not str(value).isdecimal():
        message = f"{name} is {value!r}: use a number of events, or 0 for never"
        raise UserError(message)
    return int(str(value))
