"""An index in Redis, which several machines share: ``redis://[user:password@]host[:port][/database]``.

The buckets are datasketch's Redis storage, one table for the bands and one for the shingles (:mod:`.redis_buckets`): a
query is one round trip for the keys of all bands. datasketch's ``MinHashLSH`` takes one for each of the 42, 5.9 ms
against 0.9 ms in ``tests/benchmarks/bench_recall.py``, and would unpickle what the server sends. Items, marks and the
library's places stand beside them in plain Redis hashes.

All keys begin with the store and a digest of the stamp: machines with other settings or versions do not disturb each
other, and an index that cannot be used here is left alone and made anew beside it, which is noted.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from agentpool_jupyter.errors import ExtraMissingError, IndexUnavailableError
from agentpool_jupyter.recall.text.signatures import bands_of, hash_shingles, shingle_keys, sign_texts, stamp_text

from .addresses import options, shown
from .backend import Backend, DamagedError
from .buckets import bucket
from .items import Item, Source, decode, encode
from .redis_buckets import RedisBuckets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from agentpool_jupyter.recall.text.signatures import Keys

    from .backend import Bulk

_ROOT = "agentpool:recall"
_BATCH = 200  # items in one pipeline
_BUCKETS = 20_000  # buckets in one pipeline
_UNLINKED = 1000  # keys removed together


class RedisBackend(Backend):
    """Keeps the index of one store on a Redis server."""

    def __init__(self, address: str, store: str) -> None:
        try:
            import datasketch.storage  # type: ignore[import-untyped]  # noqa: F401, PLC0415 - optional
            import redis  # noqa: PLC0415
        except ImportError as error:
            message = f"an index at {shown(address)} needs: pip install 'agentpool-jupyter[redis]'"
            raise ExtraMissingError(message) from error
        self.url = shown(address)
        self.notes = []
        self._redis: Any = redis
        self._lock = threading.RLock()
        self._stamp = stamp_text()
        digest = hashlib.sha256(self._stamp.encode()).hexdigest()[:12]
        self._store = f"{_ROOT}:{hashlib.sha256(store.encode()).hexdigest()[:12]}"
        self._space = f"{self._store}:{digest}"
        given = options(address, redis)
        self._client: Any = self._redis.Redis(**given)
        self._bands = RedisBuckets(self._client, given, f"{self._space}:band:")
        self._shingles = RedisBuckets(self._client, given, f"{self._space}:shingle:")
        with self._errors():
            others = {one.decode() for one in self._client.smembers(f"{self._store}:stamps")}
            if others and digest not in others:
                why = "was made with other settings or versions"
                self.notes.append(f"the index at {self.url} {why}: rebuilt from the log, beside it")
            self._client.sadd(f"{self._store}:stamps", digest)
            self._client.set(self._key("stamp"), self._stamp, nx=True)
            found = self._client.get(self._key("stamp"))
        if found is not None and found.decode(errors="replace") != self._stamp:
            self.clear("had a stamp that does not fit its name")

    def _key(self, *parts: str) -> str:
        return ":".join((self._space, *parts))

    def mark(self, source: Source) -> bytes | None:
        """See :meth:`Backend.mark`."""
        with self._errors():
            found: bytes | None = self._client.hget(self._key("marks"), source)
        return found

    def sources(self) -> list[Source]:
        """See :meth:`Backend.sources`."""
        with self._errors():
            return sorted(Source(name.decode()) for name in self._client.hkeys(self._key("marks")))

    def put(self, source: Source, mark: bytes, items: Sequence[Item]) -> None:
        """See :meth:`Backend.put`."""
        for first in range(0, len(items), _BATCH):
            self._insert(source, items[first : first + _BATCH])
        with self._errors():
            self._store_mark(source, mark)

    def _store_mark(self, source: Source, mark: bytes) -> None:
        self._client.set(self._key("stamp"), self._stamp)
        self._client.hset(self._key("marks"), source, mark)

    def _insert(self, source: Source, items: Sequence[Item]) -> None:
        with self._lock, self._errors():
            ids = self._ids(items)
            # An item's body comes last: where it is, its buckets are there too, and it stays as it is.
            there = self._client.hmget(self._key("items"), ids)
            fresh = [(one, item) for one, item, body in zip(ids, items, there, strict=True) if body is None]
            for table, key, number in self._buckets_of(fresh):
                table.insert(key, [number])
            self._flush()
            self._store_bodies(source, fresh)

    def _buckets_of(self, items: Sequence[tuple[int, Item]]) -> Iterator[tuple[RedisBuckets, int, int]]:
        """Yield the buckets that items are in: the table, the key in it, and the item's number."""
        for (number, _), keys in zip(items, sign_texts([item.text for _, item in items]), strict=True):
            if keys is not None:
                yield from ((self._bands, key, number) for key in keys.bands)
                yield from ((self._shingles, key, number) for key in keys.shingles)

    def _ids(self, items: Sequence[Item]) -> list[int]:
        """Return the numbers of items; whoever comes first gives them."""
        names = [_name(item) for item in items]
        last = int(self._client.incrby(self._key("last"), len(items)))
        pipe = self._client.pipeline(transaction=False)
        for number, name in enumerate(names, last - len(items) + 1):
            pipe.hsetnx(self._key("ids"), name, number)
        pipe.hmget(self._key("ids"), names)
        return list(map(int, pipe.execute()[-1]))

    def _store_bodies(self, source: Source, items: Sequence[tuple[int, Item]]) -> None:
        pipe = self._client.pipeline(transaction=False)
        for number, item in items:
            pipe.sadd(self._key("source", source), _name(item))
            pipe.hsetnx(self._key("items"), number, encode(item))
        pipe.execute()

    def put_bulk(self, bulk: Bulk) -> None:
        """See :meth:`Backend.put_bulk`; killed in between, the items are not there yet, or the mark is not."""
        count = len(bulk.items)
        with self._lock, self._errors():
            bulk.settle(self.mark(bulk.source))  # it may forbid all of this
            ids = np.zeros(count, dtype=np.uint32)
            for first in range(0, count, _BATCH):
                ids[first : first + _BATCH] = self._ids(bulk.items[first : first + _BATCH])
            for table, postings in ((self._bands, bulk.bands), (self._shingles, bulk.shingles)):
                for number, (key, texts) in enumerate(bucket(postings), 1):
                    table.insert(key, ids[texts].tolist())
                    if number % _BUCKETS == 0:
                        self._flush()
            self._flush()
            for first in range(0, count, _BATCH):
                numbers = ids[first : first + _BATCH].tolist()
                self._store_bodies(bulk.source, list(zip(numbers, bulk.items[first : first + _BATCH], strict=True)))
            self._store_mark(bulk.source, bulk.settle(self.mark(bulk.source)))

    def _flush(self) -> None:
        for table in (self._bands, self._shingles):
            table.flush()

    def expect(self, sources: Iterable[Source]) -> None:
        """See :meth:`Backend.expect`."""
        with self._errors():
            pipe = self._client.pipeline(transaction=True)
            for source in sources:
                pipe.hsetnx(self._key("marks"), source, b"")
            pipe.execute()

    def empty(self, source: Source) -> None:
        """See :meth:`Backend.empty`."""
        with self._lock, self._errors():
            self._client.hset(self._key("marks"), source, b"")
            names = list(self._client.smembers(self._key("source", source)))
            for first in range(0, len(names), _BATCH):
                self._remove(names[first : first + _BATCH])
            self._client.delete(self._key("source", source))

    def drop(self, *sources: Source) -> None:
        """See :meth:`Backend.drop`."""
        for source in sources:
            self.empty(source)
        if sources:
            with self._errors():
                self._client.hdel(self._key("marks"), *sources)

    def _remove(self, names: list[bytes]) -> None:
        ids = [one for one in self._client.hmget(self._key("ids"), names) if one is not None]
        bodies = self._client.hmget(self._key("items"), ids) if ids else []
        known = [(number, decode(body)) for number, body in zip(ids, bodies, strict=True) if body is not None]
        for table, key, number in self._buckets_of(known):
            table.remove(key, number)
        self._flush()
        pipe = self._client.pipeline(transaction=False)
        pipe.hdel(self._key("ids"), *names)
        if ids:
            pipe.hdel(self._key("items"), *ids)
        pipe.execute()

    def near(self, query: AbstractSet[str]) -> Keys:
        """See :meth:`Backend.near`."""
        with self._lock, self._errors():  # putting something in closes and replaces the client
            return np.unique(self._bands.find(bands_of(query)))

    def sharing(self, query: AbstractSet[str], least: int = 1) -> tuple[Keys, NDArray[np.int64]]:
        """See :meth:`Backend.sharing`."""
        with self._lock, self._errors():
            return self._shingles.count(shingle_keys(hash_shingles([query])[0]), least)

    def fetch(self, ids: Sequence[int]) -> list[tuple[int, Item]]:
        """See :meth:`Backend.fetch`."""
        with self._errors():
            bodies = self._client.hmget(self._key("items"), [*map(int, ids)]) if len(ids) else []
            return [(int(one), decode(body)) for one, body in zip(ids, bodies, strict=True) if body is not None]

    def __len__(self) -> int:
        with self._errors():
            return int(self._client.hlen(self._key("items")))

    def places(self) -> list[str]:
        """See :meth:`Backend.places`."""
        with self._errors():
            found = self._client.get(f"{self._store}:library")
        try:
            return list(msgspec.json.decode(found, type=list[str])) if found else []
        except msgspec.DecodeError:
            self.notes.append(f"the list of the library's paths at {self.url} is damaged: add them again")
            return []

    def set_places(self, places: Sequence[str]) -> None:
        """See :meth:`Backend.set_places`."""
        with self._errors():
            self._client.set(f"{self._store}:library", json.dumps(list(places)))

    def clear(self, why: str) -> None:
        """See :meth:`Backend.clear`."""
        self.notes.append(f"the index at {self.url} {why}: rebuilt from the log")
        with self._errors():
            last = self._client.get(self._key("last"))
            found = self._client.scan_iter(f"{self._space}:*", count=_UNLINKED)
            while names := list(itertools.islice(found, _UNLINKED)):
                self._client.unlink(*names)
            self._client.set(self._key("stamp"), self._stamp)
            if last is not None and last.isdigit():
                self._client.set(self._key("last"), last)  # no number is ever given twice

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        for one in (self._client, self._bands, self._shingles):
            one.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._redis.exceptions.RedisError as error:
            if "WRONGTYPE" in str(error):
                message = f"was damaged ({error})"
                raise DamagedError(message) from error
            message = f"the index at {self.url} cannot be used: {error}; check that Redis runs there, then ask again"
            raise IndexUnavailableError(message) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = "was damaged (an item cannot be read)"
            raise DamagedError(message) from error


def _name(item: Item) -> str:
    return f"{item.source}\0{item.key}\0{item.part}"
