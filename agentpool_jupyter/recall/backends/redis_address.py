"""Addresses of a Redis server: what of one may be shown, and what the client needs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from agentpool_jupyter.errors import StoreError

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0


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
