"""A draft: a topic that is filled with copies of records, under their offsets and times, before it is a pool's."""

from __future__ import annotations

import contextlib
from itertools import islice
from typing import TYPE_CHECKING

from kafka import errors

from agentpool_jupyter.errors import LogError

from . import clients
from .failures import translated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentpool_jupyter.log.contract import Record

    from .address import KafkaAddress
    from .topics import Topics

_CHUNK = 2_000  # records between two looks at where they went


def fill(address: KafkaAddress, topic: str, records: Iterable[Record]) -> None:
    """Append copies of records; raises LogError where one does not get the offset of its original."""
    waiting = iter(records)
    seconds = address.delivery_timeout_ms / 1000
    with translated(address, address.delivery_timeout_ms):
        producer = clients.producer(address, address.timeout_ms)
        try:
            while chunk := list(islice(waiting, _CHUNK)):
                sent = [producer.send(topic, record.value, partition=0, timestamp_ms=record.time) for record in chunk]
                for record, future in zip(chunk, sent, strict=True):
                    if future.get(seconds).offset != record.offset:
                        message = f"topic {topic!r} was written to by another process: do it again"
                        raise LogError(message)
        finally:
            with contextlib.suppress(errors.KafkaTimeoutError):
                producer.close(timeout=1)


def restore(topics: Topics, address: KafkaAddress, name: str, records: Iterable[Record]) -> None:
    """Make the topic of a pool that is not there; what was begun is removed again where it cannot be completed.

    It is made as a second generation, because only those can be drafts, which nobody opens.
    """
    number = 1 + max([1, *topics.generations(name).get(name, [])])
    topic = address.topic(name, number)
    topics.create(name, number, draft=True)
    try:
        fill(address, topic, records)
        topics.complete(topic)
    except BaseException:
        topics.remove(topic)
        raise
