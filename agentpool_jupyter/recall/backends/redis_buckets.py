"""Buckets in Redis, kept by datasketch's storage: what :mod:`.buckets` is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .buckets import count_shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from agentpool_jupyter.recall.text.signatures import Keys

    from .buckets import Places

_SOUGHT = 4096  # postings that are looked for in one round trip


class RedisBuckets:
    """Texts by key, under names that begin with ``prefix``; raises redis' own errors. Needs Redis 6.2 or later."""

    def __init__(self, client: Any, options: Mapping[str, Any], prefix: str) -> None:
        import datasketch.storage as datasketch  # type: ignore[import-untyped]  # noqa: PLC0415 - optional

        config = {"type": "redis", "redis": dict(options), "redis_buffer": {"transaction": False}}
        self._table = datasketch.unordered_storage(config, name=prefix.encode())
        self._client = client

    def insert(self, key: int, texts: Iterable[int]) -> None:
        """Put texts into a bucket, with the next :meth:`flush`."""
        self._table.insert(_bytes(key), *texts, buffer=True)

    def remove(self, key: int, text: int) -> None:
        """Take a text out of a bucket, with the next :meth:`flush`."""
        self._table.remove_val(_bytes(key), text, buffer=True)

    def flush(self) -> None:
        """Send what waits."""
        stale = self._table._redis  # noqa: SLF001 - it makes new clients here and leaves the old ones' sockets open
        try:
            self._table.empty_buffer()
        finally:
            stale.close()

    def find(self, keys: Keys) -> Keys:
        """Return the texts in the buckets of keys, each as often as it is in one, in no order: one round trip."""
        found = self._table.getmany(*map(_bytes, keys)) if len(keys) else ()
        return np.fromiter((int(one) for bucket in found for one in bucket), np.uint32)

    def count(self, keys: Keys, least: int = 1) -> tuple[Keys, NDArray[np.int64]]:
        """See :meth:`.buckets.Buckets.count`; what is not read in full is looked for where it is."""
        names = [self._table.redis_key(_bytes(key)) for key in keys]
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.scard(name)

        def has(some: Places, texts: Keys) -> NDArray[np.int64]:
            for one in some:
                pipe.smismember(names[one], texts.tolist())
            counts: NDArray[np.int64] = np.array(pipe.execute(), dtype=np.int64).sum(axis=0)
            return counts

        return count_shared(pipe.execute(), least, _SOUGHT, lambda some: self.find(keys[some]), has)

    def close(self) -> None:
        """Let go of the connection."""
        self._table._redis.close()  # noqa: SLF001 - it has no close


def _bytes(key: int) -> bytes:
    return int(key).to_bytes(4, "big")
