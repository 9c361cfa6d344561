"""Reading documents into an index: those that are new or have changed, with notes on those that cannot be read."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.errors import LibraryError
from agentpool_jupyter.recall.backends.items import Item, Source, file_source
from agentpool_jupyter.recall.text.passages import passages

from .formats import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.recall.backends.backend import Backend


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


class DocumentReader:
    """One round of reading documents: :meth:`read` each, and :meth:`end`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.known = set(backend.sources())
        """All sources that the index had before."""
        self._report = Added()
        self._gone: dict[str, int] = {}
        self._nothing: list[Source] = []

    def read(self, path: Path) -> None:
        """Read a file, unless it is as it was."""
        if not is_text(str(path)):
            self._report.notes.append(f"{legible(path)} is left out: its name is not UTF-8; rename it")
            return
        source = file_source(str(path))
        before = self._backend.mark(source)
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
            self._backend.empty(source)
        self._backend.put(source, mark, items)
        self._report.read.append(str(path))

    def _leave_out(self, source: Source | None, why: str) -> None:
        self._report.notes.append(why)
        if source is not None:
            self._nothing.append(source)

    def end(self) -> Added:
        """Forget what turned out to be nothing, and return what came of all."""
        if self._nothing:
            self._backend.drop(*self._nothing)
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


def is_text(path: str) -> bool:
    """Whether a name can be stored: one that is not UTF-8 cannot."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def legible(path: str | os.PathLike[str]) -> str:
    """Return a name that can be shown, whatever its bytes are."""
    return os.fsencode(path).decode(errors="replace")
