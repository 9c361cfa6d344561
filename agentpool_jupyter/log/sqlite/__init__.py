"""The embedded log: one SQLite file a pool, in write-ahead mode, safe for many threads and processes.

::

    store     SqliteStore: open, list and delete pools
    log       SqliteLog: append, read, end, offset_at
    follower  a live reading
    records   what the file holds: made, checked, read in chunks, rewritten
    packs     most of that, compressed
    database  connections and transactions, also for the other SQLite files of this package
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .log import SqliteLog
    from .store import SqliteStore

__all__ = ["SqliteLog", "SqliteStore"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "log": ["SqliteLog"],
        "store": ["SqliteStore"],
    },
)
