"""SQLite as every file of ours is used: connections for any thread, and transactions that end whatever happens."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from agentpool_jupyter.log.files import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUSY_SECONDS = 60.0  # for which another process's transaction is waited for


def connect(path: Path, mode: Literal["rw", "rwc"] = "rwc") -> sqlite3.Connection:
    """Open a database, which is made if need be unless ``mode`` is "rw".

    Threads may share the connection, one at a time, and it begins no transaction by itself.
    """
    new = mode == "rwc" and not path.exists()
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    if new:  # nothing stands in it yet; SQLite gives what it puts beside a file the file's own mode
        path.chmod(OWN)
    return db


@contextmanager
def transaction(db: sqlite3.Connection, kind: Literal["IMMEDIATE", "DEFERRED"] = "IMMEDIATE") -> Iterator[None]:
    """Store all that is changed within the block, or nothing of it if anything, such as an interrupt, passes through.

    ``DEFERRED`` is for blocks that only read: they see one state of the file.
    """
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite ends it by itself after some errors
            db.execute("ROLLBACK")
        raise
