"""What reading has cost a run, event by event: the same figures as its report's, while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.agents.runs.stale import Unread
from agentpool_jupyter.agents.team.spec import TeamSpec
from agentpool_jupyter.display.screen import Reading
from agentpool_jupyter.pool.events import (
    Message,
    RunStarted,
    TurnContinued,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
)
from agentpool_jupyter.pool.words import OVERTAKEN, UNSAID

if TYPE_CHECKING:
    from agentpool_jupyter.pool.events import Event


class Readings:
    """Sums of what reading has cost, for each agent and for all."""

    def __init__(self) -> None:
        self.total = Reading()
        self._sums: dict[str, Reading] = {}
        self._unread = Unread()
        self._below: dict[str, Unread] = {}  # the same of teams that tasks were handed to, by their branches
        self._seen: dict[str, int] = {}  # one past the last offset that a turn under way has read

    def of(self, agent: str) -> Reading:
        """Return what reading has cost an agent."""
        return self._sums.get(agent, Reading())

    def absorb(self, event: Event) -> None:
        """Take in the line's next event, each once; usage is for :meth:`charge`."""
        if isinstance(event, RunStarted) and event.parent:
            self._below.setdefault(event.branch, Unread())
        unread = self._below.get(event.branch, self._unread)
        match event:
            case RunStarted():
                unread.agents = {agent.name: agent for agent in TeamSpec.from_dict(event.spec).agents}
            case TurnStarted():
                self._seen[event.turn] = event.seen
            case TurnContinued() if event.turn in self._seen:
                self._seen[event.turn] = event.seen
            case TurnFinished() if event.turn in self._seen:
                seen = max(self._seen.pop(event.turn), event.seen)
                if event.reason not in UNSAID:
                    self._count(event.agent, stale=int(unread.misses(event.agent, seen)))
                    unread.add(event.agent, event.offset)
            case TurnFailed() if event.turn in self._seen:
                del self._seen[event.turn]
                self._count(event.agent, restarts=int(overtaken(event)))
            case Message():
                unread.add(event.agent, event.offset)
            case _:
                pass

    def charge(self, agent: str, usage: Usage) -> None:
        """Add a call's prompt tokens."""
        known = usage.own + usage.others + usage.recalled
        self._count(agent, task=usage.prompt - known, own=usage.own, others=usage.others, recalled=usage.recalled)

    def _count(self, agent: str, **more: int) -> None:
        self.total = _plus(self.total, more)
        self._sums[agent] = _plus(self.of(agent), more)


def overtaken(event: TurnFailed) -> bool:
    """Return whether a turn did not fail, but was overtaken and begins anew."""
    return event.retriable and event.kind == OVERTAKEN


def _plus(reading: Reading, more: dict[str, int]) -> Reading:
    return msgspec.structs.replace(reading, **{name: getattr(reading, name) + count for name, count in more.items()})
