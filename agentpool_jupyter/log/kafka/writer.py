"""Writing to a partition: one idempotent producer, shared by the threads of a process."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from kafka import errors

from agentpool_jupyter.errors import LogError, LogUnavailableError

from . import clients
from .failures import translated, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kafka import TopicPartition

    from .address import KafkaAddress

_SLACK_SECONDS = 10.0  # the producer itself gives up in time; this is for a producer that does not
_CLOSE_SECONDS = 1.0


class _Lease:
    """A producer and how many appends are using it; a retired one is closed by the last of them."""

    def __init__(self, producer: Any) -> None:
        self.producer = producer
        self.users = 0
        self.retired = False


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
            _close(lease.producer)

    @contextlib.contextmanager
    def _producer(self) -> Iterator[Any]:
        with translated(self._address, self._address.delivery_timeout_ms):
            lease = self._take()
            try:
                yield lease.producer
            except (errors.KafkaError, ValueError):
                self._retire(lease)
                raise
            finally:
                self._give_back(lease)

    def _take(self) -> _Lease:
        timeout = self._address.delivery_timeout_ms
        deadline = time.monotonic() + timeout / 1000
        if not self._lock.acquire(timeout=timeout / 1000):
            raise unavailable(self._address, timeout)
        try:
            if self._lease is None:
                left = max(0.0, deadline - time.monotonic())
                self._lease = _Lease(clients.producer(self._address, left * 1000))
            self._lease.users += 1
            return self._lease
        finally:
            self._lock.release()

    def _retire(self, lease: _Lease) -> None:
        with self._lock:
            lease.retired = True
            if self._lease is lease:
                self._lease = None

    def _give_back(self, lease: _Lease) -> None:
        with self._lock:
            lease.users -= 1
            last = lease.retired and not lease.users
        if last:
            _close(lease.producer)


def _close(producer: Any) -> None:
    try:
        producer.close(timeout=_CLOSE_SECONDS)
    except errors.KafkaTimeoutError:
        # kafka-python's close gives up before it has stopped its thread when records are still under way.
        producer._sender.force_close()  # noqa: SLF001
        producer._sender.join(_CLOSE_SECONDS)  # noqa: SLF001
        producer.close(timeout=0)
