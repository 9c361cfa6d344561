"""Taking in what a job made: every node is added in the order of the log, if what it says fits what came before."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from agentpool_jupyter.pool.summary import SCALE, Scale

from .file import FORMAT, SUMS, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentpool_jupyter.pool.node import Node

    from .file import Anchor, SnapshotFile


def add(
    file: SnapshotFile, nodes: Iterable[Node], anchor: Anchor, scale: Scale = SCALE, *, afresh: bool = False
) -> None:
    """Add the nodes of all windows that became full, up to where ``anchor`` says; all of them or none.

    ``afresh`` forgets what was there before.
    """
    placed = [(scale.offsets(node.level, node.window), node) for node in nodes]
    placed.sort(key=lambda item: (item[1].branch, item[0].stop, item[1].level))
    with file.transaction():
        for table in TABLES if afresh else ():
            file.rows(f"DELETE FROM {table}")  # noqa: S608 - names of our own
        _note(file, {"format": FORMAT, **scale._asdict(), **anchor._asdict()})
        for offsets, node in placed:
            marked = ((kept.offset, kept.time, kept.value, crc32(kept.value.encode())) for kept in node.chronicle)
            file.change("INSERT OR IGNORE INTO chronicle VALUES (?, ?, ?, ?)", marked)
            if not file.has_gap(node.branch, node.level, node.window):
                _add(file, node, offsets.start)
        for table, query in SUMS.items():
            _note(file, dict(zip((f"{table}_count", f"{table}_sum"), file.rows(query)[0], strict=True)))


def _note(file: SnapshotFile, manifest: dict[str, int]) -> None:
    file.change("INSERT OR REPLACE INTO manifest VALUES (?, ?)", manifest.items())


def _add(file: SnapshotFile, node: Node, start: int) -> None:
    branch = node.branch
    if _fits(file, node, start):
        blobs = (node.head, crc32(node.head), node.body, crc32(node.body))
        file.change("INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?)", [(branch, node.level, node.window, *blobs)])
    else:
        file.change("INSERT INTO gaps VALUES (?, ?)", [(branch, start // file.scale.window)])
    if node.level == 0:
        file.change("INSERT OR IGNORE INTO opened VALUES (?, ?, ?)", ((branch, turn, start) for turn in node.opened))
    file.change("INSERT OR IGNORE INTO ended VALUES (?, ?, ?)", ((branch, *turn) for turn in node.ended))
    file.change("DELETE FROM opened WHERE branch = ? AND turn = ?", ((branch, turn) for turn, _ in node.ended))


def _fits(file: SnapshotFile, node: Node, start: int) -> bool:
    """Return whether a window says nothing of turns that had ended before it, and has whole only what began in it.

    Records that were delivered again long after the first time look, in a window of their own, like the first. Such a
    window, and the larger ones around it, are left to the log: that is slower, and right.
    """
    whole = [turn for turn, _ in node.ended]
    if any(file.ended(node.branch, turn) is not None for turn in (*whole, *node.opened)):
        return False
    query = "SELECT 1 FROM opened WHERE branch = ? AND turn = ? AND start < ?"
    return not any(file.rows(query, node.branch, turn, start) for turn in whole)
