"""One agent's turn, from prompt to finished text, with its retries and restarts."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import AgentPoolError, ModelError, ServiceError
from agentpool_jupyter.pool.events import TurnFailed
from agentpool_jupyter.pool.words import CANCELLED, OVERTAKEN, PYTHON, SILENT

from .attempt import Speech, backoff
from .budget import BudgetExhaustedError
from .function import call
from .writer import TurnWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from agentpool_jupyter.agents.models.client import ModelClient
    from agentpool_jupyter.agents.models.limits import CallLimits
    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool import Document, Event

    from .writer import Stage

_MOST_RESTARTS = 2
"""How often a turn is begun again because it was overtaken, so that agents cannot keep each other from ending.

Once only by an agent that is not listened to by name, and only in its first half: who listens to everyone is overtaken
by all who end before it, and in a team of n that begins at once each first end would else cost n - 1 turns, again and
again. Near its end a turn is worth more than what it missed, which the report names (:mod:`.stale`).
"""


class _OvertakenError(AgentPoolError):
    """Something was said that a turn should know and has not read."""


class ModelVoice:
    """An agent that a language model speaks for."""

    def __init__(self, stage: Stage, agent: AgentSpec, client: ModelClient, limits: CallLimits) -> None:
        self._stage = stage
        self._agent = agent
        self._client = client
        self._limits = limits
        self._speech: Speech | None = None
        self._heeds_all = False

    @property
    def seen(self) -> int:
        """One past the last offset that the latest prompt was built from."""
        return self._speech.seen if self._speech else 0

    async def speak(self) -> Event:
        """Take one turn and return the event that ended it; a cancelled task leaves a ``cancelled`` turn.

        Raises BudgetExhaustedError before a call that the budget does not hold, and LogError.
        """
        failures = restarts = 0
        self._heeds_all = self._agent.listens is None
        while True:
            speech = Speech(self._stage, self._agent, self._client, self._limits, 1 + failures + restarts)
            ended = await self._attempt(
                speech,
                last=failures + 1 >= self._stage.team.attempts,
                watched=self._stage.team.interrupts(self._agent) and restarts < _MOST_RESTARTS,
            )
            if not (isinstance(ended, TurnFailed) and ended.retriable):
                return ended
            restarts += ended.kind == OVERTAKEN
            failures += ended.kind != OVERTAKEN
            await asyncio.sleep(ended.wait)

    async def _attempt(self, speech: Speech, *, last: bool, watched: bool) -> Event:
        self._speech = speech
        first = await speech.begin()
        try:
            saying = speech.say(first)
            return await (self._watch(saying) if watched else saying)
        except _OvertakenError as error:
            return speech.fail(str(error), kind=OVERTAKEN, retriable=True)
        except ModelError as error:
            retriable = error.retriable and not last and not speech.goes_on
            wait = backoff(speech.attempt, error.retry_after) if retriable else 0.0
            return speech.fail(str(error), kind=error.kind, retriable=retriable, wait=wait)
        except ServiceError as error:
            return speech.fail(str(error), kind="service")
        except (asyncio.CancelledError, BudgetExhaustedError):
            speech.cancel()
            raise
        finally:
            first.reservation.settle(0)

    async def _watch(self, saying: Coroutine[Any, Any, Event]) -> Event:
        """Let the turn be said unless it is overtaken, then raise _OvertakenError."""
        turn, overtaken = asyncio.create_task(saying), asyncio.create_task(self._overtaken())
        try:
            await asyncio.wait([turn, overtaken], return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                message = f"overtaken by what was said at offset {overtaken.result()}: begun again"
                raise _OvertakenError(message)
            return turn.result()
        finally:
            for task in (turn, overtaken):
                task.cancel()
            await asyncio.gather(turn, overtaken, return_exceptions=True)

    async def _overtaken(self) -> int:
        """Wait for something that the turn has not read and should know, and return its offset."""
        line, names = self._stage.line, self._agent.listens or ()
        while (offset := line.last_news(names)) < self.seen:
            # What it said itself in earlier turns it has always read.
            if self._heeds_all and line.last_word >= self.seen and not self._beyond_half():
                self._heeds_all = False
                return line.last_word
            await line.moved.wait()
        return offset

    def _beyond_half(self) -> bool:
        said = self._speech.said if self._speech else 0
        return said > self._limits.max_tokens / 2


class PythonVoice:
    """An agent that is a function of the notebook: ``(document) -> str | None``, plain or async."""

    def __init__(self, stage: Stage, agent: AgentSpec, function: Callable[[Document], Any]) -> None:
        self._stage = stage
        self._agent = agent
        self._function = function
        self.seen = 0
        """One past the last offset that the function was given."""

    async def speak(self) -> Event:
        """Take one turn and return the event that ended it; the function's exception is its failed turn."""
        document = self._stage.line.document.copy()
        self.seen = document.at + 1
        writer = TurnWriter(self._stage, self._agent.name)
        writer.start(model=f"{PYTHON}{self._agent.python}", seen=self.seen)
        try:
            text = await call(self._function, document)
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
