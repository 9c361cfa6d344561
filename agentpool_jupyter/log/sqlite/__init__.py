"""The embedded log: one SQLite file a pool, in write-ahead mode, safe for many threads and processes.

::

    rewrite   changes records in place and gives the space back
    follower  a live reading
    log       SqliteLog: append, read, end, offset_at
    store     SqliteStore: open, list and delete pools
"""

from .log import SqliteLog
from .store import SqliteStore

__all__ = ["SqliteLog", "SqliteStore"]
