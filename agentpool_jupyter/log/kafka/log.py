"""A pool's log on Kafka: one topic with one partition."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from bisect import bisect_left
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from kafka import TopicPartition

from agentpool_jupyter.errors import AgentPoolError, LogMovedError, LogUnavailableError
from agentpool_jupyter.log.contract import Log, Record, dense

from . import fence
from .follower import KafkaFollower
from .reader import Reader
from .rewrite import Rewriting, moved
from .topics import LARGEST_BATCH, PoolTopic, Topics
from .writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agentpool_jupyter.log.contract import Changes, Rewritten

    from .address import KafkaAddress

_Answer = TypeVar("_Answer")

_LOOK_MS = 2_000  # an error of the client is held back for so long at most, to ask whether the pool has moved
_PAUSE_SECONDS = 0.1
_NEAR = 8  # records behind a time, of which none was taken before it unless a clock ran ahead
_PAGE = 1_024  # records that are read and kept together
_PAGES = 16  # that are kept: some 6 MB
_FEW = 64  # records for which no page is read
_LOOK_SECONDS = 0.5  # the pool is asked for that often, while a mark is the last thing that was read of it


class KafkaLog(Log):
    """A log on Kafka; made by :meth:`KafkaStore.open`, connects when first used."""

    def __init__(self, name: str, address: KafkaAddress, generation: int = 1, topic_id: str | None = None) -> None:
        super().__init__(name, address.url)
        self._address = address
        self._moved = ""  # why another log has to be opened, in words
        self._looked = 0.0
        self._lock = threading.Lock()
        self._rewriting = threading.RLock()
        self._followers: set[KafkaFollower] = set()
        self._use(generation, topic_id)

    def _use(self, generation: int, topic_id: str | None = None) -> None:
        self._generation = generation
        self._partition = TopicPartition(self._address.topic(self.name, generation), 0)
        self._reader = Reader(self._address, self._partition)
        self._writer = Writer(self._address, self._partition)
        # What stands in a topic stays as it is, and the client takes as long to decode a record as a fold of ten.
        self._page = lru_cache(_PAGES)(self._fetch_page)
        self._known_end = 0
        self._topic_id = topic_id  # None where nobody has asked

    def append(self, values: Sequence[bytes]) -> list[int]:
        """Store records durably; see :meth:`Log.append`.

        While the cluster is away it waits for it, up to the option ``delivery_timeout_ms``. Raises LogError for a
        record that is too large, before any of ``values`` is stored.
        """
        self._check_open()
        if not values:
            return []
        deadline = time.monotonic() + self._address.delivery_timeout_ms / 1000
        while True:
            generation, known = self._generation, self._known_end
            try:
                offsets = self._writer.append(values)
                break
            except AgentPoolError as error:
                self._check_open()
                if self._check_moved(generation):
                    continue
                if not fence.refused(error) or time.monotonic() > deadline or not self._outlast_fence(generation):
                    raise
        if offsets[0] < known and generation == self._generation:
            self._moved = self._made_anew()
            raise LogMovedError(self._moved)
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
        """Yield batches of records; an absence of up to ``patience_ms`` is waited out; see :meth:`Log.follow`."""
        self._check_open()
        follower = KafkaFollower(
            self._address,
            self._partition,
            start,
            forget=self._followers.discard,
            check_moved=partial(self._check_follower, self._generation),
        )
        with self._lock:
            self._followers.add(follower)
        if self._closed:
            follower.close()
        return follower

    def end(self) -> int:
        """Return the number of records; see :meth:`Log.end`."""
        known = self._known_end  # before it is asked: an append may end in between
        try:  # with little patience at first: of a topic that was deleted, the client asks for as long as it may
            end = self._ask(Reader.end, min(_LOOK_MS, self._address.timeout_ms))
        except LogUnavailableError:
            end = self._ask(Reader.end)
        topic_id = self._reader.topic_id
        if end < known or (self._topic_id and topic_id and topic_id != self._topic_id):
            self._look(self._generation)
        # Less than is known, where another program's transaction is open: what stands behind it can be read later.
        self._known_end = max(self._known_end, end)
        return self._known_end

    def offset_at(self, time: int) -> int:
        """Return the first offset at or after a time; see :meth:`Log.offset_at`."""
        found = self._ask(Reader.offset_at, max(0, time))
        if found is None:
            return self.end()
        if all(record.time >= time for record in self.read(found, found + _NEAR)):
            return found
        # A clock ran ahead there for a moment: Kafka names the first record at or after a time, whatever follows.
        return bisect_left(range(self.end()), time, lo=found, key=lambda at: next(self.read(at, at + 1)).time)

    def rewrite(self, changes: Changes, *, delete_old: bool = False) -> Rewritten:
        """Make a new generation of the pool and go on with it; see :mod:`.rewrite` and :meth:`Log.rewrite`.

        The old topic is kept unless ``delete_old``. Followers of this log end with LogMovedError. Raises LogBusyError
        where anybody writes to the pool meanwhile, StoreError where the cluster does not let this user make topics or
        change their settings.
        """
        self._check_open()
        with self._rewriting:
            done = None
            while done is None:
                rewriting = Rewriting(self.name, self._address, self._generation)
                generation, done = rewriting.run(changes, delete_old=delete_old)
                if generation != self._generation:
                    reader, writer = self._reader, self._writer
                    self._use(generation)
                    writer.close()
                    reader.close()
        return done

    def pack(self, stop: Callable[[], bool] = bool) -> None:
        """Do nothing: what stands in a topic stays as it is; it was compressed when it was sent (:mod:`.clients`)."""

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
        before = 0
        while start < stop:
            for record in self._some(start, stop):
                before = record.time or before
                yield record if record.time else record._replace(time=before)
                start = record.offset + 1
        if self._reader.marked:  # what was read may be no longer what the pool says
            self._check_open()

    def _some(self, start: int, stop: int) -> Sequence[Record]:
        """Return the first records of a range, at least one."""
        page = range(start // _PAGE * _PAGE, (start // _PAGE + 1) * _PAGE)
        if stop - start > _FEW and page.stop <= self._known_end:
            return self._page(page.start)[start - page.start : stop - page.start]
        return self._fetch(start, stop)

    def _fetch_page(self, start: int) -> Sequence[Record]:
        found: list[Record] = []
        while len(found) < _PAGE:
            found += self._fetch(start + len(found), start + _PAGE)
        return found

    def _fetch(self, start: int, stop: int) -> Sequence[Record]:
        found, end = self._ask(Reader.fetch, start, stop)
        return list(dense(found, start, end))

    def _ask(self, question: Callable[..., _Answer], *arguments: Any) -> _Answer:
        """Ask the reader something; again where this very log has gone on meanwhile, for the new one has the same."""
        while True:
            self._check_open()
            generation = self._generation
            try:
                return question(self._reader, *arguments)
            except AgentPoolError:
                self._check_open()
                if not self._check_moved(generation):
                    raise

    def _outlast_fence(self, generation: int) -> bool:
        """Wait behind a fence until the pool has moved; return False where there is none.

        Whoever put it up has ``timeout_ms`` to be done; then we do it. Raises LogMovedError, unless this very log has
        gone on: then the append may be tried again.
        """
        largest = Topics(self._address).largest(self._address.topic(self.name, generation))
        if largest > fence.FENCED:  # brokers do not all know of the fence yet, or somebody wants smaller records
            return largest == LARGEST_BATCH
        deadline = time.monotonic() + self._address.timeout_ms / 1000
        while time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
            self._check_open()
            if self._check_moved(generation):
                return True
        with self._rewriting:  # one thread does it for all
            if not self._check_moved(generation):
                Rewriting(self.name, self._address, generation).finish()
                self._check_moved(generation)
        return True

    def _check_follower(self, generation: int, *, now: bool = False) -> None:
        """Raise LogMovedError if the pool has moved on from the generation that is followed; asks seldom, or now."""
        if self._check_moved(generation) if now else self._look(generation):
            raise moved(self.name)

    def _look(self, generation: int) -> bool:
        """Do :meth:`_check_moved`, twice a second at most."""
        if generation == self._generation and time.monotonic() - self._looked < _LOOK_SECONDS:
            return False
        changed = self._check_moved(generation)
        self._looked = time.monotonic()
        return changed

    def _check_moved(self, generation: int) -> bool:
        """Raise LogMovedError if the pool has moved; return True if this very log has gone on from a generation."""
        with self._rewriting:  # a rewrite by this log is waited for: it decides whether we go on or are left behind
            if generation != self._generation:
                return True
        found: PoolTopic | None = None
        with contextlib.suppress(AgentPoolError):  # the caller's own error says that the cluster is away
            found = Topics(self._address, min(_LOOK_MS, self._address.timeout_ms)).find(self.name)
        if found is None or (found.generation <= generation and self._topic_id in (None, found.topic_id)):
            return False
        with self._rewriting:
            if generation != self._generation:
                return True
            self._moved = str(moved(self.name)) if found.generation > generation else self._made_anew()
        raise LogMovedError(self._moved)

    def _made_anew(self) -> str:
        return f"the topic of pool {self.name!r} was deleted and made anew: open the pool again"

    def _check_open(self) -> None:
        if self._moved:
            raise LogMovedError(self._moved)
        if self._reader.marked:
            self._look(self._generation)
        super()._check_open()
