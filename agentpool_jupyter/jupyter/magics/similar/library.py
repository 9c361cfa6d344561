"""The library of documents, as ``%similar`` adds to it, takes from it and lists it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agentpool_jupyter.display.table import Table
from agentpool_jupyter.errors import LibraryError
from agentpool_jupyter.jupyter.magics.jobs import bar_in_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentpool_jupyter.display.progress import ProgressBar
    from agentpool_jupyter.recall.documents.library import Library
    from agentpool_jupyter.recall.documents.reading import Added

_MANY = 20  # files whose reading may take a moment
_SHOWN = 50  # files that are named one by one


class AddedFiles:
    """What came of adding documents, file by file; displays itself."""

    def __init__(self, reports: Sequence[Added]) -> None:
        self.read = [path for report in reports for path in report.read]
        self.unchanged = sum(report.unchanged for report in reports)
        self.skipped = [note for report in reports for note in report.notes]

    @property
    def summary(self) -> str:
        """The same in a line."""
        same = f", {self.unchanged} had not changed" if self.unchanged else ""
        return f"added {_count(len(self.read))}{same}, skipped {len(self.skipped)}"

    def _table(self) -> Table:
        rows = [("skipped", note) for note in self.skipped] + [("added", path) for path in self.read]
        more = [("…", f"and {len(rows) - _SHOWN:,} more")] if len(rows) > _SHOWN else []
        return Table(("", "document"), [*rows[:_SHOWN], *more], empty="nothing new")

    def __repr__(self) -> str:
        return f"{self.summary}\n{self._table()!r}"

    def _repr_html_(self) -> str:
        return self._table().folded_html(self.summary, is_open=bool(self.skipped) or len(self.read) <= _SHOWN)


def add(library: Library, patterns: Sequence[str], *, bar: bool) -> AddedFiles:
    """Read documents into the library, with a bar where they are many; raises LibraryError."""
    from agentpool_jupyter.jobs import Progress  # noqa: PLC0415 - loading the extension stays quick

    with ExitStack() as stack:
        shown: list[ProgressBar] = []

        def tell(step: int, done: int, files: int) -> None:
            if files >= _MANY and not shown:
                shown.append(stack.enter_context(bar_in_cell("reading documents", widgets=bar)))
            now = Progress(step=step, steps=len(patterns), phase="file", done=done, total=files)
            for one in shown:
                one.tell(now.share, now.note)

        return AddedFiles([library.add(pattern, partial(tell, step)) for step, pattern in enumerate(patterns, 1)])


def remove(library: Library, paths: Sequence[str]) -> str:
    """Forget documents and say how many; raises LibraryError where a path names none."""
    told = []
    for path in paths:
        count = library.remove(path)
        if not count:
            message = f"the library has no document {path}: `%similar --library` lists what it has"
            raise LibraryError(message)
        told.append(f"removed {_count(count)} of {path}; files are left as they are")
    return "\n".join(told)


def listing(library: Library) -> Table:
    """Return the documents there are, and which of them are gone from the disk."""
    rows = [("" if Path(path).is_file() else "gone, found as it was read last", path) for path in library.documents]
    empty = "the library is empty: `%similar --add PATH` adds a file, a folder or a glob such as docs/**/*.md"
    return Table(("", "document"), rows, empty=empty)


def _count(number: int) -> str:
    return f"{number:,} document{'' if number == 1 else 's'}"
