"""Reading a partition: one consumer, shared by the threads of a process."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import LogUnavailableError
from agentpool_jupyter.log.contract import Record

from . import clients
from .failures import translated, unavailable
from .marks import is_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import TopicPartition

    from .address import KafkaAddress

_CHUNK = 2_000  # records a poll
_POLL_MS = 25  # what is not handed out, such as a transaction's end, moves the position and ends no poll
_FETCH_BYTES = 128 * 1024  # few records are asked for as often as many, and all that comes is decoded
_SCAN_BYTES = 1024 * 1024
_LINGER_MS = 1  # a fetch sent ahead at the log's end must not hold up the next read


def as_record(found: Any) -> Record:
    """Return what the client has as a record, without its key."""
    return Record(found.offset, found.timestamp, found.value or b"")


def received(polled: Any, partition: TopicPartition, *, marked: bool) -> tuple[list[Record], bool]:
    """Return what a poll brought, and whether the last record that was read is a mark; ``marked`` is that of before.

    After a mark the pool may go on elsewhere (:mod:`.fence`).
    """
    found = polled.get(partition, ())
    return [as_record(one) for one in found], is_mark(found[-1].key) if found else marked


def scan(address: KafkaAddress, partition: TopicPartition, start: int = 0, stop: int | None = None) -> Iterator[Any]:
    """Yield what a range (default: all there is now) holds as the client has it, with keys; raises Log's errors."""
    with translated(address, address.timeout_ms):
        consumer = clients.consumer(address, partition, wait_ms=_LINGER_MS, fetch_bytes=_SCAN_BYTES)
        try:
            if stop is None:
                stop = int(consumer.end_offsets([partition], timeout_ms=address.timeout_ms)[partition])
            consumer.seek(partition, start)
            deadline = time.monotonic() + address.timeout_ms / 1000
            while start < stop:
                found = consumer.poll(timeout_ms=_POLL_MS, max_records=min(_CHUNK, stop - start)).get(partition, ())
                before, start = start, found[-1].offset + 1 if found else consumer.position(partition, timeout_ms=0)
                yield from found
                if start > before:
                    deadline = time.monotonic() + address.timeout_ms / 1000
                elif time.monotonic() > deadline:
                    raise unavailable(address, address.timeout_ms)
        finally:
            consumer.close(autocommit=False, timeout_ms=0)


class Reader:
    """Ranges, the end and times of one partition, from any thread; connects when first used."""

    def __init__(self, address: KafkaAddress, partition: TopicPartition) -> None:
        self._address = address
        self._partition = partition
        self._lock = threading.Lock()
        self._consumer: Any = None
        self._position = -1
        self.marked = False
        """Whether the last record that was read is a mark; see :func:`received`."""

    def fetch(self, start: int, stop: int) -> tuple[list[Record], int]:
        """Return some of the records of a range that is known to exist, and where to go on."""
        deadline = time.monotonic() + self._address.timeout_ms / 1000
        with self._use() as consumer:
            if self._position != start:
                consumer.seek(self._partition, start)
            while True:
                polled = consumer.poll(timeout_ms=_POLL_MS, max_records=min(_CHUNK, stop - start))
                found, self.marked = received(polled, self._partition, marked=self.marked)
                self._position = found[-1].offset + 1 if found else consumer.position(self._partition, timeout_ms=0)
                if found or self._position > start:
                    return [record for record in found if record.offset < stop], min(stop, self._position)
                if time.monotonic() > deadline:
                    raise self._silent(consumer, start)

    def end(self, timeout_ms: int | None = None) -> int:
        """Return one past the last offset, as the partition's leader has it now; within the address's time, or this."""
        with self._use() as consumer:
            ends = consumer.end_offsets([self._partition], timeout_ms=timeout_ms or self._address.timeout_ms)
            return int(ends[self._partition])

    def _silent(self, consumer: Any, start: int) -> LogUnavailableError:
        """Return the error for records that are there and do not come."""
        ends = consumer.end_offsets([self._partition], timeout_ms=self._address.timeout_ms)
        if ends[self._partition] > start:
            return unavailable(self._address, self._address.timeout_ms)
        message = (
            f"offset {start} of topic {self._partition.topic!r} cannot be read yet: another program has a transaction "
            "open there; end that program, or wait until Kafka ends its transaction"
        )
        return LogUnavailableError(message)

    @property
    def topic_id(self) -> str | None:
        """What tells the topic from another of its name, as far as the connection knows."""
        consumer = self._consumer
        known = consumer and consumer._client.cluster.topic_id(self._partition.topic)  # noqa: SLF001 - it has no other way
        return str(known) if known else None

    def offset_at(self, moment: int) -> int | None:
        """Return the first offset at or after a time (ms), or None."""
        with self._use() as consumer:
            found = consumer.offsets_for_times({self._partition: moment}, timeout_ms=self._address.timeout_ms)
            place = found.get(self._partition)
            return None if place is None else int(place.offset)

    def close(self) -> None:
        """Let go of the connection; whoever reads right now is ended."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=0)

    @contextlib.contextmanager
    def _use(self) -> Iterator[Any]:
        timeout = self._address.timeout_ms
        if not self._lock.acquire(timeout=timeout / 1000):
            raise unavailable(self._address, timeout)
        try:
            with translated(self._address, timeout):
                if self._consumer is None:
                    self._consumer = clients.consumer(
                        self._address, self._partition, wait_ms=_LINGER_MS, fetch_bytes=_FETCH_BYTES
                    )
                    self._position = -1
                yield self._consumer
        except BaseException:
            self.close()  # half-done work stays behind in a consumer: the next read gets a new one
            raise
        finally:
            self._lock.release()
