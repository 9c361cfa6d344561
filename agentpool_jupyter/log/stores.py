"""Store addresses: from text to a :class:`~.contract.Store`.

``None`` means ``$AGENTPOOL_STORE``, else the per-user data folder. A path or ``sqlite:///path`` is a folder of
SQLite files; ``kafka://…`` is a Kafka cluster (see :mod:`.kafka` for its options).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import StoreError

from .files import local_path
from .home import data_home

if TYPE_CHECKING:
    from .contract import Store


def default_store() -> str:
    """Return the address of the store of those who name none."""
    return os.environ.get("AGENTPOOL_STORE") or str(data_home() / "pools")


def open_store(address: str | os.PathLike[str] | None = None) -> Store:
    """Return the store at an address; raises StoreError for an unknown kind, ExtraMissingError for one to install."""
    text = os.fspath(default_store() if address is None else address).strip()
    scheme, separator, rest = text.partition("://")
    kind = scheme.lower()
    if not separator or len(scheme) == 1:
        rest = text
    elif kind == "kafka":
        from .kafka import KafkaStore  # noqa: PLC0415 - the client is heavy and optional at run time

        return KafkaStore(f"kafka://{rest}")
    elif kind != "sqlite":
        what = f" {scheme!r}" if scheme.isalnum() else ""  # else it may be the beginning of a password
        message = f"unknown kind of store{what}: use a folder, sqlite:///folder or kafka://host:port"
        raise StoreError(message)
    from .sqlite import SqliteStore  # noqa: PLC0415 - symmetric with Kafka

    return SqliteStore(local_path(rest, "kafka://host:port"))
