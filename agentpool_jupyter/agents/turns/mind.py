"""A Python agent with a mind of its own: beliefs that are folded from the log, decisions, and a goal.

The parts are those of belief-desire-intention agents (Rao and Georgeff, *BDI Agents: From Theory to Practice*, ICMAS
1995) and of agent programming languages (Rao, *AgentSpeak(L)*, 1996). As its beliefs are a fold, they need no storing:
after a crash, and on whatever line of history the agent goes on, they are folded anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from agentpool_jupyter.effects.function import run_function
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.codec import decode

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.pool.effects import Effect


class Mind:
    """One object of an agent's class, which has read its line of history up to some offset.

    Of the class's methods ``decide(state)`` is needed: it returns a text, an ``Act`` (a call of a tool), or None for
    nothing. ``believe(event)`` takes in an event; ``goal(state)`` says whether there is nothing more to do;
    ``vote(effect)`` answers gates. ``state`` is the object's attribute of that name, or the object itself. All may be
    async but ``believe``.
    """

    def __init__(self, kind: type, pool: Pool, branch: str) -> None:
        self._kind = kind
        self._object: Any = None
        self._pool = pool
        self._branch = branch
        self._read = 0  # one past the last offset that it has read

    @property
    def _made(self) -> Any:
        """The object; what its making raises is a failed turn, too."""
        if self._object is None:
            self._object = self._kind()
        return self._object

    @property
    def state(self) -> Any:
        """What it believes."""
        return getattr(self._made, "state", self._made)

    async def learn(self, end: int) -> None:
        """Read the line up to an offset; raises what ``believe`` raises."""
        if hasattr(self._made, "believe") and end > self._read:
            await run_function(self._learn, end)

    def _learn(self, end: int) -> None:
        events = map(decode, self._pool.unfenced(self._read, end))
        for event in self._pool.lineage.on_line(events, Position(self._branch, end - 1)):
            self._made.believe(event)
            self._read = event.offset + 1
        self._read = end

    async def decide(self) -> Any:
        """Return what it wants to say or do now; None for nothing."""
        return await run_function(self._made.decide, self.state)

    async def satisfied(self) -> bool:
        """Return whether it has reached its goal; without one, never."""
        return hasattr(self._made, "goal") and bool(await run_function(self._made.goal, self.state))

    async def vote(self, effect: Effect) -> Any:
        """Return its answer to a gate."""
        return await run_function(self._made.vote, effect)


def is_mind(function: object) -> TypeGuard[type]:
    """Return whether what a team names in ``python:`` is a class with a mind; any other class is called as it is."""
    return isinstance(function, type) and callable(getattr(function, "decide", None))
