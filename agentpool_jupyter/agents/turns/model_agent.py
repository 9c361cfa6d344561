"""A turn that a language model speaks: attempt after attempt, until one of them ends it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.agents.models.refusals import backoff, failure
from agentpool_jupyter.errors import AgentPoolError, LogError, ModelError, ServiceError
from agentpool_jupyter.pool.events import TurnFailed
from agentpool_jupyter.pool.words import OVERTAKEN

from .attempt import Attempt
from .budget import BudgetExhaustedError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from agentpool_jupyter.agents.models.client import ModelClient
    from agentpool_jupyter.agents.models.endpoint import CallLimits
    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool import Event

    from .writer import RunResources

_MOST_RESTARTS = 2
"""How often a turn is begun again because it was overtaken, so that agents cannot keep each other from ending.

An agent that listens to others by name is overtaken by any of them. An agent that listens to everyone is overtaken once
a turn, and only in the turn's first half: in a team of n that begins at once, the first to end would else cost n - 1
attempts, and so would the next. Near its end a turn is worth more than what it missed, which the report names.

An example: ann, ben and cem listen to everyone, may write 300 tokens a turn, and begin at once. Ann ends first. Ben has
written 100 tokens, is begun again, and reads ann. Cem has written 200 and goes on to its end; the report says that its
turn was written without ann's. Ben's second attempt is not broken off when cem ends.
"""


class _OvertakenError(AgentPoolError):
    """Something was said that a turn should know and has not read."""


class ModelAgent:
    """An agent that a language model speaks for."""

    def __init__(self, resources: RunResources, agent: AgentSpec, client: ModelClient, limits: CallLimits) -> None:
        self._resources = resources
        self._agent = agent
        self._client = client
        self._limits = limits
        self.lost = 0
        """How many attempts at the next turn ended with their process."""
        self.satisfied = False
        """It has no goal but its turns."""
        self._attempt: Attempt | None = None
        self._heeds_all = False
        """Whether anyone's news would break off the present attempt."""

    @property
    def seen(self) -> int:
        """One past the last offset that the latest prompt was built from."""
        return self._attempt.seen if self._attempt else 0

    async def take_turn(self) -> Event:
        """Take one turn and return the event that ended it; a cancelled task leaves a ``cancelled`` turn.

        Raises BudgetExhaustedError before a call that the budget does not hold, and LogError.
        """
        failures, restarts, self.lost = self.lost, 0, 0
        self._heeds_all = self._agent.listens is None
        while True:
            number = 1 + failures + restarts
            ended = await self._try(
                Attempt(self._resources, self._agent, self._client, self._limits, number),
                last=failures + 1 >= self._resources.team.attempts,
                watched=self._resources.team.interrupts(self._agent) and restarts < _MOST_RESTARTS,
            )
            if not (isinstance(ended, TurnFailed) and ended.retriable):
                return ended
            restarts += ended.kind == OVERTAKEN
            failures += ended.kind != OVERTAKEN
            await asyncio.sleep(ended.wait)

    async def _try(self, attempt: Attempt, *, last: bool, watched: bool) -> Event:
        """Make one attempt and return the event that ends it: whatever happens in it is that attempt's end alone."""
        self._attempt = attempt
        first = None
        try:
            first = await attempt.begin()
            going = attempt.go(first)
            return await (self._watch(going) if watched else going)
        except _OvertakenError as error:
            return attempt.fail(str(error), kind=OVERTAKEN, retriable=True)
        except ModelError as error:
            retriable = error.retriable and not last and not attempt.can_go_on
            wait = backoff(attempt.number, error.retry_after) if retriable else 0.0
            return attempt.fail(str(error), kind=error.kind, retriable=retriable, wait=wait)
        except ServiceError as error:
            return attempt.fail(str(error), kind="service")
        except (asyncio.CancelledError, BudgetExhaustedError):
            if first is not None:
                attempt.cancel()
            raise
        except LogError:
            raise
        except Exception as error:
            attempt.log.warning("a turn of %s failed", self._agent.name, exc_info=error)
            return attempt.fail(self._unforeseen(error), kind="internal")
        finally:
            if first is not None:
                first.reservation.settle(0)

    def _unforeseen(self, error: Exception) -> str:
        if isinstance(error, AgentPoolError):
            return str(failure(self._client.endpoint, str(error), kind="internal"))
        what = (
            f"{type(error).__name__}: {error}; the turn was given up: mend what this names, or report it "
            "(logger `agentpool_jupyter` has all of it)"
        )
        return str(failure(self._client.endpoint, what, kind="internal"))

    async def _watch(self, going: Coroutine[Any, Any, Event]) -> Event:
        """Let an attempt go to its end; raises _OvertakenError, and stops it, once the turn is overtaken."""
        attempt, overtaken = asyncio.create_task(going), asyncio.create_task(self._overtaken())
        try:
            await asyncio.wait([attempt, overtaken], return_when=asyncio.FIRST_COMPLETED)
            if not attempt.done():
                message = f"overtaken by what was said at offset {overtaken.result()}: begun again"
                raise _OvertakenError(message)
            return attempt.result()
        finally:
            for task in (attempt, overtaken):
                task.cancel()
            await asyncio.gather(attempt, overtaken, return_exceptions=True)

    async def _overtaken(self) -> int:
        """Wait for something that the turn has not read and should know, and return its offset."""
        live, names = self._resources.live, self._agent.listens or ()
        while (offset := live.last_news(names)) < self.seen:
            # The latest news of all may be its own, of an earlier turn; but that it has always read.
            if self._heeds_all and live.last_news(None) >= self.seen and not self._beyond_half():
                self._heeds_all = False
                offset = live.last_news(None)
                break
            await live.moved.wait()
        if self._attempt:
            await self._attempt.at_rest.wait()
        return offset

    def _beyond_half(self) -> bool:
        written = self._attempt.tokens_written if self._attempt else 0
        return written > self._limits.max_tokens / 2
