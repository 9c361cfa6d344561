"""Writing to a partition: one idempotent producer, shared by the threads of a process; and filling a new one."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from kafka import errors

from agentpool_jupyter.errors import LogError, LogUnavailableError

from . import clients
from .failures import translated, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kafka import TopicPartition

    from agentpool_jupyter.log.contract import Record

    from .address import KafkaAddress

_SLACK_SECONDS = 10.0  # the producer itself gives up in time; this is for a producer that does not
_CLOSE_SECONDS = 1.0
_CHUNK = 2_000  # copies between two looks at where they went


@dataclass
class _Lease:
    """A producer and how many appends are using it; a retired one is closed by the last of them."""

    producer: Any
    users: int = 0
    retired: bool = False


class Writer:
    """Appends from any thread; connects when first used.

    Threads that append at the same time share batches: while one batch is under way the client gathers the next.
    A producer that failed is not used again, because it may have lost its place in the sequence of batches.
    """

    def __init__(self, address: KafkaAddress, partition: TopicPartition) -> None:
        self._address = address
        self._topic, self._number = partition
        self._lock = threading.Lock()
        self._lease: _Lease | None = None

    def append(self, values: Sequence[bytes]) -> list[int]:
        """Store records and return their offsets; raises LogError and LogUnavailableError."""
        largest = max(map(len, values))
        if largest > clients.MAX_RECORD:
            message = (
                f"a record of {largest:,} bytes is larger than the {clients.MAX_RECORD:,} that a pool on Kafka takes; "
                "split it"
            )
            raise LogError(message)
        timeout = self._address.delivery_timeout_ms / 1000 + _SLACK_SECONDS
        with self._producer() as producer:
            futures = [producer.send(self._topic, value, partition=self._number) for value in values]
            futures[-1].get(timeout)  # batches end in order, so that the others are most likely done, too
            offsets = [(future.value if future.succeeded() else future.get(timeout)).offset for future in futures]
        if min(offsets) < 0:
            message = f"Kafka at {','.join(self._address.hosts)} took the records but did not say where; append again"
            raise LogUnavailableError(message)
        return offsets

    def close(self) -> None:
        """Let go of the producer; appends still under way may fail."""
        lease, self._lease = self._lease, None
        if lease is not None:
            close(lease.producer)

    @contextlib.contextmanager
    def _producer(self) -> Iterator[Any]:
        with translated(self._address, self._address.delivery_timeout_ms):
            lease = self._take()
            failed = False
            try:
                yield lease.producer
            except (errors.KafkaError, ValueError):
                failed = True
                raise
            finally:
                self._give_back(lease, failed=failed)

    def _take(self) -> _Lease:
        timeout = self._address.delivery_timeout_ms
        deadline = time.monotonic() + timeout / 1000
        if not self._lock.acquire(timeout=timeout / 1000):
            raise unavailable(self._address, timeout)
        try:
            if self._lease is None:
                left = max(0.0, deadline - time.monotonic())
                self._lease = _Lease(clients.producer(self._address, left * 1000, self._topic))
            self._lease.users += 1
            return self._lease
        finally:
            self._lock.release()

    def _give_back(self, lease: _Lease, *, failed: bool) -> None:
        with self._lock:
            lease.users -= 1
            if failed:
                lease.retired = True
                if self._lease is lease:
                    self._lease = None
            last = lease.retired and not lease.users
        if last:
            close(lease.producer)


def close(producer: Any) -> None:
    """Let go of a producer and its thread, also where records are still under way."""
    try:
        producer.close(timeout=_CLOSE_SECONDS)
    except errors.KafkaTimeoutError:
        # kafka-python's close gives up then before it has stopped its thread.
        producer._sender.force_close()  # noqa: SLF001
        producer._sender.join(_CLOSE_SECONDS)  # noqa: SLF001
        producer.close(timeout=0)


def fill(address: KafkaAddress, topic: str, records: Iterable[Record]) -> None:
    """Append copies of records, with their times; raises LogError where one does not get its original's offset."""
    waiting = iter(records)
    seconds = address.delivery_timeout_ms / 1000
    with translated(address, address.delivery_timeout_ms):
        producer = clients.producer(address, address.timeout_ms, topic)
        try:
            while chunk := list(islice(waiting, _CHUNK)):
                sent = [producer.send(topic, record.value, partition=0, timestamp_ms=record.time) for record in chunk]
                for record, future in zip(chunk, sent, strict=True):
                    if future.get(seconds).offset != record.offset:
                        message = f"topic {topic!r} was written to by another process: do it again"
                        raise LogError(message)
        finally:
            close(producer)
