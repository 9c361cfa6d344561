"""What was said on a line of history, and who had read what of it: one reading of the log, without its texts.

What a turn has read stands in the records of its prompts (:mod:`agentpool_jupyter.agents.prompt.record`), as
references; with where each turn began, first spoke and ended, that is enough to say which turns went in.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.claims import is_late
from agentpool_jupyter.pool.events import Delta, Label, Message, TurnContinued, TurnFailed, TurnFinished, TurnStarted
from agentpool_jupyter.pool.words import PYTHON, SILENT

from .course import Teams
from .labels import standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.pool import Event, Pool, Position


_KEPT = 256
"""Readings that are kept: a team's latest ones, each of which may be of thousands of turns."""


class Attempted(msgspec.Struct):
    """An attempt at a turn, or a person's message, by its places in the log."""

    id: str
    agent: str
    run: str
    branch: str
    start: int
    """Offset of its first event."""
    begun: int
    """When that was, in milliseconds since the epoch."""
    spoke: int = -1
    """Offset of its first words; -1 where it has none."""
    chars: int = 0
    end: int | None = None
    ended: int | None = None
    """When it ended, in milliseconds since the epoch."""
    hidden: bool = False
    """It was tried again, or had nothing to say."""
    python: bool = False
    askings: list[TurnStarted | TurnContinued] = []
    person: bool = False

    @property
    def seconds(self) -> float:
        """How long it took, by the log's times; 0 while it runs."""
        return max(0, (self.ended or self.begun) - self.begun) / 1000

    def stood(self, seen: int) -> bool:
        """Whether it could be read by whoever had read below an offset."""
        said = 0 <= self.spoke < seen
        return said and not (self.hidden and self.end is not None and self.end < seen)


class Attempts:
    """The attempts of a line, by id, in the order in which they began, as far as its events were taken in."""

    def __init__(self, teams: Teams) -> None:
        self.attempts: dict[str, Attempted] = {}
        self._teams = teams
        self._read: dict[str, set[str]] = {}  # the last ones that were asked for
        # A log is read in its order, so they come in that of their beginnings, and of their ends.
        self._ids: list[str] = []
        self._of: dict[str, list[str]] = {}  # by agent
        self._starts: list[int] = []
        self._open: dict[str, None] = {}
        self._ended: list[str] = []
        self._ends: list[int] = []
        self._mute: set[str] = set()  # ended, with nothing that can be read since
        self._speaking: dict[str, list[str]] = {}  # by the id of an asking: who spoke at the offset below which it read
        self._deaf: dict[int, dict[str, set[str]]] = {}  # by team, which stays where it is, and agent

    def absorb(self, event: Event) -> None:
        """Take in the line's next event; none that counts for nothing."""
        if isinstance(event, Message):
            if event.id not in self.attempts:
                one = self._begin(event.id, event)
                one.person, one.spoke, one.chars = True, event.offset, len(event.text)
                self._end(one, event)
            return
        if not isinstance(event, TurnStarted | TurnContinued | Delta | TurnFinished | TurnFailed):
            return
        one = self.attempts.get(event.turn) or self._begin(event.turn, event)
        if one.end is not None:
            return
        match event:
            case Delta():
                one.spoke = event.offset if one.spoke < 0 and event.text.strip() else one.spoke
                one.chars += len(event.text)
            case TurnStarted() | TurnContinued():
                one.python |= getattr(event, "model", "").startswith(PYTHON)
                one.askings.append(event)
                self._read.pop(one.id, None)
                spoke = (*self._ended[bisect_left(self._ends, event.seen) :], *self._open)
                self._speaking[event.id] = [key for key in spoke if self.attempts[key].start < event.seen]
            case _:
                again = isinstance(event, TurnFailed) and event.retriable
                one.hidden = again or (isinstance(event, TurnFinished) and event.reason == SILENT)
                self._end(one, event)

    def copy(self, teams: Teams) -> Attempts:
        """Return the same with a copy of its teams, which goes on by itself; what has ended is shared."""
        made = Attempts(teams)
        made.attempts = self.attempts | {key: _open_copy(self.attempts[key]) for key in self._open}
        made._of = {agent: keys.copy() for agent, keys in self._of.items()}
        for name in ("_read", "_ids", "_starts", "_open", "_ended", "_ends", "_mute", "_speaking"):
            setattr(made, name, getattr(self, name).copy())
        return made

    def team(self, one: Attempted) -> TeamSpec | None:
        """Return the team in which an attempt was made; None where the log does not have it."""
        try:
            return self._teams.at(one.run, one.start)
        except UserError:
            return None

    def read_by(self, turn: str) -> set[str]:
        """Return the ids of all that was read by an attempt, by the time that it ended."""
        if turn not in self._read:
            one = self.attempts[turn]
            while len(self._read) >= _KEPT:
                del self._read[next(iter(self._read))]
            self._read[turn] = set().union(*(self.read_for(one, asking) for asking in one.askings))
        return self._read[turn]

    def read_for(self, one: Attempted, asking: TurnStarted | TurnContinued) -> set[str]:
        """Return the ids of the attempts whose text stood in one prompt; a function is given all that there is."""
        if one.python:
            return self._stood(0, asking)
        record = asking.context
        since, also = _number(record, "since"), record.get("also")
        first = asking.seen if since is None else min(since, asking.seen)
        keys = [key for key in also if isinstance(key, str)] if isinstance(also, list) else []
        named = [self.attempts[key] for key in keys if key in self.attempts]
        heard = {other.id for other in named if other.start < first and other.stood(asking.seen)}
        if since is not None:
            heard |= self._stood(since, asking)
        if deaf := self._deaf_to(one):
            heard = {key for key in heard if self.attempts[key].agent not in deaf}
        return heard - {one.id, str(record.get("going_on"))}

    def own_before(self, turn: str) -> str | None:
        """Return the id of the last turn of its own agent that an attempt had read, None where there is none."""
        read, own = self.read_by(turn), reversed(self._of[self.attempts[turn].agent])
        return next((key for key in own if key in read and not self.attempts[key].person), None)

    def unfinished(self, turn: str) -> set[str]:
        """Return the ids of the attempts that went on after the last reading of one: of them it has not read all."""
        last = max(self.attempts[turn].askings, key=lambda asking: asking.seen, default=None)
        return set() if last is None else set(self._speaking[last.id])

    def _stood(self, start: int, asking: TurnStarted | TurnContinued) -> set[str]:
        """Return the ids of those that began at an offset or later and could be read when somebody asked.

        Most had ended by then, and can be read for ever or never: only of those that spoke at that moment it depends
        on the moment. So a reading of thousands of turns takes no time for each of them.
        """
        begun = self._ids[bisect_left(self._starts, start) : bisect_left(self._starts, asking.seen)]
        spoke = (self.attempts[key] for key in self._speaking[asking.id])
        speaking = {one.id: one.stood(asking.seen) for one in spoke if one.start >= start}
        return (set(begun) - self._mute - speaking.keys()) | {key for key, stood in speaking.items() if stood}

    def _begin(self, key: str, event: Event) -> Attempted:
        one = Attempted(key, event.agent, event.run, event.branch, event.offset, event.time, askings=[])
        self.attempts[key] = one
        self._open[key] = None
        self._ids.append(key)
        self._of.setdefault(event.agent, []).append(key)
        self._starts.append(one.start)
        return one

    def _end(self, one: Attempted, event: Event) -> None:
        one.end, one.ended = event.offset, event.time
        del self._open[one.id]
        self._ended.append(one.id)
        self._ends.append(event.offset)
        if one.hidden or one.spoke < 0:
            self._mute.add(one.id)

    def _deaf_to(self, one: Attempted) -> set[str]:
        """Return those of its team whom an attempt's agent does not hear."""
        team = self.team(one)
        if team is None:
            return set()
        known = self._deaf.setdefault(id(team), {})
        if one.agent not in known:
            specs = {spec.name: spec for spec in team.agents}
            spec = specs.get(one.agent)
            known[one.agent] = {name for name in specs if spec and name != one.agent and not spec.hears(name)}
        return known[one.agent]


class Line(Attempts):
    """All attempts of a line up to a position, read from the log at once."""

    def __init__(self, pool: Pool, position: Position) -> None:
        super().__init__(Teams(pool))
        self.position = position
        self._labels: dict[str, list[Label]] = {}
        fences = pool.runs.claims.fences
        last = dict(pool.lineage.line(*position))
        for event in pool.events(0, position.at + 1):
            if isinstance(event, Label):  # on whatever line it is said
                self._labels.setdefault(event.turn, []).append(event)
            elif event.offset <= last.get(event.branch, -1) and not is_late(event, fences):
                self.absorb(event)

    def labels(self, turn: str) -> list[Label]:
        """Return what people, and runs, say of a turn (:mod:`.labels`)."""
        return standing(self._labels.get(turn, ()))


def _open_copy(one: Attempted) -> Attempted:
    return msgspec.structs.replace(one, askings=[*one.askings])


def _number(record: Mapping[str, object], name: str) -> int | None:
    value = record.get(name)
    return value if isinstance(value, int) else None
