"""Opening and listing pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.log import open_store

from .pool import Pool

if TYPE_CHECKING:
    import os


def open_pool(name: str, store: str | os.PathLike[str] | None = None, *, create: bool = True) -> Pool:
    """Open a pool without snapshots, making it if need be; :func:`agentpool_jupyter.open_pool` opens it with them.

    ``store`` is a folder or ``kafka://host:port``; without one, ``$AGENTPOOL_STORE`` or a folder of the user's own.
    Raises StoreError, UserError for a bad name, PoolNotFoundError without ``create``, LogUnavailableError.
    """
    place = open_store(store)
    return Pool(place.open(name, create=create), place)


def list_pools(store: str | os.PathLike[str] | None = None) -> list[str]:
    """Return the names of the pools in a store, sorted."""
    return open_store(store).names()
