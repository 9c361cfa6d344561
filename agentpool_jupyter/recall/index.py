"""The index of a store: follows the pools' logs, reads the library, and finds what resembles or contains a text.

Keeping up happens when somebody asks: what finished before a question is found by it, without any thread. A pool is
read on from where the index stood, once for all processes that share it.
"""

from __future__ import annotations

import copy
import hashlib
import os
import threading
import weakref
import zlib
from typing import TYPE_CHECKING, Self

import msgspec

from agentpool_jupyter.errors import ExtraMissingError, IndexUnavailableError
from agentpool_jupyter.pool.codec import decode

from .backends.addresses import REDIS, default_address, file_at
from .backends.backend import DamagedError
from .backends.items import Item, pool_source
from .documents.library import Library
from .turns import Mark, TurnCollector, decode_mark, encode_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agentpool_jupyter.log import Store
    from agentpool_jupyter.pool import Pool

    from .backends.backend import Answer, Backend, Bulk
    from .matches import Found, Search

_BATCH = 500  # items put together
_UNSAVED = 5000  # events after which a mark is stored though no turn finished


class _Tail:
    """How far this process has read a pool."""

    def __init__(self, pool: Pool, mark: Mark) -> None:
        self.turns = TurnCollector(pool.name, mark)
        self.saved = mark.next
        self.pool = weakref.ref(pool)


class RecallIndex:
    """The index of all pools of a store and of its library; any thread may use it. Close it at the end.

    ``address`` is a file, or ``redis://…`` for an index that several machines share; without one it is
    ``$AGENTPOOL_INDEX``, else the file ``recall.index`` beside the pools, or in the user's data folder where the pools
    are on Kafka. To a file's name a digest of settings and versions is added; several stores may share one. Raises
    IndexUnavailableError, StoreError and ExtraMissingError.
    """

    def __init__(self, store: Store, address: str | os.PathLike[str] | None = None) -> None:
        self.store = store
        self.backend = _opened(store, os.fspath(address) if address is not None else default_address(store))
        self._tails: dict[str, _Tail] = {}
        self._lock = threading.RLock()

    @property
    def library(self) -> Library:
        """The documents that are searched beside the pools."""
        return Library(self.backend, self.mended)

    def take_notes(self) -> list[str]:
        """Return what happened to the index since this was last asked: damage, other settings, a rebuild."""
        notes, self.backend.notes = self.backend.notes, []
        return notes

    def follow(self, pool: Pool) -> None:
        """Take in what was said in a pool since the last time."""
        self.mended(lambda: self._follow(pool))

    def search(
        self,
        texts: Sequence[str],
        search: Search,
        *,
        visit: Callable[[Callable[[Pool], None]], list[str]] = lambda _: [],
        library: bool = False,
    ) -> tuple[list[Found], list[str]]:
        """Return the best matches after taking in what is new, and notes on what of that cannot be read.

        ``visit`` calls what it is given with each pool, and returns notes. A damaged index is made anew and asked
        again; what is new in pools is then taken in again.
        """
        from .ranking import find  # noqa: PLC0415 - needs the libraries that sign

        def ask() -> tuple[list[Found], list[str]]:
            notes = self.library.refresh().notes if library else []
            notes += visit(self._follow)  # after the library, which may have emptied the index to mend it
            return find(self.backend, texts, search), notes

        return self.mended(ask)

    def nearest(self, texts: Sequence[str], keep: Callable[[Item], bool]) -> Found | None:
        """Return what is most alike of what ``keep`` keeps, where nothing is alike enough; None for nothing at all."""
        from .ranking import nearest  # noqa: PLC0415 - as above

        return self.mended(lambda: nearest(self.backend, texts, keep))

    def mark(self, pool: Pool) -> Mark:
        """Return how far a pool has been taken in; what comes from there on is still to be read."""

        def ask() -> Mark:
            with self._lock:
                tail = self._tail(pool)
                if tail.turns.mark.next > tail.saved:
                    self._save(pool, tail, [])
                return copy.deepcopy(tail.turns.mark)

        return self.mended(ask)

    def put_bulk(self, bulk: Bulk) -> None:
        """Put in what a job has made of a pool, which is followed on from there."""

        def put() -> None:
            with self._lock:
                self._tails.pop(bulk.source.removeprefix("pool:"), None)
                self.backend.put_bulk(bulk)

        self.mended(put)

    def forget(self, *names: str) -> None:
        """Forget pools at once: of what was said in them nothing is left, but for indexes of other versions."""

        def forget() -> None:
            with self._lock:
                for name in names:
                    self._tails.pop(name, None)
                self.backend.drop(*map(pool_source, names))

        self.mended(forget)

    def forget_deleted(self, names: Iterable[str]) -> None:
        """Forget the pools that are not among the names of those that there are."""
        known = {source for source in self.mended(self.backend.sources) if source.startswith("pool:")}
        if gone := known.difference(map(pool_source, names)):
            self.forget(*(source.removeprefix("pool:") for source in gone))

    def _follow(self, pool: Pool) -> None:
        with self._lock:
            tail = self._tail(pool)
            mark, items, end = tail.turns.mark, [], pool.end
            if mark.next >= end:
                return
            try:
                for event in map(decode, pool.unfenced(mark.next, end)):
                    items += tail.turns.absorb(event)
                    if len(items) >= _BATCH:
                        self._save(pool, tail, items)
                        items = []
                if items or mark.next - tail.saved >= _UNSAVED:
                    self._save(pool, tail, items)
                else:
                    mark.last = checksum(pool, mark.next)  # another pool of this name may come before it is stored
            except BaseException:
                self._tails.pop(pool.name, None)  # what was read and not stored is read again
                raise

    def _save(self, pool: Pool, tail: _Tail, items: list[Item]) -> None:
        mark = tail.turns.mark
        mark.last = checksum(pool, mark.next)
        self.backend.put(pool_source(pool.name), encode_mark(mark), items)
        tail.saved = mark.next

    def _tail(self, pool: Pool) -> _Tail:
        """Return where to go on reading; a backend that was emptied, or a pool that is another, starts afresh."""
        mark = self._mark(pool)
        tail = self._tails.get(pool.name)
        # Behind, it was emptied; ahead, another has read on, or a job: what it took in need not be read again.
        if tail is None or not tail.saved <= mark.next <= tail.turns.mark.next:
            return self._begin(pool, mark)
        if tail.pool() is not pool and not _fits(pool, tail.turns.mark):
            return self._begin(pool, mark)
        tail.pool = weakref.ref(pool)
        return tail

    def _begin(self, pool: Pool, mark: Mark) -> _Tail:
        """Return a tail that goes on from a stored mark, or from nothing where that is another pool's."""
        if not _fits(pool, mark):
            self.backend.notes.append(f"pool {pool.name!r} is not the one that was indexed: read again")
            self.backend.drop(pool_source(pool.name))
            mark = Mark()
        tail = self._tails[pool.name] = _Tail(pool, mark)
        return tail

    def _mark(self, pool: Pool) -> Mark:
        try:
            return decode_mark(self.backend.mark(pool_source(pool.name)))
        except msgspec.DecodeError:
            return Mark()  # putting what is there already changes nothing

    def mended(self, ask: Callable[[], Answer]) -> Answer:
        """Return what a function that uses the backend returns; a damaged one is made anew for that."""
        try:
            return ask()
        except DamagedError as error:
            with self._lock:
                self.backend.clear(f"{error}")
                self._tails.clear()
        try:
            return ask()
        except DamagedError as error:
            message = f"the index {self.backend.url} {error}, again right after it was rebuilt: check the disk"
            raise IndexUnavailableError(message) from error

    def close(self) -> None:
        """Let go of the file or the server; closing twice is fine."""
        self.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RecallIndex {self.backend.url}>"


def _opened(store: Store, address: str) -> Backend:
    try:
        import numpy  # noqa: F401, ICN001, PLC0415 - optional
        import rensa  # type: ignore[import-untyped]  # noqa: F401, PLC0415
    except ImportError as error:
        message = f"recall needs {error.name}: pip install 'agentpool-jupyter[recall]'"
        raise ExtraMissingError(message) from error
    if address.startswith(REDIS):
        from .backends.redis_backend import RedisBackend  # noqa: PLC0415 - optional

        return RedisBackend(address, store.identity)
    from .backends.sqlite_backend import SqliteBackend  # noqa: PLC0415 - symmetric with Redis

    path = file_at(address)
    if store.contains(path):
        return SqliteBackend(path)  # its own file, also when the folder has moved
    return SqliteBackend(path, hashlib.sha256(store.url.encode()).hexdigest()[:12])


def checksum(pool: Pool, stop: int) -> int:
    """Return the checksum of the last record before an offset, 0 where there is none."""
    return zlib.crc32(b"".join(pool.records(stop - 1, stop))) if stop else 0


def _fits(pool: Pool, mark: Mark) -> bool:
    """Whether a mark was made of this pool, and not of an earlier one of the same name."""
    return mark.next <= pool.end and checksum(pool, mark.next) == mark.last
