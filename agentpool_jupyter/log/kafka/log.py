"""A pool's log on Kafka: one topic with one partition."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from kafka import TopicPartition

from agentpool_jupyter.errors import AgentPoolError, LogClosedError
from agentpool_jupyter.log.contract import Log, Record

from .follower import KafkaFollower
from .reader import Reader
from .writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .address import KafkaAddress


class KafkaLog(Log):
    """A log on Kafka; made by :meth:`KafkaStore.open`, connects when first used."""

    def __init__(self, name: str, address: KafkaAddress) -> None:
        self.name = name
        self.url = address.url
        self._address = address
        self._partition = TopicPartition(address.topic(name), 0)
        self._pid = os.getpid()
        self._closed = False
        self._lock = threading.Lock()
        self._followers: set[KafkaFollower] = set()
        self._reader = Reader(address, self._partition)
        self._writer = Writer(address, self._partition)
        self._known_end = 0

    def append(self, values: Sequence[bytes]) -> list[int]:
        """Store records durably; see :meth:`Log.append`.

        While the cluster is away it waits for it, up to the option ``delivery_timeout_ms``. Raises LogError for a
        record that is too large, before any of ``values`` is stored.
        """
        self._check_open()
        if not values:
            return []
        try:
            offsets = self._writer.append(values)
        except AgentPoolError:
            self._check_open()
            raise
        self._known_end = max(self._known_end, offsets[-1] + 1)
        return offsets

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Record]:
        """Yield stored records; see :meth:`Log.read`."""
        if start < 0:
            message = f"start is {start}: offsets begin at 0"
            raise ValueError(message)
        self._check_open()
        if stop is None or stop > self._known_end:  # below a known end there is nothing to ask
            end = self.end()
            stop = end if stop is None else min(stop, end)
        return self._read(start, stop)

    def follow(self, start: int = 0) -> KafkaFollower:
        """Yield batches of records, stored and new; see :meth:`Log.follow`.

        An absence of the cluster of up to the option ``patience_ms`` is waited out.
        """
        self._check_open()
        follower = KafkaFollower(self._address, self._partition, start, forget=self._followers.discard)
        with self._lock:
            self._followers.add(follower)
            closed = self._closed
        if closed:
            follower.close()
        return follower

    def end(self) -> int:
        """Return the number of records; see :meth:`Log.end`."""
        self._check_open()
        try:
            end = self._reader.end()
        except AgentPoolError:
            self._check_open()
            raise
        self._known_end = max(self._known_end, end)
        return end

    def offset_at(self, time: int) -> int:
        """Return the first offset at or after a time; see :meth:`Log.offset_at`."""
        self._check_open()
        found = self._reader.offset_at(max(0, time))
        return self.end() if found is None else found

    def close(self) -> None:
        """Let go of all connections and end all followers; see :meth:`Log.close`."""
        with self._lock:
            if self._closed or os.getpid() != self._pid:
                return
            self._closed = True
            followers = list(self._followers)
        for follower in followers:
            follower.close()
        self._writer.close()
        self._reader.close()

    def _read(self, start: int, stop: int) -> Iterator[Record]:
        while start < stop:
            self._check_open()
            try:
                found, start = self._reader.fetch(start, stop)
            except AgentPoolError:
                self._check_open()
                raise
            yield from found

    def _check_open(self) -> None:
        if self._closed:
            message = f"the log of pool {self.name!r} is closed; open the pool again"
            raise LogClosedError(message)
        if os.getpid() != self._pid:  # the threads that drive the connections stayed in the parent
            message = (
                f"the log of pool {self.name!r} was opened before this process was forked; open the pool again here"
            )
            raise LogClosedError(message)
