"""Which runs a pool has, and whether their owner is alive, as far as can be told from here.

Who holds a run is judged from the log alone (:mod:`.claims`). Whether its owner is alive is only an opinion of this
process, which looks at processes and clocks: it is shown to people, and keeps them from starting a second team.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from agentpool_jupyter.services.processes import alive, start_time

from .claims import Claims, is_late
from .events import Claim, Event, RunFinished, RunStarted, StopAsked, now_ms


class RunRecord:
    """One run as the log has it."""

    def __init__(self, run: str, claims: Claims) -> None:
        self.id = run
        self._claims = claims
        self.branch = ""
        self.start = -1
        """Offset at which it began: of its first claim, or of its ``run_started`` where that names none."""
        self.spec: dict[str, Any] = {}
        self.parent = ""
        """The run that handed its task over; empty for one that a person started."""
        self.key = ""
        """The key of the effect by which that was done."""
        self.finished: RunFinished | None = None
        self.stop_asked: StopAsked | None = None
        """By whom its present holder was asked to stop."""
        self.agents_stopped: dict[str, StopAsked] = {}
        """The agents that its present holder was asked to stop, and by whom."""
        self._seen: set[str] = set()
        self.last_sign = 0
        """When the log took its last event, in milliseconds since the epoch."""

    @property
    def claim(self) -> Claim | None:
        """The claim that holds it, or held it last; None before the first."""
        holding = self._claims.holding(self.id)
        return holding.claim if holding else None

    @property
    def released(self) -> bool:
        """Whether that claim has ended."""
        holding = self._claims.holding(self.id)
        return holding is not None and holding.released

    @property
    def epoch(self) -> int:
        """The epoch of the claim that holds; 0 before the first."""
        return self.claim.epoch if self.claim else 0

    def absorb(self, event: Event) -> None:
        """Take in the run's next event, which its claims have taken in already."""
        self.last_sign = max(self.last_sign, event.time)
        if event.id in self._seen:  # stored twice: a run that has ended must not start again
            return
        match event:
            case RunStarted():
                self._seen.add(event.id)
                if self.start < 0:
                    self.start = self.claim.offset if self.claim and self.claim.id == event.claim else event.offset
                self.branch, self.spec = event.branch, event.spec
            case RunFinished() if event.epoch in (0, self.epoch):  # else a former owner's, of an older version
                self._seen.add(event.id)
                self.finished = event
            case Claim() if event is self.claim:
                self.finished = self.stop_asked = None
                self.agents_stopped = {}

    def ask_to_stop(self, event: StopAsked) -> None:
        """Take in that somebody asks for its end, or for that of one of its agents."""
        if event.epoch != self.epoch:
            return
        if event.agent:
            self.agents_stopped.setdefault(event.agent, event)
        else:
            self.stop_asked = event

    @property
    def owner(self) -> str:
        """Which process holds it, in words."""
        return "held by nobody" if self.claim is None else in_words(self.claim.owner)

    def alive(self) -> bool:
        """Whether some process still works on it, as far as can be told from here."""
        if self.finished or self.released or self.claim is None or is_dead(self.claim.owner):
            return False
        return now_ms() - self.last_sign < self.claim.lease * 1000


class Runs(dict[str, RunRecord]):
    """The runs of a pool by id, oldest first, folded from its events."""

    def __init__(self) -> None:
        super().__init__()
        self.claims = Claims()
        """Who holds them."""
        self.places: dict[str, int] = {}
        """The place of each agent among all that the pool ever had, in the order of their teams: it says its colour."""

    def absorb(self, event: Event) -> None:
        """Take in the next event of the log; those of no run are no concern of this."""
        self.claims.absorb(event)
        if is_late(event, self.claims.fences):
            return
        if event.run in self:
            self[event.run].absorb(event)
        elif isinstance(event, StopAsked):
            if event.target in self:
                self[event.target].ask_to_stop(event)
        elif isinstance(event, RunStarted):
            self[event.run] = record = RunRecord(event.run, self.claims)
            if event.parent in self:  # a parent is older, so that nobody is above itself
                record.parent, record.key = event.parent, event.key
            self[event.run].absorb(event)
            for name in event.agents:
                self.places.setdefault(name, len(self.places))

    def latest(self) -> RunRecord | None:
        """Return the run that a person started last, or None."""
        return next((run for run in reversed(list(self.values())) if not run.parent), None)

    def below(self, run: str) -> list[RunRecord]:
        """Return the runs to which a run has handed tasks, and those to which they have, oldest first."""
        found: dict[str, RunRecord] = {}
        for record in list(self.values()):  # one is started after the run that hands over to it
            if record.parent == run or record.parent in found:
                found[record.id] = record
        return list(found.values())

    def alive(self) -> list[RunRecord]:
        """Return the runs that a person started and whose owners are alive."""
        # Another thread may take in a run meanwhile.
        return [run for run in list(self.values()) if not run.parent and run.alive()]


def _parts(owner: str) -> tuple[str, int, str]:
    """Return host, process id and start of an owner; one that another program named has process 0."""
    host, _, process = owner.partition(":")
    pid, _, started = process.partition(":")
    return (host, int(pid), started) if pid.isdecimal() else (owner, 0, "")


def is_dead(owner: str) -> bool:
    """Return whether an owner is a process of this machine that has ended; False for those elsewhere."""
    host, pid, started = _parts(owner)
    return host == socket.gethostname() and not alive(pid, started)


def in_words(owner: str) -> str:
    """Return which process an owner is, in words."""
    host, pid, _ = _parts(owner)
    return f"process {pid} on {host}"


def this_owner() -> str:
    """Return the name of this process as the owner of runs: ``host:pid:start``."""
    return f"{socket.gethostname()}:{os.getpid()}:{start_time(os.getpid())}"
