"""The library: documents that are searched beside the pools, added by path or glob."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .documents import Added, Documents

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from agentpool_jupyter.recall.index import RecallIndex

__all__ = ["Added", "Library"]


class Library:
    """The documents of an index.

    What was added stays findable when its folder vanishes: that is noted, and nothing is lost until it is removed. An
    index that turns out to be damaged is made anew.
    """

    def __init__(self, index: RecallIndex) -> None:
        self._index = index
        self._documents = Documents(index.shelf)

    @property
    def documents(self) -> list[str]:
        """The paths of all documents, sorted."""
        return self._index.mended(self._documents.paths)

    def add(self, pattern: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None) -> Added:
        """Read a file, all files of a folder and below, or those that a glob (``docs/**/*.md``) names.

        ``progress`` is called with the numbers of files that are done and of all, before each and at the end.
        Raises LibraryError where that is nothing at all; files that cannot be read are noted and left out.
        """
        return self._index.mended(lambda: self._documents.add(pattern, progress))

    def remove(self, pattern: str | os.PathLike[str]) -> int:
        """Forget the documents under a path or glob and return how many there were.

        They do not come back by themselves: only when they, or what they are in, are added again.
        """
        return self._index.mended(lambda: self._documents.remove(pattern))

    def refresh(self) -> Added:
        """Read again what has changed, and all patterns where the index is new; note what is gone."""
        return self._index.mended(self._documents.refresh)
