"""An agent that is a function of the notebook, which may do anything: block, raise, exit, never return."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.effects.function import run_function
from agentpool_jupyter.pool.words import CANCELLED, PYTHON, SILENT

from .writer import AttemptWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool import Document, Event

    from .writer import RunResources


class PythonAgent:
    """An agent that is a function of the notebook: ``(document) -> str | None``, plain or async."""

    def __init__(self, resources: RunResources, agent: AgentSpec, function: Callable[[Document], Any]) -> None:
        self._resources = resources
        self._agent = agent
        self._function = function
        self.seen = 0
        """One past the last offset that the function was given."""
        self.lost = 0
        """How many attempts at the next turn ended with their process."""

    async def take_turn(self) -> Event:
        """Take one turn and return the event that ended it; where the function raises, the turn has failed."""
        document = self._resources.live.document.copy()
        self.seen = document.at + 1
        writer = AttemptWriter(self._resources, self._agent.name, 1 + self.lost)
        self.lost = 0
        writer.start(model=f"{PYTHON}{self._agent.python}", seen=self.seen)
        try:
            text = await run_function(self._function, document)
        except asyncio.CancelledError:
            writer.finish(CANCELLED)
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises is its failed turn
            return writer.fail(_describe(error), kind="python")
        if text is not None and not isinstance(text, str):
            return writer.fail(f"returned {type(text).__name__}, not text or None", kind="python")
        writer.add(text or "")
        return writer.finish("stop" if text and text.strip() else SILENT)


def _describe(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
