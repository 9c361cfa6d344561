"""Taking in what a job made: every node is added in the order of the log, if what it says fits what came before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .file import SnapshotFile
    from .node import Node
    from .schema import Anchor


def add(file: SnapshotFile, nodes: Iterable[Node], anchor: Anchor) -> None:
    """Add the nodes of all windows that became full, up to where ``anchor`` says; all of them or none."""
    placed = [(file.scale.offsets(node.level, node.window), node) for node in nodes]
    placed.sort(key=lambda item: (item[1].branch, item[0].stop, item[1].level))
    with file.adding(anchor):
        for offsets, node in placed:
            file.add_records(node.chronicle)
            if not file.has_gap(node.branch, node.level, node.window):
                _add(file, node, offsets.start)


def _add(file: SnapshotFile, node: Node, start: int) -> None:
    branch = node.branch
    if _fits(file, node, start):
        file.add_node(node)
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
