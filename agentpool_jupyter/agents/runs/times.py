"""When a run was at work and when its turns began, first said something and ended: a fold over its events.

All times are the log's, in milliseconds since the epoch: one clock, whoever writes. Text is gathered for a moment
before it is written (``flush``), so that a time is late by that much at the most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.pool.claims import is_late
from agentpool_jupyter.pool.events import Delta, Recall, RunFinished, RunStarted, TurnFailed, TurnFinished, TurnStarted
from agentpool_jupyter.pool.words import LOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agentpool_jupyter.pool import Event


class Span(NamedTuple):
    """A stretch of time, in milliseconds since the epoch."""

    begin: int
    end: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.begin) / 1000


class RunTimes:
    """When one run was held by a process, and its turns were spoken.

    A run that goes on after its process has died was at work from its start to the dead process's last sign of life,
    and from where it was taken up to its end. A turn that had not ended then ended there::

        0   run_started               at work 0 to 40 and 100 to 130: 70 ms
        10  turn_started a            a: 10 to 40
        40  heartbeat                 the last sign of the first process
        100 run_started (resumed)
        101 turn_failed a (lost)
        130 run_finished
    """

    def __init__(self, run: str, fences: Mapping[str, int] | None = None) -> None:
        self.run = run
        self._fences = fences or {}
        self._held: list[tuple[int, int]] = []  # ended stretches
        self._claim: str | None = None  # of the process that is at work now …
        self._since = self._sign = 0  # … since when, and its last sign of life
        self._begin: dict[str, int] = {}
        self._first: dict[str, int | None] = {}
        self._end: dict[str, int] = {}
        self._seen: set[str] = set()
        self.notes: dict[str, None] = {}
        """What agents could not be reminded of, each thing once, in order."""

    def absorb(self, event: Event) -> None:
        """Take in the next event of the log; those of other runs are no concern of this."""
        if event.run != self.run or is_late(event, self._fences):
            return
        if isinstance(event, Delta):  # nearly all of them are
            if event.turn not in self._first:  # a compaction has moved the first words of what it folded
                self._first[event.turn] = event.time if event.seq == 0 and not event.folded else None
            if event.claim == self._claim and event.time > self._sign:
                self._sign = event.time
        elif event.id not in self._seen:
            self._seen.add(event.id)
            self._absorb(event)

    def _absorb(self, event: Event) -> None:
        lost = LOST in (getattr(event, "kind", ""), getattr(event, "reason", ""))  # said by another process, later
        if event.claim == self._claim and not lost:
            self._sign = max(self._sign, event.time)
        match event:
            case TurnStarted():
                self._begin.setdefault(event.turn, event.time)
            case TurnFinished() | TurnFailed():
                self._end.setdefault(event.turn, self._before(event.turn) if lost else event.time)
            case Recall() if event.note:
                self.notes[event.note] = None
            case RunStarted():
                self._held = self._stretches
                self._claim, self._since, self._sign = event.claim, event.time, event.time
            case RunFinished():
                self._held, self._claim = self._stretches, None

    @property
    def _stretches(self) -> list[tuple[int, int]]:
        """When processes were at work on it, the one that is now among them."""
        return self._held if self._claim is None else [*self._held, (self._since, self._sign)]

    def _before(self, turn: str) -> int:
        """Return when the process ended, at the latest, that was at work on a turn."""
        begin = self._begin.get(turn, 0)
        return next((end for start, end in self._stretches if start <= begin <= end), begin)

    @property
    def seconds(self) -> float:
        """How long a process was at work on it."""
        return sum(end - start for start, end in self._stretches) / 1000

    def span(self, turn: str) -> Span | None:
        """Return when an attempt at a turn was spoken, by its id; None where it is not known of."""
        begin = self._begin.get(turn)
        return None if begin is None else Span(begin, max(begin, self._end.get(turn) or self._before(turn)))

    def first_token(self, turn: str) -> float | None:
        """Return the seconds from a turn's beginning to its first words; None where nobody can know."""
        first, begin = self._first.get(turn), self._begin.get(turn)
        return None if first is None or begin is None else max(0, first - begin) / 1000


def times_of(events: Iterable[Event], run: str, fences: Mapping[str, int] | None = None) -> RunTimes:
    """Return the times of a run from events in log order, all of its own among them."""
    times = RunTimes(run, fences)
    for event in events:
        times.absorb(event)
    return times
