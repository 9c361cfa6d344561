"""Store addresses: from text to a :class:`~.contract.Store`.

``None`` means ``$AGENTPOOL_STORE``, else the per-user data folder. A path or ``sqlite:///path`` is a folder of
SQLite files; ``kafka://…`` is a Kafka cluster (see :mod:`.kafka` for its options).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import StoreError

from .home import data_home

if TYPE_CHECKING:
    from .contract import Store


def open_store(address: str | os.PathLike[str] | None = None) -> Store:
    """Return the store at an address; raises StoreError for an unknown kind, ExtraMissingError for one to install."""
    if address is None:
        address = os.environ.get("AGENTPOOL_STORE") or data_home() / "pools"
    text = os.fspath(address)
    scheme, separator, rest = text.partition("://")
    if not separator or len(scheme) == 1:
        path = text
    elif scheme == "kafka":
        from .kafka import KafkaStore  # noqa: PLC0415 - the client is heavy and optional at run time

        return KafkaStore(text)
    elif scheme == "sqlite":
        path = rest
    else:
        message = f"unknown kind of store {scheme!r}: use a folder, sqlite:///folder or kafka://host:port"
        raise StoreError(message)
    from .sqlite import SqliteStore  # noqa: PLC0415 - symmetric with Kafka

    return SqliteStore(Path(path).expanduser())
