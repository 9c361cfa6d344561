"""Who holds a run, or one agent of it: claims, judged from the log alone, so that the log is the fence.

A place is held by one claim at a time (leases: Gray and Cheriton, SOSP 1989), and each event that a holder writes names
its claim (the sequencers of Burrows, *The Chubby lock service*, OSDI 2006, section 2.4). All who read the log find the
same holder at each offset, whatever their clocks say, and from the offset on at which another claim is accepted, what
the former holder still writes counts for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.log import FILLER, Record

from .codec import decode
from .events import Claim, Event, Heartbeat, Release

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LEASE = 15.0
"""Seconds of silence after which a place can be taken; a holder gives a sign of life in every third of them."""


class Place(NamedTuple):
    """What is held: an agent of a run, or with no agent the run itself."""

    run: str
    agent: str = ""


class Holding:
    """How a place is held: by which claim, and how long its holder has been silent.

    Silence is measured where it matters, at the claims of others, by the times that the log gave to the records. One
    record adds half a lease at most: a record whose time is wrong neither ends a claim, for its holder gives a sign in
    every third of its lease, nor keeps a place for ever, for the records after it add up as before::

        log time   record               silence, with a lease of 15 s
        100        the holder's sign    0
        103        a claim              3: refused
        3700       a claim              10.5: refused, though it seems to be an hour later
        104        a claim              10.5: refused, for time does not run backwards
        108        a claim              14.5: refused
        109        a claim              15.5: accepted
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.released = False
        self.sign: Event = claim
        """The holder's last sign of life."""
        self._silence = 0  # milliseconds
        self._last = claim.time

    def heed(self, sign: Event) -> None:
        """Take in a sign of life of the holder."""
        self.sign, self._silence, self._last = sign, 0, sign.time

    @property
    def seems_alive(self) -> bool:
        """Whether by the times of the log its holder gave a sign within its lease before it was last asked for."""
        return 0 <= self._last - self.sign.time < self.claim.lease * 1000

    def yields_to(self, rival: Claim) -> bool:
        """Take in another's claim, and return whether it is accepted."""
        lease = int(self.claim.lease * 1000)
        self._silence += min(max(rival.time - self._last, 0), lease // 2)
        self._last = rival.time
        if not (rival.fencing and self.claim.fencing):  # between versions it is as it was in the older one
            return rival.epoch > self.claim.epoch
        return self.released or self._silence >= lease


class Claims:
    """The places of a pool that were ever held, folded from its events."""

    def __init__(self) -> None:
        self._holdings: dict[Place, Holding] = {}
        self._fences: dict[str, int] = {}
        self._seen: set[str] = set()

    @property
    def fences(self) -> Mapping[str, int]:
        """For each claim that was refused or superseded, the offset from which on what names it counts for nothing.

        It grows as events are taken in.
        """
        return self._fences

    def absorb(self, event: Event) -> None:
        """Take in the next event of the log; most are no concern of this."""
        place = Place(event.run, event.agent)
        match event:
            case Claim() if event.id not in self._seen:  # else stored twice
                self._seen.add(event.id)
                self._judge(place, event)
            case Release() | Heartbeat() if (held := self._holdings.get(place)) and _names(event, held.claim):
                held.released = held.released or isinstance(event, Release)
                held.heed(event)

    def holding(self, run: str, agent: str = "") -> Holding | None:
        """Return how a place is held; None where it was never claimed."""
        return self._holdings.get(Place(run, agent))

    def holds(self, event: Event) -> bool:
        """Return whether the claim that an event names holds its place still."""
        holding = self._holdings.get(Place(event.run))
        return holding is not None and holding.claim.id == event.claim and not holding.released

    def _judge(self, place: Place, claim: Claim) -> None:
        held = self._holdings.get(place)
        if held is not None and not held.yields_to(claim):
            self._fences[claim.id] = claim.offset
            return
        if held is not None:
            self._fences[held.claim.id] = claim.offset
        self._holdings[place] = Holding(claim)


def _names(event: Release | Heartbeat, claim: Claim) -> bool:
    return event.claim == claim.id if claim.fencing else event.epoch == claim.epoch


def is_late(event: Event, fences: Mapping[str, int]) -> bool:
    """Return whether an event was written by a holder after its claim was superseded, and so counts for nothing."""
    return bool(event.claim) and event.offset >= fences.get(event.claim, event.offset + 1)


def unfenced(records: Iterable[Record], fences: Mapping[str, int]) -> Iterator[Record]:
    """Yield records as folds are to read them: those that came too late say nothing."""
    for record in records:
        if fences and b'"claim"' in record.value and is_late(decode(record), fences):
            yield Record(record.offset, record.time, FILLER)
        else:
            yield record
