"""Where the index of a store is kept, and opening what keeps it there."""

from __future__ import annotations

import glob
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import ExtraMissingError
from agentpool_jupyter.log.files import local_path

if TYPE_CHECKING:
    from agentpool_jupyter.log import Store

    from .backend import Backend

REDIS = ("redis://", "rediss://", "unix://")
"""How addresses of a Redis server begin."""


def default_address(store: Store) -> str:
    """Return where the index of a store is kept if nobody says otherwise."""
    return os.environ.get("AGENTPOOL_INDEX") or str(store.index)


def open_backend(store: Store, address: str | os.PathLike[str] | None) -> Backend:
    """Open what keeps the index of a store; raises ExtraMissingError where a library is missing."""
    text = os.fspath(address) if address is not None else default_address(store)
    try:
        import numpy  # noqa: F401, ICN001, PLC0415 - optional
        import rensa  # type: ignore[import-untyped]  # noqa: F401, PLC0415
    except ImportError as error:
        message = f"recall needs {error.name}: pip install 'agentpool-jupyter[recall]'"
        raise ExtraMissingError(message) from error
    if text.startswith(REDIS):
        from .redis_backend import RedisBackend  # noqa: PLC0415 - optional

        return RedisBackend(text, store.identity)
    from .sqlite_backend import SqliteBackend  # noqa: PLC0415 - symmetric with Redis

    path = local_path(text.removeprefix("sqlite://"), "redis://host:port/0")
    if store.contains(path):
        return SqliteBackend(path)  # its own file, also when the folder has moved
    return SqliteBackend(path, hashlib.sha256(store.url.encode()).hexdigest()[:12])


def has_index(store: Store) -> bool:
    """Whether there is an index of a store where it is kept if nobody says otherwise; on Redis there may be one."""
    address = default_address(store)
    if address.startswith(REDIS):
        return True
    path = Path(address.removeprefix("sqlite://")).expanduser()
    return any(path.parent.glob(f"{glob.escape(path.name)}.*"))
