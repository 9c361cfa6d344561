"""Agents that are functions or classes of the notebook, which may do anything: block, raise, exit, never return."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.agents.models.answer import AskedCall
from agentpool_jupyter.effects.function import run_function
from agentpool_jupyter.effects.perform import NotHeldError
from agentpool_jupyter.effects.tool import Act
from agentpool_jupyter.effects.voters import function_voter
from agentpool_jupyter.errors import LogError
from agentpool_jupyter.pool.effects import canonical
from agentpool_jupyter.pool.words import CANCELLED, PYTHON, SILENT

from .mind import Mind, is_mind
from .toolbox import Toolbox
from .writer import AttemptWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.effects.voters import Voter
    from agentpool_jupyter.pool import Event

    from .writer import RunResources


class PythonAgent:
    """An agent that is a function of the notebook, ``(document) -> str | None``, or a class (:class:`.mind.Mind`)."""

    def __init__(self, resources: RunResources, agent: AgentSpec, function: Callable[..., Any]) -> None:
        self._resources = resources
        self._agent = agent
        self._function = function
        self._mind = Mind(function, resources.pool, resources.live.branch) if is_mind(function) else None
        self.seen = 0
        """One past the last offset that it was given."""
        self.lost = 0
        """How many attempts at the next turn ended with their process."""
        self.satisfied = False
        """Its goal is reached: it takes no more turns."""

    @property
    def voter(self) -> Voter | None:
        """Its vote, where it has one."""
        if self._mind is None or not hasattr(self._function, "vote"):
            return None
        return function_voter(self._mind.vote)

    async def take_turn(self) -> Event:
        """Take one turn and return the event that ended it; where the function raises, the turn has failed."""
        document = self._resources.live.document.copy()
        self.seen = document.at + 1
        writer = AttemptWriter(self._resources, self._agent.name, 1 + self.lost)
        self.lost = 0
        writer.start(model=f"{PYTHON}{self._agent.python}", seen=self.seen)
        try:
            decide = run_function(self._function, document) if self._mind is None else self._think(self._mind, writer)
            text = await decide
        except asyncio.CancelledError:
            writer.finish(CANCELLED)
            raise
        except (LogError, NotHeldError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises is its failed turn
            return writer.fail(_describe(error), kind="python")
        if text is not None and not isinstance(text, str):
            return writer.fail(f"returned {type(text).__name__}, not text or None", kind="python")
        writer.add(text or "")
        return writer.finish("stop" if text and text.strip() else SILENT)

    async def _think(self, mind: Mind, writer: AttemptWriter) -> Any:
        """Let it decide, and do what it decides, until it says something or has nothing more to do."""
        toolbox = Toolbox(self._resources, self._agent)
        await mind.learn(self.seen)
        while not (satisfied := await mind.satisfied()):
            decided = await mind.decide()
            if not isinstance(decided, Act):
                return decided
            asked = AskedCall(name=decided.tool, arguments=canonical(msgspec.to_builtins(decided.arguments)).decode())
            if not toolbox.described:
                break  # a turn may call no more tools
            await toolbox.answer([toolbox.clean(asked)], writer.turn, self.seen)
            end = await asyncio.to_thread(lambda: self._resources.pool.end)
            await self._resources.live.reached(end - 1)  # it believes what has become of it
            self.seen = end
            await mind.learn(end)
        self.satisfied = satisfied
        return None


def _describe(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
