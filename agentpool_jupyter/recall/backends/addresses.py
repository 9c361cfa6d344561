"""Addresses of an index: where one is kept if nobody says otherwise, and what of a server's may be shown."""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentpool_jupyter.errors import StoreError
from agentpool_jupyter.log.files import local_path

if TYPE_CHECKING:
    from pathlib import Path

    from agentpool_jupyter.log import Store

REDIS = ("redis://", "rediss://", "unix://")
"""How addresses of a Redis server begin."""
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0


def default_address(store: Store) -> str:
    """Return where the index of a store is kept if nobody says otherwise."""
    return os.environ.get("AGENTPOOL_INDEX") or str(store.index)


def has_index(store: Store) -> bool:
    """Whether there is an index of a store where it is kept if nobody says otherwise; on Redis there may be one."""
    address = default_address(store)
    if address.startswith(REDIS):
        return True
    path = file_at(address)
    return any(path.parent.glob(f"{glob.escape(path.name)}.*"))


def file_at(address: str) -> Path:
    """Return the file that an address names; raises StoreError where it looks like another kind of address."""
    return local_path(address.removeprefix("sqlite://"), "redis://host:port/0")


def shown(address: str) -> str:
    """Return an address without any secret: its scheme, host, port and path, or its scheme where that is unsure."""
    scheme, _, rest = address.partition("://")
    hidden = f"{scheme}://…"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return hidden
    # An @ behind the host: what looked like the host is a part of a password that is not percent-encoded.
    if "@" in rest[len(parts.netloc) :]:
        return hidden
    if scheme == "unix":
        return f"unix://{parts.path}"
    database = parts.path.strip("/")
    if not host or not (database == "" or database.isdigit()):
        return hidden
    place = f"[{host}]" if ":" in host else host
    return f"{scheme}://{place}{'' if port is None else f':{port}'}{parts.path}"


def options(address: str, redis: Any) -> dict[str, Any]:
    """Return the arguments for the client of the ``redis`` module; raises StoreError for what is no address."""
    message = (
        f"{shown(address)!r} is no address of an index: use redis://host:port/0, with what is special in a password "
        f"percent-encoded (%2F for a slash)"
    )
    try:
        found: dict[str, Any] = dict(redis.connection.parse_url(address))
    except ValueError:  # whose message may have a part of the password
        raise StoreError(message) from None
    if not address.startswith("unix://") and "@" in urlsplit(address).path:
        raise StoreError(message)
    if "connection_class" in found:
        kind = found.pop("connection_class").__name__
        if kind.startswith("SSL"):
            found["ssl"] = True
        else:
            found["unix_socket_path"] = found.pop("path")
    retry = redis.retry.Retry(redis.backoff.ExponentialBackoff(cap=0.5, base=0.05), 2)
    defaults = {"socket_connect_timeout": _CONNECT_SECONDS, "socket_timeout": _ANSWER_SECONDS, "retry": retry}
    return defaults | found
