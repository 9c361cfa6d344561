"""Reading documents into an index: those that are new or have changed, with notes on those that cannot be read."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.errors import LibraryError
from agentpool_jupyter.recall.backends.items import Item, Source, file_source, refused_source
from agentpool_jupyter.recall.text.passages import passages

from .formats import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from agentpool_jupyter.recall.backends.backend import Backend


class _Mark(msgspec.Struct):
    """A document as it was when it was read, or refused."""

    time: int
    """When it had been changed, in nanoseconds since the epoch; of one that was refused, or its rights had been."""
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
    """One round of reading documents into an index.

    What cannot be read is told, and not tried again before it has changed, unless ``telling``: of files that somebody
    has just named all is told.
    """

    def __init__(self, backend: Backend, *, telling: bool) -> None:
        self._backend = backend
        self._telling = telling
        self._known = set(backend.sources())
        self._report = Added()
        self._gone: Counter[Path] = Counter()
        self._nothing: list[Source] = []

    def read(self, files: Iterable[Path], progress: Callable[[int, int], None] | None = None) -> Added:
        """Read files, unless they are as they were; forget those that turn out to be nothing."""
        files = list(dict.fromkeys(files))
        # Known before they are read: who is stopped in between, or killed, goes on with the rest the next time.
        names = [str(path) for path in files if is_text(path) and refused_source(str(path)) not in self._known]
        if fresh := [source for source in map(file_source, names) if source not in self._known]:
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
        before, refusal = self._backend.mark(source), refused_source(str(path))
        refused = self._backend.mark(refusal) if refusal in self._known else None
        try:
            found = path.stat()
        except OSError:
            self._miss(path, source, refusal if refused else None, read=bool(before))
            return
        mark = msgspec.json.encode(_Mark(found.st_mtime_ns, found.st_size))
        told = msgspec.json.encode(_Mark(found.st_ctime_ns, found.st_size))  # rights are no part of what was read
        if mark == before:
            self._report.unchanged += 1
        elif told != refused or self._telling:
            try:
                items = list(_items(source, path, found.st_mtime_ns // 1_000_000))
            except LibraryError as error:
                self._backend.put(refusal, told, [])
                kept = "; what it said before is found" if before else ""
                self._report.notes.append(f"{error}{kept}")
                if not before:
                    self._nothing.append(source)
                return
            self._put(path, source, mark, items)
            if refused:
                self._nothing.append(refusal)

    def _miss(self, path: Path, source: Source, refusal: Source | None, *, read: bool) -> None:
        if read:
            self._gone[path.parent] += 1
        elif not refusal:
            self._report.notes.append(f"{path} is gone: nothing of it is in the index")
        self._nothing += [*([] if read else [source]), *([refusal] if refusal else [])]

    def _put(self, path: Path, source: Source, mark: bytes, items: list[Item]) -> None:
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
                line=section.line if section.folded else section.line + passage.line - 1,
                folded=section.folded,
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
