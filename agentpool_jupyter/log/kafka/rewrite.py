"""Making the next generation of a pool: a copy with other values, under the same offsets and times.

1. A draft topic is made and filled with what the pool holds.
2. A fence goes up before the old topic and the mark ``MOVED`` is written behind it; what came meanwhile is copied, too.
3. The draft is decided to be complete (:mod:`.fence`), and becomes the generation that everyone opens from then on.
4. The old topic takes nothing more, and is kept or removed.

A process that dies before 3 has changed nothing: writers wait for it for a while, and go on. One that dies after it
has done everything but 4. What remains: whoever lifts the fence of a process that it takes for dead, in the moment in
which yet another process has put up its own, lets a writer into the old topic; step 4 finds such records and appends
them to the new one, where their offsets are others than those that their writer was told.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from kafka import TopicPartition, errors

from agentpool_jupyter.errors import AgentPoolError, LogError, LogMovedError, LogUnavailableError
from agentpool_jupyter.log.contract import FILLER, Record, Rewritten

from . import clients, fence
from .failures import translated
from .marks import ABORTED, COMPLETE, MOVED
from .reader import scan
from .topics import LARGEST_BATCH, Topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from agentpool_jupyter.log.contract import Changes

    from .address import KafkaAddress

_CHUNK = 2_000  # records between two looks at where they went


class Rewriting:
    """One rewrite of a pool, from the generation that is open."""

    def __init__(self, name: str, address: KafkaAddress, generation: int) -> None:
        self._name = name
        self._address = address
        self._topics = Topics(address)
        self._old = TopicPartition(address.topic(name, generation), 0)
        self._generation = generation
        self._before = self._after = 0

    def run(self, changes: Changes, *, delete_old: bool) -> tuple[int, Rewritten]:
        """Do it, and return the generation that the pool has now and what was done; see :meth:`Log.rewrite`."""
        end = self._end()
        values = dict(changes(lambda: self._read(end)))
        if not values:
            size = sum(len(found.value or b"") for found in scan(self._address, self._old, 0, end))
            return self._generation, Rewritten(0, size, size)
        number = self._start()
        new = TopicPartition(self._address.topic(self._name, number), 0)
        try:
            self._copy(new, 0, end, values)
            cut = self._fence()
            late = scan(self._address, self._old, end, cut)
            if any(found.key is None for found in late) and dict(changes(lambda: self._read(cut))) != values:
                message = f"pool {self._name!r} was changed meanwhile where it was to be compacted: compact it again"
                raise LogUnavailableError(message)  # noqa: TRY301 - one clean-up for every failure
            self._copy(new, end, cut, values)
        except BaseException as error:
            if self._give_up(new.topic):
                raise
            raise self._too_slow() from error
        self._decide(new, cut)
        self._finish(new, cut)
        kept = self._clear(number, delete_old=delete_old)
        return number, Rewritten(len(values), self._before, self._after, kept, moved=True)

    def _start(self) -> int:
        """Make the draft, and return its number; a draft that nobody has decided on is given up."""
        newest, drafts = self._topics.newest(self._name)
        given_up = [
            fence.give_up(self._topics, self._address, draft)
            for draft in fence.undecided(self._topics, [self._address.topic(self._name, number) for number in drafts])
        ]
        if newest != self._generation or not all(given_up):
            raise moved(self._name)
        number = max((self._generation, *drafts)) + 1
        if not self._topics.create(self._name, number, draft=True):
            message = f"another process compacts pool {self._name!r}: wait for it, and open the pool again"
            raise LogUnavailableError(message)
        return number

    def _fence(self) -> int:
        """Stop all writers, and return one past the last offset that belongs to the old generation."""
        fence.put_up(self._topics, self._address, self._old.topic, fence.FENCED)
        cut = fence.mark(self._address, self._old.topic, MOVED)
        if cut is None:
            message = f"topic {self._old.topic!r} was changed by another process: try again"
            raise LogUnavailableError(message)
        return cut + 1

    def _copy(self, new: TopicPartition, start: int, stop: int, values: Mapping[int, bytes]) -> None:
        with translated(self._address, self._address.delivery_timeout_ms):
            producer = clients.producer(self._address, self._address.timeout_ms)
            try:
                sent: list[tuple[int, object]] = []
                for found in scan(self._address, self._old, start, stop):
                    value = values.get(found.offset, found.value or b"") if found.key is None else FILLER
                    self._before += len(found.value or b"")
                    self._after += len(value)
                    sent.append(
                        (found.offset, producer.send(new.topic, value, partition=0, timestamp_ms=found.timestamp))
                    )
                    if len(sent) == _CHUNK:
                        self._check(sent)
                        sent.clear()
                self._check(sent)
            finally:
                with contextlib.suppress(errors.KafkaTimeoutError):
                    producer.close(timeout=1)

    def _check(self, sent: Iterable[tuple[int, object]]) -> None:
        for offset, future in sent:
            if future.get(self._address.delivery_timeout_ms / 1000).offset != offset:  # type: ignore[attr-defined]
                message = f"a copy of pool {self._name!r} did not get the offset of its original: compact it again"
                raise LogError(message)

    def _decide(self, new: TopicPartition, cut: int) -> None:
        try:
            decided = fence.decide(self._address, new.topic, COMPLETE, cut)
        except LogUnavailableError:  # was it heard? One more mark tells.
            decided = fence.decide(self._address, new.topic, ABORTED, cut)
        if decided != COMPLETE:
            raise self._too_slow()

    def _give_up(self, draft: str) -> bool:
        """Undo what was done so far, and return True; False where another process did that already."""
        with contextlib.suppress(AgentPoolError):  # what is left of it is found by whoever writes next
            if not fence.undecided(self._topics, [draft]):
                return False
            self._topics.narrow(self._old.topic, LARGEST_BATCH)  # before it is given up: then others may begin
            fence.give_up(self._topics, self._address, draft)
        return True

    def _too_slow(self) -> LogUnavailableError:
        return LogUnavailableError(
            f"another process gave this compaction of pool {self._name!r} up, as it took long: compact it again"
        )

    def _finish(self, new: TopicPartition, cut: int) -> None:
        self._topics.complete(new.topic)
        with contextlib.suppress(AgentPoolError):  # the fence stands in any case
            fence.put_up(self._topics, self._address, self._old.topic, fence.SHUT)
            late = [found.value or b"" for found in scan(self._address, self._old, cut) if found.key is None]
            self._append(new, late)

    def _append(self, new: TopicPartition, values: list[bytes]) -> None:
        if not values:
            return
        with translated(self._address, self._address.delivery_timeout_ms):
            producer = clients.producer(self._address, self._address.timeout_ms)
            try:
                for future in [producer.send(new.topic, value, partition=0) for value in values]:
                    future.get(self._address.delivery_timeout_ms / 1000)
            finally:
                with contextlib.suppress(errors.KafkaTimeoutError):
                    producer.close(timeout=1)

    def _clear(self, number: int, *, delete_old: bool) -> str:
        """Remove drafts that were given up, and older generations if told to; return what is kept, in words."""
        kept = []
        for older in self._topics.generations(self._name)[self._name]:
            topic = self._address.topic(self._name, older)
            if older >= number:
                continue
            if delete_old or older > self._generation:
                self._topics.remove(topic)
            else:
                kept.append(topic)
        return f"topic {', '.join(kept)} at {self._address.url}" if kept else ""

    def _end(self) -> int:
        consumer = clients.consumer(self._address, self._old, wait_ms=0, fetch_bytes=1)
        with translated(self._address, self._address.timeout_ms), contextlib.closing(consumer):
            return int(consumer.end_offsets([self._old], timeout_ms=self._address.timeout_ms)[self._old])

    def _read(self, stop: int) -> Iterator[Record]:
        for found in scan(self._address, self._old, 0, stop):
            yield Record(found.offset, found.timestamp, found.value or b"")


def moved(name: str) -> LogMovedError:
    """Return the error for a log of an older generation."""
    return LogMovedError(f"pool {name!r} was compacted and goes on in a new topic: open it again")
