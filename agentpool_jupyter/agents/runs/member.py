"""An agent within a run: how far it has come, and whether it should speak now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.agents.turns.line import Line


class Member:
    """One agent of a run and how far it has come."""

    def __init__(self, agent: AgentSpec, turns: int, start: int) -> None:
        self.agent = agent
        self.turns = turns
        self.taken = 0
        self.seen = start
        """One past the last offset that it had read when it last spoke."""
        self.speaking = False
        self.spoke = False
        """It has finished a turn in this run."""
        self.error = ""
        """Why its last turn failed; empty where it did not."""
        self.out = False
        """It failed for good and is not asked again in this run."""

    def recall(self, turns: list[Any]) -> None:
        """Take up where finished turns of an interrupted run left off; unfinished ones are to be taken again."""
        for turn in turns:
            if turn.agent == self.agent.name and turn.status == "finished":
                self.taken += 1
                self.spoke = True
                self.seen = max(self.seen, turn.seen)

    def ready(self, line: Line) -> bool:
        """Whether it should speak now."""
        if self.speaking or self.out or self.taken >= self.turns:
            return False
        if self.taken == 0 and self.agent.hears_task:
            return True
        heard = line.speakers if self.agent.listens is None else self.agent.listens
        return line.last_news([name for name in heard if name != self.agent.name]) >= self.seen
