"""Reading documents into an index: those that are new or have changed, with notes on those that cannot be read."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.errors import LibraryError
from agentpool_jupyter.recall.backends.items import Item, Source, file_source
from agentpool_jupyter.recall.text.passages import passages

from .formats import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

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
        return printable("\n".join(lines))


class DocumentReader:
    """One round of reading documents into an index."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known = set(backend.sources())
        self._report = Added()
        self._gone: Counter[Path] = Counter()
        self._nothing: list[Source] = []

    def read(self, files: Iterable[Path], progress: Callable[[int, int], None] | None = None) -> Added:
        """Read files, unless they are as they were; forget those that turn out to be nothing."""
        files = list(dict.fromkeys(files))
        # Known before they are read: who is stopped in between, or killed, goes on with the rest the next time.
        sources = [file_source(str(path)) for path in files if is_text(path)]
        if fresh := [source for source in sources if source not in self._known]:
            self._backend.expect(fresh)
        for number, path in enumerate(files):
            if progress is not None:
                progress(number, len(files))
            if is_text(path):
                self._read(path, file_source(str(path)))
            else:
                self._report.notes.append(f"{legible(path)} is left out: its name is not UTF-8; rename it")
        if progress is not None:
            progress(len(files), len(files))
        if self._nothing:
            self._backend.drop(*self._nothing)
        for folder, count in self._gone.items():
            state = "lacks files" if folder.exists() else "is gone"
            self._report.notes.append(f"{folder} {state}: {count} documents of it are found as they were read last")
        return self._report

    def _read(self, path: Path, source: Source) -> None:
        before = self._backend.mark(source)
        try:
            found = path.stat()
            mark = msgspec.json.encode(_Mark(found.st_mtime_ns, found.st_size))
            items = [] if before == mark else list(_items(source, path, found.st_mtime_ns // 1_000_000))
        except (OSError, LibraryError) as error:
            missing = isinstance(error, OSError)
            if missing and before:
                self._gone[path.parent] += 1
            else:
                self._report.notes.append(f"{path} is gone: nothing of it is in the index" if missing else f"{error}")
            if not before:
                self._nothing.append(source)
            return
        if before == mark:
            self._report.unchanged += 1
            return
        if source in self._known:
            self._backend.empty(source)
        self._backend.put(source, mark, items)
        self._report.read.append(str(path))


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


def is_text(path: str | os.PathLike[str]) -> bool:
    """Whether a name can be stored: one that is not UTF-8 cannot."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def legible(path: str | os.PathLike[str]) -> str:
    """Return a name that can be shown, whatever its bytes are."""
    return os.fsencode(path).decode(errors="replace")
