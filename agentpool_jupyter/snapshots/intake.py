"""Adding what a job made to a file: all of it or nothing, for readers and also where the process is killed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from zlib import crc32

from .schema import FORMAT, SEAL, place, sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .file import SnapshotFile
    from .node import Node
    from .schema import Anchor
    from .summary import Kept


def add(file: SnapshotFile, nodes: Iterable[Node], anchor: Anchor) -> None:
    """Add the nodes of all windows that became full, up to where ``anchor`` says, in the order of the log."""
    placed = [(file.scale.offsets(node.level, node.window), node) for node in nodes]
    placed.sort(key=lambda item: (item[1].branch, item[0].stop, item[1].level))
    with adding(file, anchor):
        for offsets, node in placed:
            _add_records(file, node.chronicle)
            if not file.has_gap(node.branch, node.level, node.window):
                _add(file, node, offsets.start)


@contextmanager
def adding(file: SnapshotFile, anchor: Anchor) -> Iterator[None]:
    """Add within the block all that makes the file reach ``anchor``; if anything fails, nothing was added."""
    with file.transaction("IMMEDIATE"):
        yield
        manifest = {"format": FORMAT, "window": file.scale.window, "fan": file.scale.fan, **anchor._asdict()}
        for table, (count, total) in file.sums().items():
            manifest |= {f"{table}_count": count, f"{table}_sum": total}
        file.change("INSERT OR REPLACE INTO manifest VALUES (?, ?)", {**manifest, SEAL: sealed(manifest)}.items())


def add_node(file: SnapshotFile, node: Node) -> None:
    """Add a summary with its turns."""
    where = (node.branch, node.level, node.window)
    checks = [crc32(data, crc32(place(*where).encode())) for data in (node.head, node.body)]
    row = (*where, node.head, checks[0], node.body, checks[1])
    file.change("INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?)", [row])


def _add_records(file: SnapshotFile, records: Iterable[Kept]) -> None:
    """Add records that branches and runs are folded from; one that is there stays as it is."""
    marks = ((kept, crc32(kept.value.encode(), crc32(f"{kept.offset} {kept.time}".encode()))) for kept in records)
    rows = ((kept.offset, kept.time, kept.value, mark) for kept, mark in marks)
    file.change("INSERT OR IGNORE INTO chronicle VALUES (?, ?, ?, ?)", rows)


def _add(file: SnapshotFile, node: Node, start: int) -> None:
    branch = node.branch
    if _fits(file, node, start):
        add_node(file, node)
    else:
        file.change("INSERT INTO gaps VALUES (?, ?)", [(branch, start // file.scale.window)])
    if node.level == 0:
        file.change("INSERT OR IGNORE INTO opened VALUES (?, ?, ?)", ((branch, turn, start) for turn in node.opened))
    file.change("INSERT OR IGNORE INTO ended VALUES (?, ?, ?)", ((branch, *turn) for turn in node.ended))
    file.change("DELETE FROM opened WHERE branch = ? AND turn = ?", ((branch, turn) for turn, _ in node.ended))


def _fits(file: SnapshotFile, node: Node, start: int) -> bool:
    """Return whether a window says nothing of turns that had ended before it, and has whole only what began in it.

    Records that were delivered again long after the first time look, in a window of their own, like the first. Such a
    window, and the larger ones around it, are left to the log: that is slower, and right. For example, a turn of the
    offsets 10 to 40 comes again at 3,010 to 3,040: the window around that would count it a second time.
    """
    whole = [turn for turn, _ in node.ended]
    if any(file.ended(node.branch, turn) is not None for turn in (*whole, *node.opened)):
        return False
    query = "SELECT 1 FROM opened WHERE branch = ? AND turn = ? AND start < ?"
    return not any(file.rows(query, node.branch, turn, start) for turn in whole)
