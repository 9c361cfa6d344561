"""What reading has cost a run, event by event: the same figures as its report's, while it goes on."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.agents.team.spec import TeamSpec
from agentpool_jupyter.agents.turns.writer import OVERTAKEN
from agentpool_jupyter.pool.events import (
    Message,
    RunStarted,
    TurnContinued,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Usage,
)

from .wire import Reading

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool.events import Event

_UNSAID = {"cancelled", "silent"}


class Readings:
    """Sums of what reading has cost, for each agent and for all."""

    def __init__(self) -> None:
        self.total = Reading()
        self._sums: dict[str, Reading] = {}
        self._agents: dict[str, AgentSpec] = {}
        self._seen: dict[str, int] = {}  # one past the last offset that a turn under way has read
        self._ended: list[tuple[int, str]] = []  # offset and agent of all that was finished, in this order

    def of(self, agent: str) -> Reading:
        """Return what reading has cost an agent."""
        return self._sums.get(agent, Reading())

    def absorb(self, event: Event) -> None:
        """Take in the line's next event, each once; usage is for :meth:`charge`."""
        match event:
            case RunStarted():
                self._agents = {agent.name: agent for agent in TeamSpec.from_dict(event.spec).agents}
            case TurnStarted():
                self._seen[event.turn] = event.seen
            case TurnContinued() if event.turn in self._seen:
                self._seen[event.turn] = event.seen
            case TurnFinished() if event.turn in self._seen:
                seen = max(self._seen.pop(event.turn), event.seen)
                if event.reason not in _UNSAID:
                    self._count(event.agent, stale=int(self._is_stale(event.agent, seen)))
                    self._ended.append((event.offset, event.agent))
            case TurnFailed() if event.turn in self._seen:
                del self._seen[event.turn]
                self._count(event.agent, restarts=int(overtaken(event)))
            case Message():
                self._ended.append((event.offset, event.agent))
            case _:
                pass

    def charge(self, agent: str, usage: Usage) -> None:
        """Add a call's prompt tokens."""
        known = usage.own + usage.others + usage.recalled
        self._count(agent, task=usage.prompt - known, own=usage.own, others=usage.others, recalled=usage.recalled)

    def _count(self, agent: str, **more: int) -> None:
        self.total = _plus(self.total, more)
        self._sums[agent] = _plus(self.of(agent), more)

    def _is_stale(self, name: str, seen: int) -> bool:
        """Return whether a turn that ends now misses what it should have read; see :mod:`agents.stale`."""
        agent = self._agents.get(name)
        if agent is None or agent.python is not None:
            return False
        missed = self._ended[bisect_left(self._ended, (seen, "")) :]
        return any(other not in self._agents or agent.hears(other) for _, other in missed)


def overtaken(event: TurnFailed) -> bool:
    """Return whether a turn did not fail, but was overtaken and begins anew."""
    return event.retriable and event.kind == OVERTAKEN


def _plus(reading: Reading, more: dict[str, int]) -> Reading:
    return msgspec.structs.replace(reading, **{name: getattr(reading, name) + count for name, count in more.items()})
