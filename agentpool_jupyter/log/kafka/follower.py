"""A live reading of a partition."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from kafka import errors

from agentpool_jupyter.errors import LogCorruptError, LogUnavailableError
from agentpool_jupyter.log.contract import Follower, Record, dense

from . import clients
from .failures import translate, translated, unavailable
from .reader import received

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka import TopicPartition

    from .address import KafkaAddress

_POLL_MS = 200
_HOLD_MS = 500  # how long the broker holds a fetch at the end; new records answer it at once
_FETCH_BYTES = 1024 * 1024
_QUIET_SECONDS = 5.0  # silence after which the cluster is asked whether it is there


class KafkaFollower(Follower):
    """A follower with a consumer of its own; it waits out an absence of the cluster of ``patience_ms``."""

    def __init__(
        self,
        address: KafkaAddress,
        partition: TopicPartition,
        start: int,
        *,
        forget: Callable[[KafkaFollower], None],
        check_moved: Callable[..., None],
    ) -> None:
        self._address = address
        self._partition = partition
        self._start = self._next = start
        self._forget = forget
        self._check_moved = check_moved
        self._marked = False
        self._closed = threading.Event()
        self._patience = address.patience_ms / 1000
        self._quiet = min(_QUIET_SECONDS, self._patience / 4)
        self._alive = time.monotonic()
        with translated(address, address.timeout_ms):
            self._consumer = clients.consumer(address, partition, wait_ms=_HOLD_MS, fetch_bytes=_FETCH_BYTES)
            self._consumer.seek(partition, start)

    def __next__(self) -> list[Record]:
        """Return the next records, waiting for them; see :meth:`Follower.__next__`."""
        self._alive = time.monotonic()
        while not self._closed.is_set():
            try:
                found = self._poll()
            except Exception as error:
                if self._closed.is_set():
                    break
                if isinstance(error, errors.KafkaError):
                    self._check_moved(now=True)
                    raise translate(error, self._address, self._address.patience_ms) from error
                if isinstance(error, LogUnavailableError):  # the topic itself may be gone
                    self._check_moved(now=True)
                raise
            if found:
                found = list(dense(found, self._next))
                self._next = found[-1].offset + 1
                return found
            if self._marked:
                self._check_moved()
        raise StopIteration

    def close(self) -> None:
        """End the iteration, from any thread; see :meth:`Follower.close`."""
        self._closed.set()
        self._forget(self)
        # Who iterates may be waiting in the consumer: closing stops its I/O thread, which fails that wait at once.
        self._consumer.close(autocommit=False, timeout_ms=0)

    def _poll(self) -> list[Record]:
        if self._closed.is_set():
            return []
        try:
            polled = self._consumer.poll(timeout_ms=_POLL_MS)
            found, self._marked = received(polled, self._partition, marked=self._marked)
        except errors.OffsetOutOfRangeError:
            with contextlib.suppress(errors.KafkaTimeoutError):  # asked again by the next poll
                self._out_of_range()
            return []
        except errors.KafkaError as error:
            if not error.retriable:
                raise
            found = []
        now = time.monotonic()
        if found:
            self._alive = now
        elif now - self._alive > self._quiet:
            self._ask()
        return found

    def _ask(self) -> int | None:
        """Ask for the log's end as a sign of life; raises LogUnavailableError when patience is at an end."""
        try:
            ends = self._consumer.end_offsets([self._partition], timeout_ms=self._quiet * 1000)
        except errors.KafkaError as error:
            if not error.retriable:
                raise
            if time.monotonic() - self._alive > self._patience:
                raise unavailable(self._address, self._address.patience_ms) from error
            return None
        self._alive = time.monotonic()
        return int(ends[self._partition])

    def _out_of_range(self) -> None:
        """Wait for a start that lies in the future; raises LogCorruptError where records are gone."""
        end = self._ask()
        if end is not None:
            found = self._consumer.beginning_offsets([self._partition], timeout_ms=self._quiet * 1000)
            gone = self._next < found[self._partition] or (self._next > end and self._next != self._start)
            if gone:
                self._check_moved(now=True)
                message = (
                    f"Kafka at {','.join(self._address.hosts)} no longer has offset {self._next} of topic "
                    f"{self._partition.topic!r}: was its retention changed? Follow from a later offset"
                )
                raise LogCorruptError(message)
        self._closed.wait(_POLL_MS / 1000)
        self._consumer.seek(self._partition, self._next)
