"""The marks that part one generation of a pool from the next.

Marks are records with a key, which a pool's own records never have. In the old topic ``MOVED`` is written behind a
fence: the topic's ``max.message.bytes`` is set so low that the brokers refuse every event and take just that mark. As
it is acknowledged by all replicas, everything before it is there to be copied, and no event comes after it. In the new
topic the first of ``COMPLETE`` and ``ABORTED`` decides what becomes of it, because the log's order is the one thing
that all processes agree on: a writer that finds the fence of a process that died gives its draft up in this way and
lifts the fence, and if that process was only slow, it finds that it was too late.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from kafka import TopicPartition, errors

from agentpool_jupyter.errors import LogUnavailableError
from agentpool_jupyter.log.contract import FILLER

from . import clients
from .failures import translated
from .marks import ABORTED, COMPLETE, MOVED, PROBE
from .reader import scan
from .topics import LARGEST_BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .address import KafkaAddress
    from .topics import Topics

_BATCH, _RECORD = 61, 7  # bytes of a batch with one record, and of a record, without key and value (message format 2)
FENCED = _BATCH + _RECORD + len(MOVED) + len(FILLER)
"""``max.message.bytes`` of a fenced topic: exactly what the mark needs, and less than any event."""
SHUT = 1
"""``max.message.bytes`` of a topic that takes nothing at all any more."""

_PAUSE_SECONDS = 0.05
_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


def refused(error: BaseException) -> bool:
    """Return whether an append failed because the topic takes no record of that size, which a fence brings about."""
    return isinstance(error.__cause__, _TOO_LARGE)


def mark(address: KafkaAddress, topic: str, key: bytes, value: bytes = FILLER) -> int | None:
    """Write a mark and return its offset; None where the topic refuses it for its size."""
    with translated(address, address.timeout_ms):
        # A fence fits the mark as it is: whatever compression the address names would make it larger.
        producer = clients.producer(address, address.timeout_ms, compression_type=None)
        try:
            return int(producer.send(topic, value, key=key, partition=0).get(address.timeout_ms / 1000).offset)
        except _TOO_LARGE:
            return None
        finally:
            with contextlib.suppress(errors.KafkaTimeoutError):
                producer.close(timeout=1)


def put_up(topics: Topics, address: KafkaAddress, topic: str, largest: int) -> None:
    """Let a topic take no larger batches, and return when its leader refuses them; raises LogUnavailableError."""
    topics.narrow(topic, largest)
    # What the topic took before, and will not take then; a topic that is to be shut has a fence already.
    probe = FILLER if largest < FENCED else FILLER + b" " * largest
    deadline = time.monotonic() + address.timeout_ms / 1000
    while mark(address, topic, PROBE, probe) is not None:
        if time.monotonic() > deadline:
            message = (
                f"Kafka at {','.join(address.hosts)} goes on taking records of topic {topic!r}, which is to be moved: "
                "try again"
            )
            raise LogUnavailableError(message)
        time.sleep(_PAUSE_SECONDS)


def decide(address: KafkaAddress, topic: str, key: bytes, start: int = 0) -> bytes:
    """Propose what becomes of a draft, and return what was decided: ``COMPLETE`` or ``ABORTED``."""
    if mark(address, topic, key) is None:
        return ABORTED  # it was shut, which comes after that decision only
    marks: Iterator[bytes] = (found.key for found in scan(address, TopicPartition(topic, 0), start))
    return next(found for found in marks if found in (COMPLETE, ABORTED))


def give_up(topics: Topics, address: KafkaAddress, topic: str) -> bool:
    """Give up another process's draft, and return whether it was; otherwise it was complete, and is a generation."""
    if decide(address, topic, ABORTED) == COMPLETE:
        topics.complete(topic)
        return False
    topics.narrow(topic, SHUT)
    return True


def undecided(topics: Topics, drafts: list[str]) -> list[str]:
    """Return those draft topics that nobody has given up, as far as their settings tell."""
    return [draft for draft in drafts if topics.largest(draft) > SHUT]


def outlast(topics: Topics, address: KafkaAddress, name: str, generation: int) -> bool:
    """Wait behind a fence until the pool has moved, or the fence is gone; False where there is none.

    Whoever put it up has ``timeout_ms`` to be done; then its draft is given up.
    """
    topic = address.topic(name, generation)
    deadline = time.monotonic() + address.timeout_ms / 1000
    while True:
        newest, drafts = topics.newest(name)
        if newest != generation:
            return True
        largest = topics.largest(topic)
        if largest > FENCED:  # lifted a moment ago, or what somebody wants this topic to take
            return largest == LARGEST_BATCH
        left = undecided(topics, [address.topic(name, number) for number in drafts])
        if not left:
            topics.narrow(topic, LARGEST_BATCH)
        elif time.monotonic() > deadline:
            for draft in left:
                give_up(topics, address, draft)
        time.sleep(_PAUSE_SECONDS)
