"""The seam between an index and what keeps it: the :class:`Backend` contract.

Two implementations pass the same tests: one SQLite file (:mod:`.sqlite_backend`) and Redis (:mod:`.redis_backend`). An
index can always be made again from the pools and the documents, so a backend that finds itself damaged, or made by
other settings, may empty itself; it says so in ``notes``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    import numpy as np
    from numpy.typing import NDArray

    from agentpool_jupyter.recall.text.signatures import Hashes, Keys

    from .buckets import Postings
    from .items import Item, Source

Answer = TypeVar("Answer")


class DamagedError(Exception):
    """What a backend keeps is damaged, or no longer its own; ``Backend.clear`` mends it. Never seen by users."""


class Mended(Protocol):
    """Calls what uses a backend, makes the backend anew where that raises DamagedError, and calls once more."""

    def __call__(self, ask: Callable[[], Answer], /) -> Answer:
        """Return what ``ask`` returns."""


class Bulk(NamedTuple):
    """What a job makes of a source: many items, signed, and their buckets. Postings name an item by its place."""

    source: Source
    items: Sequence[Item]
    hashes: Sequence[Hashes]
    """Of the shingles of each item, sorted."""
    bands: Postings
    """Sorted; by key of a band."""
    shingles: Postings
    """Sorted; by key of a shingle."""
    settle: Callable[[bytes | None], bytes]
    """Says the source's new mark, given the one that there is by then."""


class Backend(ABC):
    """Items, the buckets of their keys, and how far each source has been read.

    Promised
        * :meth:`put` is idempotent: an item whose source, key and part are there already changes nothing.
        * A mark is stored after its items: killed in between, the next reader puts them again.
        * Any number of threads, processes and (with Redis) machines may use one backend.

    All methods raise IndexUnavailableError when the disk or the server is away, and DamagedError.
    """

    url: str
    """Where it is, without any secret."""
    notes: list[str]
    """What a user should know of what happened to it: ``it was damaged (…): rebuilt from the log``."""

    @abstractmethod
    def mark(self, source: Source) -> bytes | None:
        """Return what :meth:`put` stored last for a source."""

    @abstractmethod
    def sources(self) -> list[Source]:
        """Return all sources that have a mark, be it an empty one."""

    @abstractmethod
    def put(self, source: Source, mark: bytes, items: Sequence[Item]) -> None:
        """Store items of a source and how far it has been read."""

    @abstractmethod
    def put_bulk(self, bulk: Bulk) -> None:
        """Store what a job has made of a source; items that are there already stay as they are."""

    @abstractmethod
    def expect(self, sources: Iterable[Source]) -> None:
        """Give an empty mark to all those sources that have none, or to none: they are known before they are read."""

    @abstractmethod
    def empty(self, source: Source) -> None:
        """Forget a source's items, but not the source: its mark is empty, so that it is read from its beginning."""

    @abstractmethod
    def drop(self, *sources: Source) -> None:
        """Forget sources and their items, so that nothing of their text is left."""

    @abstractmethod
    def near(self, query: AbstractSet[str]) -> Keys:
        """Return the ids of the items that share a band of the signature with a text's shingles, each once."""

    @abstractmethod
    def sharing(self, query: AbstractSet[str], least: int = 1) -> tuple[Keys, NDArray[np.int64]]:
        """Return the ids of the items that have at least ``least`` of a text's shingles, and how many they have.

        Never fewer than there are, at times more: two shingles may have one key.
        """

    @abstractmethod
    def fetch(self, ids: Sequence[int]) -> list[tuple[int, Item]]:
        """Return items by id, in the order asked for; those that are gone are left out."""

    @abstractmethod
    def places(self) -> list[str]:
        """Return the library's paths and globs, as they were added; they outlive a rebuild."""

    @abstractmethod
    def set_places(self, places: Sequence[str]) -> None:
        """Store the library's paths and globs."""

    @abstractmethod
    def clear(self, why: str) -> None:
        """Empty the backend, all but the library's places, and note why."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of items."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections; closing twice is fine."""
