"""The library: documents that are searched beside the pools, added by path or glob."""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.errors import LibraryError

from .items import Item, Source, file_source
from .passages import passages
from .readers import read_document

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from .shelf import Shelf


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


class Library:
    """The documents of one shelf.

    What was added stays findable when its folder vanishes: that is noted, and nothing is lost until it is removed.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @property
    def documents(self) -> list[str]:
        """The paths of all documents, sorted."""
        return [str(source).removeprefix("file:") for source in self._shelf.sources() if source.startswith("file:")]

    def add(self, pattern: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None) -> Added:
        """Read a file, all files of a folder and below, or those that a glob (``docs/**/*.md``) names.

        ``progress`` is called with the numbers of files that are done and of all, before each and at the end.
        Raises LibraryError where that is nothing at all; files that cannot be read are noted and left out.
        """
        place = str(Path(pattern).expanduser().absolute())
        files = list(_expand(place))
        if not files:
            message = f"nothing to add: {pattern} names no file; give a file, a folder or a glob such as docs/**/*.md"
            raise LibraryError(message)
        self._shelf.set_patterns([*dict.fromkeys([*self._shelf.patterns(), place])])
        return self._read(files, progress)

    def remove(self, pattern: str | os.PathLike[str]) -> int:
        """Forget the documents under a path or glob and return how many there were."""
        place = str(Path(pattern).expanduser().absolute())
        inside = [path for path in self.documents if _within(path, place)]
        for path in inside:
            self._shelf.drop(file_source(path))
        self._shelf.set_patterns([one for one in self._shelf.patterns() if one != place])
        return len(inside)

    def refresh(self) -> Added:
        """Read again what has changed, and all patterns where the index is new; note what is gone."""
        known = self.documents
        patterns = self._shelf.patterns()
        # An index that was rebuilt has forgotten the documents of some pattern: its files are looked for again.
        lost = [one for one in patterns if not any(_within(path, one) for path in known)]
        files = [Path(path) for path in known] + [path for one in lost for path in _expand(one)]
        report = self._read(files)
        report.notes += [f"{one} is gone: nothing of it is in the index" for one in lost if not any(_expand(one))]
        return report

    def _read(self, files: list[Path], progress: Callable[[int, int], None] | None = None) -> Added:
        report = Added()
        gone: dict[str, int] = {}
        files = list(dict.fromkeys(files))
        for number, path in enumerate(files):
            if progress is not None:
                progress(number, len(files))
            source = file_source(str(path))
            try:
                found = path.stat()
            except OSError:
                gone[str(path.parent)] = gone.get(str(path.parent), 0) + 1
                continue
            mark = msgspec.json.encode(_Mark(found.st_mtime_ns, found.st_size))
            if self._shelf.mark(source) == mark:
                report.unchanged += 1
                continue
            try:
                items = list(_items(source, path, found.st_mtime_ns // 1_000_000))
            except LibraryError as error:
                report.notes.append(f"{error}")
                continue
            self._shelf.drop(source)
            self._shelf.put(source, mark, items)
            report.read.append(str(path))
        if progress is not None:
            progress(len(files), len(files))
        for folder, count in gone.items():
            state = "is gone" if not Path(folder).exists() else "lacks files"
            report.notes.append(f"{folder} {state}: {count} documents of it are found as they were read last")
        return report


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


def _expand(place: str) -> Iterator[Path]:
    """Yield the files that a path, a folder or a glob names, sorted; hidden ones only where they are named."""
    path = Path(place)
    if path.is_file():
        yield path
        return
    pattern = f"{glob.escape(place)}/**/*" if path.is_dir() else place
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - Path.glob does not leave hidden files out
        if (found := Path(name)).is_file():
            yield found


def _within(path: str, place: str) -> bool:
    """Whether a document came in with a path, a folder or a glob."""
    stem = place
    for sign in "*?[":
        stem = stem.partition(sign)[0]
    if stem == place:
        return path == place or path.startswith(place.rstrip("/\\") + "/")
    return path.startswith(stem)
