"""Ordered, durable logs: one contract, an embedded implementation (SQLite) and a distributed one (Kafka).

::

    contract  what a Log, its Followers and a Store promise
    stores    open_store: from an address to a Store
    sqlite/   a folder of pools, one SQLite file each
    kafka/    a cluster of pools, one topic each
    files     files and folders that only this user reads
    home      the user's folder for what has no other place
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .contract import FILLER, Follower, Log, Record, Rewritten, Store
    from .home import data_home
    from .stores import open_store

__all__ = ["FILLER", "Follower", "Log", "Record", "Rewritten", "Store", "data_home", "open_store"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "contract": ["FILLER", "Follower", "Log", "Record", "Rewritten", "Store"],
        "home": ["data_home"],
        "stores": ["open_store"],
    },
)
