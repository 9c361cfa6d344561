"""The library: documents that are searched beside the pools, added by path, folder or glob."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LibraryError
from agentpool_jupyter.recall.backends.items import file_source, refused_source

from .places import added, expand, removed, wanted, within
from .reading import DocumentReader, is_text, legible

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from agentpool_jupyter.recall.backends.backend import Backend, Mended

    from .reading import Added


class Library:
    """The documents of an index; what was added stays findable, with a note, when its folder vanishes."""

    def __init__(self, backend: Backend, mended: Mended) -> None:
        self._backend = backend
        self._mended = mended

    @property
    def documents(self) -> list[str]:
        """The paths of all documents, sorted."""
        return self._mended(self._paths)

    def add(self, pattern: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None) -> Added:
        """Read a file, all files of a folder and below, or those that a glob (``docs/**/*.md``) names.

        ``progress`` is called with the numbers of files that are done and of all, before each and at the end. Raises
        LibraryError where that is nothing at all; files that cannot be read are noted and left out.
        """
        place = _place(pattern)
        if not is_text(place):
            message = f"{legible(place)} cannot be added: its name is not UTF-8; rename it"
            raise LibraryError(message)
        files = list(expand(place))
        if not files:
            message = f"nothing to add: {pattern} names no file; give a file, a folder or a glob such as docs/**/*.md"
            raise LibraryError(message)

        def add() -> Added:
            self._backend.set_places(added(self._backend.places(), place))
            return DocumentReader(self._backend, telling=True).read(files, progress)

        return self._mended(add)

    def remove(self, pattern: str | os.PathLike[str]) -> int:
        """Forget documents under a path or glob until they are added again; return how many there were."""
        place = _place(pattern)
        return self._mended(lambda: self._remove(place)) if is_text(place) else 0

    def _remove(self, place: str) -> int:
        if self._lost():  # an index that was rebuilt does not know yet what there is to remove
            self._refresh()
        inside, refused = within(self._paths(), place), within(self._refused(), place)
        self._backend.set_places(removed(self._backend.places(), place))
        self._backend.drop(*map(file_source, inside), *map(refused_source, refused))
        return len(inside)

    def refresh(self) -> Added:
        """Read again what has changed, and all places where the index is new; note what is gone."""
        return self._mended(self._refresh)

    def _refresh(self) -> Added:
        files, notes = [Path(path) for path in (*self._paths(), *self._refused())], []
        for place, but in self._lost():
            found = list(expand(place, but))
            files += found
            if not found and not any(within([place], one) for one in but) and not any(expand(place)):
                notes.append(f"{place} is gone: nothing of it is in the index")
        report = DocumentReader(self._backend, telling=False).read(files)
        report.notes += notes
        return report

    def _paths(self) -> list[str]:
        return self._sources("file:")

    def _refused(self) -> list[str]:
        return self._sources("refused:")

    def _sources(self, kind: str) -> list[str]:
        return [str(source).removeprefix(kind) for source in self._backend.sources() if source.startswith(kind)]

    def _lost(self) -> list[tuple[str, list[str]]]:
        """Return the places of which no file is known, as in an index that was rebuilt: they are read again."""
        known = [*self._paths(), *self._refused()]
        return [(place, but) for place, but in wanted(self._backend.places()) if not within(known, place)]


def _place(pattern: str | os.PathLike[str]) -> str:
    return str(Path(pattern).expanduser().absolute())
