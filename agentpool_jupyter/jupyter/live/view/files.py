"""The files on a run's line, as far as its events are taken in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.screen import FileView
from agentpool_jupyter.pool.files.entry import FileEntry, is_sound, take

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.pool.events import File
    from agentpool_jupyter.pool.files.version import FileMap


class ShownFiles:
    """The present version of each path, and which paths have changed since somebody asked."""

    def __init__(self, before: FileMap, line: Mapping[str, int]) -> None:
        self._line = line
        self._entries = dict(before.entries)
        self._changed: dict[str, None] = {}

    def __deepcopy__(self, memo: object) -> ShownFiles:
        """Return one that goes on by itself, of which nothing was asked yet."""
        made = object.__new__(ShownFiles)
        made._line, made._entries, made._changed = self._line, self._entries.copy(), {}
        return made

    def absorb(self, event: File) -> None:
        """Take in a version, whoever wrote it; those on other lines are passed over."""
        if event.offset <= self._line.get(event.branch, -1) and is_sound(event):
            take(self._entries, event.path, FileEntry.of(event))
            self._changed[event.path] = None

    def state(self) -> list[FileView]:
        """Return the files that there are, by path."""
        return [_view(path, entry) for path, entry in sorted(self._entries.items()) if not entry.deleted]

    def take(self) -> list[FileView]:
        """Return those that have changed since this was last asked, deleted ones too."""
        changed, self._changed = sorted(self._changed), {}
        return [_view(path, self._entries[path]) for path in changed]


def _view(path: str, entry: FileEntry) -> FileView:
    return FileView(path=path, version=entry.number, size=None if entry.deleted else entry.size, agent=entry.agent)
