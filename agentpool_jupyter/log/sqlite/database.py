"""SQLite as every file of ours is used: connections for any thread, and transactions that end whatever happens."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agentpool_jupyter.log.files import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUSY_SECONDS = 60.0  # for which another process's transaction is waited for


def connect(path: Path, mode: Literal["ro", "rw", "rwc"] = "rwc", more: str = "") -> sqlite3.Connection:
    """Open a database, which is made if need be unless ``mode`` is another; ``more`` are further options of SQLite.

    Threads may share the connection, one at a time, and it begins no transaction by itself.
    """
    new = mode == "rwc" and not path.exists()
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}{more}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    if new:  # nothing stands in it yet; SQLite gives what it puts beside a file the file's own mode
        path.chmod(OWN)
    return db


def writable(path: Path) -> bool:
    """Return whether a file can be written, and SQLite's own files beside it, where it is there."""
    return not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def connect_to_read(path: Path) -> tuple[sqlite3.Connection, object]:
    """Open a database that cannot be written, and return it with what must be held for as long as it is open."""
    db = connect(path, "ro")
    try:
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:  # nothing can be put beside it, which SQLite wants to do even for reading
        db.close()
        if not size(beside(path)):
            return connect(path, "ro", "&immutable=1"), None
        held = tempfile.TemporaryDirectory(prefix="agentpool-read-")
        copy = Path(held.name, path.name)
        for one in (path, beside(path)):
            shutil.copyfile(one, copy.with_name(one.name))
        return connect(copy), held
    return db, None


def beside(path: Path) -> Path:
    """Return the file in which SQLite keeps what is not yet worked in."""
    return path.with_name(path.name + "-wal")


def size(path: Path) -> int:
    """Return the bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


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
