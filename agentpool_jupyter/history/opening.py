"""Opening pools with their snapshots."""

from __future__ import annotations

import os

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.log import open_store
from agentpool_jupyter.pool import Pool

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
    from .snapshots.keeper import PoolSnapshots  # noqa: PLC0415 - a pool without history needs none of it

    place = open_store(store)
    log = place.open(name, create=create)
    every = _every() if snapshot_every is None else snapshot_every
    return Pool(log, place, PoolSnapshots(place.derived(name), every))


def _every() -> int:
    text = os.environ.get("AGENTPOOL_SNAPSHOT_EVERY", str(EVERY))
    if not text.isdecimal():
        message = f"AGENTPOOL_SNAPSHOT_EVERY is {text!r}: use a number of events, or 0 for never"
        raise UserError(message)
    return int(text)
