"""Making the next generation of a pool: a copy with other values, under the same offsets and times.

1. A draft topic is made and filled with what the pool holds. Where anybody has written to the pool meanwhile, it is in
   use: the draft is removed, and nothing has changed.
2. A fence goes up before the old topic (:mod:`.fence`), which takes no event from then on.
3. The draft is decided to be the next generation, is made complete, and is what everyone opens from then on.
4. The old topic is kept or removed.

A process that dies before 2 has changed nothing. One that dies between 2 and 3 leaves a pool that can be read, and
whoever writes to it next moves it on as it is: see :meth:`Rewriting.finish`. One that dies between 3 and 4 has done
its work. What somebody wrote in the moment between the last look of 1 and the fence of 2 is in the next generation:
that one is then an unchanged copy, and the rewrite begins anew from there.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from kafka import TopicPartition

from agentpool_jupyter.errors import LogBusyError, LogMovedError, UserError
from agentpool_jupyter.log.contract import FILLER, Record, Rewritten, dense

from . import fence
from .marks import decided, is_mark
from .reader import Reader, as_record, scan
from .topics import Topics
from .writer import fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentpool_jupyter.log.contract import Changes

    from .address import KafkaAddress


class Rewriting:
    """One rewrite of a pool, from the generation that is open."""

    def __init__(self, name: str, address: KafkaAddress, generation: int) -> None:
        self._name = name
        self._address = address
        self._topics = Topics(address)
        self._old = TopicPartition(address.topic(name, generation), 0)
        self._generation = generation
        self._before = self._after = 0

    def run(self, changes: Changes, *, delete_old: bool) -> tuple[int, Rewritten | None]:
        """Do it, and return the generation that the pool has now and what was done; see :meth:`Log.rewrite`.

        None for what was done says that this generation is an unchanged copy: do it again from there.
        """
        if self._topics.newest(self._name) != self._generation:
            raise moved(self._name)
        end = self._end()
        values = dict(changes(lambda: dense(map(as_record, self._scan(0, end)), 0, end)))
        if not values:
            size = sum(len(found.value or b"") for found in self._scan(0, end))
            return self._generation, Rewritten(0, size, size)
        number = self._draft(end, values)
        if self._end() > end:
            self._topics.remove(self._address.topic(self._name, number))
            message = (
                f"pool {self._name!r} is in use, somebody has just written to it: nothing was changed; "
                "try again when nobody does"
            )
            raise LogBusyError(message)
        cut = fence.put_up(self._topics, self._address, self._old.topic)
        late = any(not is_mark(found.key) for found in self._scan(end, cut))
        if late:
            number = self._draft(cut, {})
        else:
            fill(self._address, self._address.topic(self._name, number), self._copies(end, cut, {}))
        self._move_to(number, cut)
        kept = self._clear(number, delete_old=delete_old)
        return number, None if late else Rewritten(len(values), self._before, self._after, kept, moved=True)

    def finish(self) -> None:
        """Move a pool on, as it is, that somebody has left behind a fence; raises LogMovedError if another was quicker.

        Nothing is taken away from a process that is only slow: it learns that the next generation is decided.
        """
        cut = fence.put_up(self._topics, self._address, self._old.topic)
        for _ in self._scan(0, cut):
            pass  # maybe it is decided what comes next: then that is found, and nothing need be copied
        self._move_to(self._draft(cut, {}), cut)

    def _draft(self, stop: int, values: Mapping[int, bytes]) -> int:
        """Make a copy of all records below an offset, and return its number."""
        number = max(self._topics.generations(self._name)[self._name]) + 1
        topic = self._address.topic(self._name, number)
        if not self._topics.create(self._name, number, draft=True):
            message = f"another process compacts pool {self._name!r}: wait for it, and open the pool again"
            raise LogBusyError(message)
        self._before = self._after = 0
        try:
            fill(self._address, topic, self._copies(0, stop, values))
        except BaseException:
            self._topics.remove(topic)
            raise
        return number

    def _copies(self, start: int, stop: int, values: Mapping[int, bytes]) -> Iterator[Record]:
        found = self._scan(start, stop)
        events = (as_record(one)._replace(value=FILLER) if is_mark(one.key) else as_record(one) for one in found)
        for old in dense(events, start, stop):
            new = old._replace(value=values.get(old.offset, old.value))
            self._before += len(old.value)
            self._after += len(new.value)
            yield new

    def _scan(self, start: int, stop: int) -> Iterator[Any]:
        """Yield what the old topic holds; raises LogMovedError where it says which generation is the next one."""
        for found in scan(self._address, self._old, start, stop):
            if (number := decided(found.key)) is not None:
                self._topics.complete(self._address.topic(self._name, number))  # whoever decided it may have died
                raise moved(self._name)
            yield found

    def _move_to(self, number: int, cut: int) -> None:
        """Make a draft of all records below an offset the next generation; raises LogMovedError if another is it."""
        next_one = fence.decide(self._address, self._old.topic, cut, number)
        self._topics.complete(self._address.topic(self._name, next_one))
        if next_one != number:
            self._topics.remove(self._address.topic(self._name, number))
            raise moved(self._name)

    def _clear(self, number: int, *, delete_old: bool) -> str:
        """Remove drafts that came to nothing, and older generations if told to; return what is kept, in words."""
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
        with contextlib.closing(Reader(self._address, self._old)) as reader:
            return reader.end()


def install(name: str, address: KafkaAddress, number: int) -> None:
    """Make a draft a pool of which there is no other generation; UserError where somebody made one meanwhile.

    For a moment there is an empty first one: whoever opens that, or has just done so, goes on with the draft, and where
    they have already written to it, the draft comes to nothing.
    """
    topics, first = Topics(address), address.topic(name, 1)
    rewriting = Rewriting(name, address, 1)
    if topics.create(name):
        cut = fence.put_up(topics, address, first)
        if all(is_mark(found.key) for found in scan(address, TopicPartition(first, 0), 0, cut)):
            rewriting._move_to(number, cut)  # noqa: SLF001 - our own
            topics.remove(first)
            return
    message = f"another process made pool {name!r} meanwhile: choose another name"
    raise UserError(message)


def moved(name: str) -> LogMovedError:
    """Return the error for a log of an older generation."""
    return LogMovedError(f"pool {name!r} was compacted and goes on in a new topic: open it again")
