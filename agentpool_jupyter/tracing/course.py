"""How attempts at turns went, event by event: what was asked and when, what was said and when, how each ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.agents.team.spec import TeamSpec
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.claims import is_late
from agentpool_jupyter.pool.codec import decode
from agentpool_jupyter.pool.events import (
    Delta,
    File,
    Recall,
    RunStarted,
    TurnContinued,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from agentpool_jupyter.pool import Event, Pool

OF_TURNS = (TurnStarted, TurnContinued, Recall, Delta, TurnFinished, TurnFailed, File)
"""The events that name a turn."""


class Asking(msgspec.Struct):
    """One call: the event that records its prompt, and what was recalled for it."""

    event: TurnStarted | TurnContinued
    recall: Recall | None = None


class Course:
    """One attempt at a turn as the log has it; what counts for nothing there is left out."""

    def __init__(self) -> None:
        self.askings: list[Asking] = []
        self.deltas: list[Delta] = []
        """In the order in which they came."""
        self.files: list[File] = []
        """The versions of files that it wrote."""
        self.end: TurnFinished | TurnFailed | None = None
        self._seen: set[str] = set()

    def absorb(self, event: Event) -> None:
        """Take in its next event; one that was stored twice counts once."""
        if event.id in self._seen or self.end is not None:
            return
        self._seen.add(event.id)
        match event:
            case TurnStarted() | TurnContinued():
                self.askings.append(Asking(event))
            case Recall() if self.askings and self.askings[-1].recall is None:
                self.askings[-1].recall = event
            case Delta():
                self.deltas.append(event)
            case File():
                self.files.append(event)
            case TurnFinished() | TurnFailed():
                self.end = event

    @property
    def begin(self) -> TurnStarted | None:
        """The event by which it began; None where the log does not have it."""
        first = self.askings[0].event if self.askings else None
        return first if isinstance(first, TurnStarted) else None

    @property
    def first_token(self) -> float | None:
        """Seconds of the log's time from its beginning to its first words; None where it said none.

        The log takes text in pieces of about the team's ``flush`` seconds, so this is up to so much too long.
        """
        begin = self.begin
        return (self.deltas[0].time - begin.time) / 1000 if begin and self.deltas else None

    @property
    def seconds(self) -> float | None:
        """Seconds of the log's time from its beginning to its end; None where it has none yet."""
        begin = self.begin
        return (self.end.time - begin.time) / 1000 if begin and self.end else None


def courses(pool: Pool, turns: Collection[str], start: int, stop: int) -> dict[str, Course]:
    """Return how the attempts of these ids went, from the events of a stretch of the log, read once."""
    fences = pool.runs.claims.fences
    found = {turn: Course() for turn in turns}
    for event in pool.events(start, stop):
        if isinstance(event, OF_TURNS) and event.turn in found and not is_late(event, fences):
            found[event.turn].absorb(event)
    return found


class Teams:
    """The teams of runs as they were at any offset: a run that is resumed may have another budget, say.

    They are found in a pool's log, or, without one, are those that were taken in.
    """

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = pool
        self._starts: list[RunStarted] | None = None
        self._teams: dict[int, TeamSpec] = {}

    def absorb(self, event: RunStarted) -> None:
        """Take in the next one."""
        self._read().append(event)

    def copy(self) -> Teams:
        """Return the same, which goes on by itself."""
        made = Teams(self._pool)
        made._starts, made._teams = [*self._read()], self._teams
        return made

    def at(self, run: str, offset: int) -> TeamSpec:
        """Return the team of a run at an offset; raises UserError where the log does not tell it."""
        for event in reversed(self._read()):
            if event.run == run and event.offset <= offset:
                if event.offset not in self._teams:
                    self._teams[event.offset] = _team_of(event)
                return self._teams[event.offset]
        message = f"the log does not have the team of run {run!r}" if run else "no run wrote it, so there is no team"
        raise UserError(message)

    def _read(self) -> list[RunStarted]:
        if self._starts is None:
            self._starts = [] if self._pool is None else list(_starts(self._pool))
        return self._starts


def _starts(pool: Pool) -> Iterator[RunStarted]:
    for record in pool.unfenced():
        if b'"run_started"' in record.value:
            event = decode(record)
            if isinstance(event, RunStarted):
                yield event


def _team_of(event: RunStarted) -> TeamSpec:
    try:
        return TeamSpec.from_dict(event.spec)
    except (UserError, msgspec.ValidationError, TypeError, ValueError) as error:
        message = f"the team of run {event.run!r} cannot be read: {error}"
        raise UserError(message) from None
