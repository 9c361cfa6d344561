"""What stands in a file of snapshots: its tables, and what its manifest says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self
from zlib import crc32

import msgspec

if TYPE_CHECKING:
    from agentpool_jupyter.log import Log

FORMAT = 2
"""Counts changes of the file, of the summaries in it, and of what the fold makes of events."""
APPLICATION_ID = 0x41504F53  # "APOS"

SCHEMA = f"""
PRAGMA journal_mode = WAL;
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE manifest (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE nodes (
    branch TEXT NOT NULL, level INTEGER NOT NULL, window INTEGER NOT NULL,
    head BLOB NOT NULL, head_check INTEGER NOT NULL, body BLOB NOT NULL, body_check INTEGER NOT NULL);
CREATE UNIQUE INDEX places ON nodes (branch, level, window, head_check, body_check);
CREATE TABLE gaps (branch TEXT, window INTEGER, PRIMARY KEY (branch, window)) WITHOUT ROWID;
CREATE TABLE chronicle (offset INTEGER PRIMARY KEY, time INTEGER NOT NULL, value TEXT NOT NULL, mark INTEGER NOT NULL);
CREATE TABLE ended (branch TEXT, turn TEXT, at INTEGER NOT NULL, PRIMARY KEY (branch, turn)) WITHOUT ROWID;
CREATE TABLE opened (branch TEXT, turn TEXT, start INTEGER NOT NULL, PRIMARY KEY (branch, turn)) WITHOUT ROWID;
"""
TABLES = ("manifest", "nodes", "gaps", "chronicle", "ended", "opened")
SUMS = {
    "nodes": "SELECT count(*), coalesce(sum(head_check + body_check + level + window), 0) FROM nodes INDEXED BY places",
    "gaps": "SELECT count(*), coalesce(sum(window), 0) FROM gaps",
    "chronicle": "SELECT count(*), coalesce(sum(mark), 0) FROM chronicle",
    "ended": "SELECT count(*), coalesce(sum(at), 0) FROM ended",
    "opened": "SELECT count(*), coalesce(sum(start), 0) FROM opened",
}
"""What the manifest says of tables, and :meth:`SnapshotFile.check` compares."""
SEAL = "seal"


class Anchor(NamedTuple):
    """What ties snapshots to the log they were made of: where they end, and checksums of its first and last record."""

    end: int
    first: int
    last: int

    @classmethod
    def of(cls, log: Log, end: int) -> Self:
        """Return what ties summaries that end at ``end`` to a log."""
        first, last = (crc32(next(iter(log.read(at, at + 1))).value) for at in (0, end - 1))
        return cls(end, first, last)


def place(branch: str, level: int, window: int) -> str:
    """Return what a summary's checksums also stand for: one that was moved is no longer sound."""
    return f"{branch} {level} {window}"


def sealed(manifest: dict[str, int]) -> int:
    """Return the checksum of a manifest."""
    return crc32(msgspec.json.encode(manifest, order="sorted"))
