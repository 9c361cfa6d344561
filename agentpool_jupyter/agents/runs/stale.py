"""Turns that were overtaken: what they should have read was said while they spoke."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import TeamSpec
    from agentpool_jupyter.pool import Document, Turn


class StaleTurn(NamedTuple):
    """A turn and what it should have read."""

    turn: Turn
    missed: list[Turn]
    """In the order in which they ended, all before the turn did."""


def stale(document: Document, team: TeamSpec, run: str | None = None) -> list[StaleTurn]:
    """Return the turns of a team's models that miss what they should have read, of one run or of all.

    A turn should have read what those that its agent listens to, and people, had finished saying before it ended
    itself. What it has read is its ``seen``; a turn that reads again on its way (``stride``) is as fresh as its last
    reading.
    """
    agents = {agent.name: agent for agent in team.agents}
    said = sorted((t for t in document.turns if t.status == "finished" and t.end is not None), key=lambda t: t.end or 0)
    ends = [turn.end or 0 for turn in said]
    found = []
    for turn in said:
        agent = agents.get(turn.agent)
        if agent is None or agent.python is not None or not turn.model or run not in (None, turn.run):
            continue
        between = said[bisect_left(ends, turn.seen) : bisect_left(ends, turn.end or 0)]
        missed = [other for other in between if other.agent not in agents or agent.hears(other.agent)]
        if missed:
            found.append(StaleTurn(turn, missed))
    return found
