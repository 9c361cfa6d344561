"""What ends one generation of a pool, so that the next can begin: a fence that brokers hold, and one decision.

The *fence* is a low ``max.message.bytes`` of the old topic: brokers refuse every event from then on, and take just the
marks of this module. Only they can hold everyone back, because whoever has a pool open may write to it without asking
anybody first: a person's message needs no claim. A fence is never taken down. If it could be, a process that takes
another one for dead might take down the fence of a third, and what was written then would be in no generation.

*Marks* (:mod:`.marks`) are records with a key. The first mark *moved* in the old topic names
the next generation: the log's order is the one thing that all processes agree on. For example, with generation 1::

    offset 0 … 99   events                              what generation 2 is a copy of
    offset 100      probe                               the fence stands: no event comes after this
    offset 101      moved 2                             generation 2 is the next one, whoever writes what from here on
    offset 102      moved 3, by a process that was slow     too late: generation 3 is a draft that nobody opens
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kafka import TopicPartition

from agentpool_jupyter.errors import LogUnavailableError
from agentpool_jupyter.log.contract import FILLER

from . import clients
from .failures import TOO_LARGE, translated
from .marks import DIGITS, MOVED, PROBE, decided
from .reader import scan
from .writer import close

if TYPE_CHECKING:
    from .address import KafkaAddress
    from .topics import Topics

_BATCH, _RECORD = 61, 7  # bytes of a batch with one record, and of a record, without key and value (message format 2)
FENCED = _BATCH + _RECORD + len(MOVED) + DIGITS + len(FILLER)
"""``max.message.bytes`` of a fenced topic: exactly what the largest mark needs, and less than any event.

Compressed, an event would have to fit into 37 bytes; what its id, its time and the names of its fields say takes more.
"""

_PAUSE_SECONDS = 0.05


def refused(error: BaseException) -> bool:
    """Return whether an append failed because the topic takes no record of that size, which a fence brings about."""
    return isinstance(error.__cause__, TOO_LARGE)


def put_up(topics: Topics, address: KafkaAddress, topic: str) -> int:
    """Let a topic take marks only, if it does not yet; return one past its last event. Raises LogUnavailableError."""
    topics.narrow(topic, FENCED)
    deadline = time.monotonic() + address.timeout_ms / 1000
    while _mark(address, topic, PROBE, FILLER + b" " * FENCED) is not None:  # until brokers have heard of it
        if time.monotonic() > deadline:
            message = (
                f"Kafka at {','.join(address.hosts)} goes on taking records of topic {topic!r}, which is to be moved: "
                "try again"
            )
            raise LogUnavailableError(message)
        time.sleep(_PAUSE_SECONDS)
    # All replicas have acknowledged this mark, and so everything before it: that can be read now.
    return _known(_mark(address, topic, PROBE), topic) + 1


def decide(address: KafkaAddress, topic: str, cut: int, generation: int) -> int:
    """Propose the generation that comes after a topic whose events end before ``cut``; return the one that does."""
    _known(_mark(address, topic, MOVED + b"%d" % generation), topic)
    decisions = (decided(found.key) for found in scan(address, TopicPartition(topic, 0), cut))
    return next(number for number in decisions if number is not None)


def _mark(address: KafkaAddress, topic: str, key: bytes, value: bytes = FILLER) -> int | None:
    """Write a mark and return its offset; None where the topic refuses it for its size."""
    with translated(address, address.timeout_ms):
        # A fence fits the mark as it is, uncompressed.
        producer = clients.producer(address, address.timeout_ms, topic, compression_type=None)
        try:
            return int(producer.send(topic, value, key=key, partition=0).get(address.timeout_ms / 1000).offset)
        except TOO_LARGE:
            return None
        finally:
            close(producer)


def _known(offset: int | None, topic: str) -> int:
    if offset is None:
        message = f"topic {topic!r} was changed by another process: try again"
        raise LogUnavailableError(message)
    return offset
