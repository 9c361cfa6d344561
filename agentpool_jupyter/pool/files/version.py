"""A version of a file as people see it, and all files that a document has, by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .entry import FileEntry

    Read = Callable[[FileEntry], bytes]


@dataclass(frozen=True)
class FileVersion:
    """One version of a file; its contents are read from the log when they are looked at."""

    path: str
    entry: FileEntry = field(repr=False)
    _read: Read = field(repr=False, compare=False)

    @property
    def number(self) -> int:
        """Which version of the file it is on its line, from 1."""
        return self.entry.number

    @property
    def digest(self) -> str:
        """SHA-256 of the contents, in hexadecimal."""
        return self.entry.digest

    @property
    def size(self) -> int:
        """Bytes of the contents."""
        return self.entry.size

    @property
    def offset(self) -> int:
        """Where in the log it stands."""
        return self.entry.offset

    @property
    def agent(self) -> str:
        """Who wrote it."""
        return self.entry.agent

    @property
    def time(self) -> int:
        """When the log took it, in milliseconds since the epoch."""
        return self.entry.time

    @property
    def data(self) -> bytes:
        """The contents. Raises LogError where the log cannot be read."""
        return self._read(self.entry)

    @property
    def text(self) -> str:
        """The contents as text; raises UserError where they are no UTF-8: then there is ``data``."""
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            message = f"file {self.path!r} holds no text, but {self.size:,} bytes: use `.data`"
            raise UserError(message) from None

    @property
    def is_text(self) -> bool:
        """Whether the contents are text."""
        try:
            self.data.decode()
        except UnicodeDecodeError:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.path}: version {self.number} by {self.agent}, {self.size:,} bytes"


class FileMap(Mapping[str, FileVersion]):
    """The files of a document by path, in the order of their paths; displays itself."""

    def __init__(self, entries: Mapping[str, FileEntry], read: Read) -> None:
        self.entries = entries
        """What is known of each path, also of those that were deleted."""
        self._read = read

    def __getitem__(self, path: str) -> FileVersion:
        entry = self.entries.get(path)
        if entry is None or entry.deleted:
            raise KeyError(path)
        return FileVersion(path, entry, self._read)

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(path for path, entry in self.entries.items() if not entry.deleted)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def number(self, path: str) -> int:
        """Return the number of the latest version of a path, deleted or not; 0 where it never had one."""
        entry = self.entries.get(path)
        return entry.number if entry else 0

    def table(self) -> Table:
        """Return what is displayed."""
        rows = [(one.path, one.number, f"{one.size:,}", one.agent, one.offset) for one in self.values()]
        return Table(("file", "version", "bytes", "by", "offset"), rows, empty="no files")

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()
