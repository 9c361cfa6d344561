"""The documents of a shelf: read when they are added, read again when they change, forgotten when they are removed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.errors import LibraryError
from agentpool_jupyter.recall.store.items import Item, Source, file_source
from agentpool_jupyter.recall.text.passages import passages

from .places import added, expand, removed, wanted, within
from .readers import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentpool_jupyter.recall.store.shelf import Shelf


class _Mark(msgspec.Struct):
    """A document as it was when it was read."""

    time: int
    """When it had been changed, in nanoseconds since the epoch."""
    size: int


@dataclass
class Added:
    """What came of reading documents; says so when it is shown."""

    read: list[str] = field(default_factory=list)
    """Files that were read, new or changed."""
    unchanged: int = 0
    notes: list[str] = field(default_factory=list)
    """One for each file that was left out, or is gone, and why."""

    def __repr__(self) -> str:
        lines = [f"{len(self.read)} documents read, {self.unchanged} unchanged", *self.notes]
        return "\n".join(lines)


class Documents:
    """The documents of one shelf; what :class:`~.library.Library` does, but for a shelf that is damaged."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def paths(self) -> list[str]:
        """Return the paths of all documents, sorted."""
        return [str(source).removeprefix("file:") for source in self._shelf.sources() if source.startswith("file:")]

    def add(self, pattern: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None) -> Added:
        """See :meth:`.library.Library.add`."""
        place = _place(pattern)
        if not _is_text(place):
            message = f"{_legible(place)} cannot be added: its name is not UTF-8; rename it"
            raise LibraryError(message)
        files = list(expand(place))
        if not files:
            message = f"nothing to add: {pattern} names no file; give a file, a folder or a glob such as docs/**/*.md"
            raise LibraryError(message)
        self._shelf.set_patterns(added(self._shelf.patterns(), place))
        return self._read(files, progress)

    def remove(self, pattern: str | os.PathLike[str]) -> int:
        """See :meth:`.library.Library.remove`."""
        place = _place(pattern)
        if not _is_text(place):
            return 0
        if self._lost():  # an index that was rebuilt does not know yet what there is to remove
            self.refresh()
        inside = within(self.paths(), place)
        self._shelf.set_patterns(removed(self._shelf.patterns(), place))
        self._shelf.drop(*map(file_source, inside))
        return len(inside)

    def refresh(self) -> Added:
        """See :meth:`.library.Library.refresh`."""
        files, notes = [Path(path) for path in self.paths()], []
        for place, but in self._lost():
            found = list(expand(place, but))
            files += found
            if not found and not any(within([place], one) for one in but) and not any(expand(place)):
                notes.append(f"{place} is gone: nothing of it is in the index")
        report = self._read(files)
        report.notes += notes
        return report

    def _lost(self) -> list[tuple[str, list[str]]]:
        """Return the places of which no document is known, as in an index that was rebuilt: they are read again."""
        known = self.paths()
        return [(place, but) for place, but in wanted(self._shelf.patterns()) if not within(known, place)]

    def _read(self, files: list[Path], progress: Callable[[int, int], None] | None = None) -> Added:
        reading = _Reading(self._shelf)
        files = list(dict.fromkeys(files))
        # Known before they are read: who is stopped in between, or killed, goes on with the rest the next time.
        sources = [file_source(str(path)) for path in files if _is_text(str(path))]
        if fresh := [source for source in sources if source not in reading.known]:
            self._shelf.expect(fresh)
        for number, path in enumerate(files):
            if progress is not None:
                progress(number, len(files))
            reading.read(path)
        if progress is not None:
            progress(len(files), len(files))
        return reading.end()


class _Reading:
    """One round of reading documents."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.known = set(shelf.sources())
        self._report = Added()
        self._gone: dict[str, int] = {}
        self._nothing: list[Source] = []

    def read(self, path: Path) -> None:
        """Read a file, unless it is as it was."""
        if not _is_text(str(path)):
            self._report.notes.append(f"{_legible(path)} is left out: its name is not UTF-8; rename it")
            return
        source = file_source(str(path))
        before = self._shelf.mark(source)
        try:
            found = path.stat()
        except OSError:
            if before:
                self._gone[str(path.parent)] = self._gone.get(str(path.parent), 0) + 1
            else:
                self._leave_out(source, f"{path} is gone: nothing of it is in the index")
            return
        mark = msgspec.json.encode(_Mark(found.st_mtime_ns, found.st_size))
        if before == mark:
            self._report.unchanged += 1
            return
        try:
            items = list(_items(source, path, found.st_mtime_ns // 1_000_000))
        except LibraryError as error:
            self._leave_out(None if before else source, f"{error}")
            return
        if source in self.known:
            self._shelf.empty(source)
        self._shelf.put(source, mark, items)
        self._report.read.append(str(path))

    def _leave_out(self, source: Source | None, why: str) -> None:
        self._report.notes.append(why)
        if source is not None:
            self._nothing.append(source)

    def end(self) -> Added:
        """Forget what turned out to be nothing, and return what came of all."""
        if self._nothing:
            self._shelf.drop(*self._nothing)
        for folder, count in self._gone.items():
            state = "is gone" if not Path(folder).exists() else "lacks files"
            self._report.notes.append(f"{folder} {state}: {count} documents of it are found as they were read last")
        return self._report


def _items(source: Source, path: Path, time: int) -> Iterator[Item]:
    for number, section in enumerate(read_document(path)):
        for part, passage in enumerate(passages(section.text)):
            yield Item(
                source=source,
                key=f"{number}",
                part=part,
                text=passage.text,
                start=passage.start,
                line=section.line if section.place.startswith("page") else section.line + passage.line - 1,
                place=section.place,
                time=time,
            )


def _place(pattern: str | os.PathLike[str]) -> str:
    return str(Path(pattern).expanduser().absolute())


def _is_text(path: str) -> bool:
    """Whether a name can be stored: one that is not UTF-8 cannot."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _legible(path: str | os.PathLike[str]) -> str:
    return os.fsencode(path).decode(errors="replace")
