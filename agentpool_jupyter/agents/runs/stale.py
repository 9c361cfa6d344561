"""Turns that were overtaken: what they should have read was said while they spoke."""

from __future__ import annotations

from bisect import bisect_left
from copy import copy
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
    from agentpool_jupyter.pool import Document, Turn


class Unread:
    """What has been finished on a line, and what of it each agent of a team should have read.

    An agent should have read what those that it listens to, and people, had finished saying before its own turn ended.
    A Python agent reads at once. If ``critic`` began when it had read up to offset 10, ``planner`` ended at 14 and
    ``critic`` ends at 17, then ``critic`` misses what ``planner`` said.
    """

    def __init__(self, agents: Iterable[AgentSpec] = ()) -> None:
        self.agents = {agent.name: agent for agent in agents}
        self._ends: list[int] = []
        self._by: list[str] = []
        self._last: dict[str, int] = {}  # when each was last finished

    def __deepcopy__(self, memo: object) -> Unread:
        """Return one that goes on by itself."""
        made = Unread()
        vars(made).update({name: copy(value) for name, value in vars(self).items()})
        return made

    def add(self, agent: str, end: int) -> None:
        """Take in that somebody's turn was finished, later than all before."""
        self._ends.append(end)
        self._by.append(agent)
        self._last[agent] = end

    def missed(self, agent: str, seen: int) -> list[int]:
        """Return what an agent's turn misses that ends now and has read below ``seen``, as numbers in the order added.

        Ask before that turn itself is added.
        """
        heard = self._heard(agent)
        later = range(bisect_left(self._ends, seen), len(self._ends))
        return [i for i in later if self._by[i] in heard]

    def misses(self, agent: str, seen: int) -> bool:
        """Return whether that is anything, in a time that does not grow with what was said since."""
        return any(self._last[speaker] >= seen for speaker in self._heard(agent))

    def _heard(self, agent: str) -> set[str]:
        """Return whom of those who have spoken an agent should have read."""
        spec = self.agents.get(agent)
        if spec is None or spec.python is not None:
            return set()
        return {speaker for speaker in self._last if speaker not in self.agents or spec.hears(speaker)}


class StaleTurn(NamedTuple):
    """A turn and what it should have read."""

    turn: Turn
    missed: list[Turn]
    """In the order in which they ended, all before the turn did."""


def stale(document: Document, team: TeamSpec, run: str | None = None) -> list[StaleTurn]:
    """Return the turns of a team's models that miss what they should have read (:class:`Unread`), of one run or all.

    What a turn has read is its ``seen``; one that reads again on its way (``stride``) is as fresh as its last reading.
    """
    said = sorted((t for t in document.turns if t.status == "finished" and t.end is not None), key=lambda t: t.end or 0)
    unread = Unread(team.agents)
    found = []
    for turn in said:
        missed = unread.missed(turn.agent, turn.seen) if turn.model and run in (None, turn.run) else []
        if missed:
            found.append(StaleTurn(turn, [said[i] for i in missed]))
        unread.add(turn.agent, turn.end or 0)
    return found
