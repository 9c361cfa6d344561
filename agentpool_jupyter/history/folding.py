"""Which deltas a compaction makes into one, and what the records become.

Two neighbouring deltas of a turn become one where nobody can be shown, or was shown, the first without the second:
no other event stands between them (only deltas, heartbeats and places that are folded already), no fork or tag lies
there, no turn had read as far as there, and no window ends there. So the document is the same, before and after, right
after every event that is not a delta, at every fork and tag, and as every turn had seen it; and summaries of windows
stay true. The whole text stands where its last piece stood, so that nothing is said earlier than it was; offsets, log
times and all other records stay as they are, and a delta keeps its place in the numbering of its turn's deltas.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from agentpool_jupyter.log import FILLER
from agentpool_jupyter.pool.codec import decode, encode
from agentpool_jupyter.pool.events import (
    Delta,
    Event,
    Folded,
    Heartbeat,
    Message,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from agentpool_jupyter.pool.gather import as_one
from agentpool_jupyter.snapshots.summary import SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agentpool_jupyter.log import Record

_LONGEST = 1_000_000  # characters of a folded delta: as JSON never larger than a record on Kafka may be


class _Course:
    """How a turn went, as far as folding it must know."""

    __slots__ = ("ended", "plain", "said", "written")

    def __init__(self) -> None:
        self.written: tuple[str, str, str, str] | None = None  # its branch, run, agent and claim
        self.said = 0  # the number that its next delta should have
        self.ended = -1  # the offset of its end
        self.plain = True

    def absorb(self, event: TurnStarted | Delta | TurnFinished | TurnFailed, value: bytes) -> None:
        """Take in its next event; ``plain`` tells whether all was as it is when nothing goes wrong."""
        writer = (event.branch, event.run, event.agent, event.claim)
        if isinstance(event, TurnStarted):
            self.plain &= self.written is None
            self.written = writer
            return
        self.plain &= self.written == writer and self.ended < 0
        if isinstance(event, Delta):
            # A record that we would not write in just these bytes may hold more than we know of.
            self.plain &= event.seq == self.said and event.text != "" and encode(event) == value
            self.said = event.numbers.stop
            return
        self.plain &= not isinstance(event, TurnFinished) or event.deltas in (-1, self.said)
        self.ended = event.offset


class _Plan:
    """What the first reading of a log finds: where texts must stay apart, and which turns can be folded."""

    def __init__(self, records: Iterable[Record], limit: int) -> None:
        self._courses: dict[str, _Course] = {}
        self._limit = limit
        cuts: set[int] = set()
        messages: set[str] = set()
        for record in records:
            event = decode(record)
            if isinstance(event, TurnStarted | Delta | TurnFinished | TurnFailed):
                self._courses.setdefault(event.turn, _Course()).absorb(event, record.value)
            elif isinstance(event, Message):
                messages.add(event.id)
            if not isinstance(event, Delta | Heartbeat | Folded):
                cuts.update((event.offset, *_places(event)))
        for turn in messages & self._courses.keys():
            self._courses[turn].plain = False
        self._cuts = sorted(cuts)

    def folds(self, turn: str) -> bool:
        """Return whether a turn ended before the limit, and nothing about it is out of the ordinary."""
        course = self._courses[turn]
        return course.plain and 0 <= course.ended < self._limit

    def together(self, first: int, second: int) -> bool:
        """Return whether nothing keeps apart two deltas of a turn that stand at these offsets."""
        place = bisect_left(self._cuts, first)
        free = place == len(self._cuts) or self._cuts[place] >= second
        return free and first // SCALE.window == second // SCALE.window


def _places(event: Event) -> Iterator[int]:
    """Yield the offsets that an event refers to: people and programs may want to see what stood there."""
    at, seen = getattr(event, "at", None), getattr(event, "seen", None)
    if isinstance(at, int):
        yield at
    if isinstance(seen, int):
        yield seen - 1


def changes(read: Callable[[], Iterable[Record]], limit: int) -> Iterator[tuple[int, bytes]]:
    """Yield what folding changes in a log: offsets, in no order, each once, with the new values of their records.

    ``read`` returns all records of the log and is called twice. Turns whose last record is not below ``limit`` stay
    as they are, and so do those with lost, repeated, late or unfamiliar records.
    """
    plan = _Plan(read(), limit)
    waiting: dict[str, list[Delta]] = {}  # of each turn, the neighbours that become one
    lengths: dict[str, int] = {}
    for record in read():
        if record.offset >= limit:
            break
        event = decode(record)
        if isinstance(event, Delta) and plan.folds(event.turn):
            deltas = waiting.setdefault(event.turn, [])
            length = lengths.get(event.turn, 0) + len(event.text)
            if deltas and plan.together(deltas[-1].offset, event.offset) and length <= _LONGEST:
                yield deltas[-1].offset, FILLER
            else:
                yield from _folded(deltas)
                deltas.clear()
                length = len(event.text)
            deltas.append(event)
            lengths[event.turn] = length
        elif isinstance(event, TurnFinished | TurnFailed):
            yield from _folded(waiting.pop(event.turn, []))


def _folded(deltas: list[Delta]) -> Iterator[tuple[int, bytes]]:
    """Yield what the last record of neighbours becomes, unless there is only that one."""
    if len(deltas) > 1:
        yield deltas[-1].offset, encode(as_one(deltas))
