"""The one seam between a pool and what keeps it; ``tests/log/conformance.py`` is run on each implementation."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Self

from agentpool_jupyter.errors import LogClosedError, PoolNotFoundError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    Changes = Callable[[Callable[[], Iterator["Record"]]], Iterable[tuple[int, bytes]]]
    """Given a function that reads the whole log from its start, return offsets, each once, and their new values."""


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

FILLER = b'{"type":"folded","id":""}'
"""The one record that logs may write themselves: an event that says nothing (``Folded`` in the pool's events)."""


def check_name(name: str) -> str:
    """Return a pool's name if it can be both a file's and a topic's name; raises UserError otherwise."""
    if not _NAME.fullmatch(name):
        message = (
            f"{name!r} cannot name a pool: use 1 to 100 letters from a to z, digits, '.', '_' or '-', the first a "
            "letter or digit: it is the name of a file, and of a Kafka topic, which takes no others"
        )
        raise UserError(message)
    return name


class Record(NamedTuple):
    """One stored record."""

    offset: int
    """Its place in the total order; the first is 0 and there are no gaps."""
    time: int
    """When the log took it, in milliseconds since the epoch (the log's clock, not the writer's)."""
    value: bytes
    """What was appended, unchanged."""


def dense(records: Iterable[Record], start: int, stop: int | None = None) -> Iterator[Record]:
    """Yield records from an offset on, up to ``stop``, with a :data:`FILLER` wherever one is missing.

    Logs that others write to, too, have gaps: Kafka takes offsets for its own marks, and for what a transaction took
    back; compaction and other programs remove records. Whatever stands above reads dense offsets all the same.
    """
    time = 0
    for record in records:
        for offset in range(start, record.offset):
            yield Record(offset, record.time, FILLER)
        yield record
        start, time = record.offset + 1, record.time
    for offset in range(start, start if stop is None else stop):
        yield Record(offset, time, FILLER)


class Rewritten(NamedTuple):
    """What a rewrite did."""

    records: int
    """How many records have another value now."""
    before: int
    """Bytes of the log before: files where there are files, else the values of its records."""
    after: int
    """Bytes of the log now, counted in the same way."""
    kept: str = ""
    """Where the log still is as it was, in words; empty where it is not."""
    moved: bool = False
    """Whether the log is in another place of its store now, and other open logs raise LogMovedError."""


class Log(ABC):
    """A totally ordered, append-only, durable sequence of byte records.

    Promised
        * Offsets are dense and start at 0, whoever writes, from however many threads and processes.
        * Every reader sees the same records in the same order.
        * When :meth:`append` returns, the records are durable: the process may be killed.
        * One thread's appends stand in the order of its calls, and the values of one call in their order.
        * :meth:`append`, :meth:`read`, :meth:`end` and :meth:`offset_at` may be called from any thread; each
          follower belongs to one thread, except for its ``close``.

    Not promised
        * That the records of one call are neighbours, or that all or none of them are stored: when
          :meth:`append` raises, some may be in the log. Append again with the same ids inside the values; the
          fold takes a duplicate for nothing.
        * That ``time`` never runs backwards. Decisions use offsets.
        * Anything about the bytes: the log does not look inside.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        """The pool's name."""
        self.url = url
        """Where it is kept, without any secret: fit for reprs and messages."""
        self._pid = os.getpid()
        self._closed = False

    @abstractmethod
    def append(self, values: Sequence[bytes]) -> list[int]:
        """Store records durably and return their offsets, increasing, one for each value.

        Raises LogUnavailableError when the log does not acknowledge in time (what happened to the records is
        then unknown), LogClosedError after ``close``.
        """

    @abstractmethod
    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Record]:
        """Yield the records with ``start <= offset < stop``; ``stop=None`` means the end as it is now.

        Raises ValueError for a negative ``start`` and LogUnavailableError as above.
        """

    @abstractmethod
    def follow(self, start: int = 0) -> Follower:
        """Yield batches of records from ``start`` on, first those stored, then new ones as they arrive."""

    @abstractmethod
    def end(self) -> int:
        """Return one past the last offset: the number of records."""

    @abstractmethod
    def offset_at(self, time: int) -> int:
        """Return where the log stood at a time (ms): one past the last record that it took before.

        Where a clock ran ahead for a while, that is still told apart for what was taken before and after.
        """

    @abstractmethod
    def rewrite(self, changes: Changes, *, delete_old: bool = False) -> Rewritten:
        """Give some records new values, all of them or none, and reclaim the space.

        Offsets and times stay. The log may add copies of :data:`FILLER` at its end.
        ``changes`` is called when what it reads can no longer change before the rewrite is done; it may be called
        more than once, and an error that it raises leaves the log as it was. This object goes on with the new log;
        another that is open sees the new values at once, or raises LogMovedError from its next use on, in which case
        its appends from then on are refused. ``delete_old`` removes what :attr:`Rewritten.kept` would name.

        Raises LogBusyError where the log cannot be rewritten while others write to it, and they do; LogError and
        LogUnavailableError. The log is as it was then, or, where the answer was lost, as it is to be.
        """

    @abstractmethod
    def pack(self, stop: Callable[[], bool] = bool) -> None:
        """Have what is stored take less space where the log can do that, until ``stop`` says so; nothing else changes.

        Others read and append meanwhile. Raises LogError and LogUnavailableError.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of files, connections and threads, and end all followers; closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.url!r})"

    def _check_open(self) -> None:
        """Raise LogClosedError after ``close``, and in a child process, to which connections and threads do not go."""
        if self._closed:
            raise self._closed_error()
        if os.getpid() != self._pid:
            message = (
                f"the log of pool {self.name!r} was opened before this process was forked; open the pool again here"
            )
            raise LogClosedError(message)

    def _closed_error(self) -> LogClosedError:
        return LogClosedError(f"the log of pool {self.name!r} is closed; open the pool again")


class Follower(ABC):
    """A live reading of a log: an iterator over non-empty lists of records, in order and without gaps.

    Iteration blocks until records arrive. It ends after :meth:`close`, called from any thread, within a
    fraction of a second. A log that stays away raises LogUnavailableError out of the iteration; a short
    absence is waited out.
    """

    def __iter__(self) -> Self:
        return self

    @abstractmethod
    def __next__(self) -> list[Record]:
        """Return the next records (at least one), waiting for them; StopIteration once closed."""

    @abstractmethod
    def close(self) -> None:
        """End the iteration, from any thread; closing twice is fine."""


class Store(ABC):
    """Where logs are kept: a folder of SQLite files, or a Kafka cluster."""

    url: str
    """The store's address without any secret."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """What tells this store from all others, whichever machine they are used from."""

    @property
    @abstractmethod
    def archives(self) -> Path:
        """The folder of this machine where copies of pools are put that nobody gave a place; may not exist."""

    def new_archive(self, name: str) -> Path:
        """Return where to put a copy of a pool that nobody gave a place; several in a second do not meet."""
        return self.archives / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}.jsonl.gz"

    def archives_of(self, name: str) -> list[Path]:
        """Return the copies of a pool that lie there; whoever deletes the pool for good may want them gone, too."""
        ours = re.compile(re.escape(name) + r"-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}\.jsonl\.gz")
        return sorted(path for path in self.archives.glob("*.jsonl.gz") if ours.fullmatch(path.name))

    @property
    @abstractmethod
    def index(self) -> Path:
        """The file of this machine in which the pools are indexed unless another is named; may not exist."""

    def contains(self, path: Path) -> bool:  # noqa: ARG002 - for stores that are folders
        """Return whether a file lies beside the pools themselves, and so stays with them when they are moved."""
        return False

    @abstractmethod
    def open(self, name: str, *, create: bool = True) -> Log:
        """Open the log of a pool; without ``create`` a missing one raises PoolNotFoundError."""

    @abstractmethod
    def restore(self, name: str, records: Iterable[Record]) -> None:
        """Make a log of copies of another log's records, from its first on, with their times.

        It appears when it is complete. Raises UserError where the pool is there already and not empty.
        """

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the pools that are kept here, sorted."""

    def size(self, name: str) -> int | None:  # noqa: ARG002 - for stores that are folders
        """Return how many bytes a pool takes on this machine's disk; None where that cannot be told."""
        return None

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove a pool for good, and its derived folder; raises PoolNotFoundError if it is not there.

        Its archives stay (:meth:`archives_of`): stores of this machine may share their folder, and a copy is what
        somebody made lest something be lost.
        """

    @abstractmethod
    def derived(self, name: str) -> Path:
        """Return the folder of this machine for what is made from a pool's log and can be made again; may not exist."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def _make_room(self, name: str) -> None:
        """Remove a pool that holds nothing, if it is there; raises UserError for one that holds something."""
        with contextlib.suppress(PoolNotFoundError):
            with self.open(name, create=False) as log:
                if log.end():
                    message = f"pool {name!r} exists and is not empty: choose another name"
                    raise UserError(message)
            self.delete(name)
