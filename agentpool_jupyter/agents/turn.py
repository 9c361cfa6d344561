"""One agent's turn, from prompt to finished text, with its retries."""

from __future__ import annotations

import asyncio
import random
import traceback
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import ModelError, ServiceError
from agentpool_jupyter.pool.events import Delta, TurnFailed, TurnFinished, TurnStarted, Usage

from .budget import prompt_bound, text_bound
from .context import build_context
from .endpoint import cost
from .function import call

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.pool import Document, Event, Pool

    from .budget import Reservation, TokenBudget
    from .context import Context
    from .limits import CallLimits
    from .line import Line
    from .model import ModelClient
    from .outbox import Outbox
    from .spec import AgentSpec, TeamSpec

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 20.0
# Kinds of failure after a server had taken the prompt: what it counted is not known, so the bounds count, and the
# budget holds all the same.
_ACCEPTED = {"cut", "timeout", "malformed"}


class Stage:
    """What the turns of one run share."""

    def __init__(
        self, *, pool: Pool, run: str, team: TeamSpec, line: Line, outbox: Outbox, budget: TokenBudget
    ) -> None:
        self.pool = pool
        self.run = run
        self.team = team
        self.line = line
        self.outbox = outbox
        self.budget = budget

    def header(self, agent: str) -> dict[str, Any]:
        """Return the fields that every event of an agent carries."""
        return self.pool.header(self.line.branch, self.run, agent)


class TurnWriter:
    """Writes one attempt at a turn into the pool; text is gathered for a moment into one event."""

    def __init__(self, stage: Stage, agent: str, attempt: int = 1) -> None:
        self._stage = stage
        self._agent = agent
        self._attempt = attempt
        self._turn = stage.pool.new_id()
        self._seq = 0
        self._pieces: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self.text = ""

    def start(self, *, model: str, seen: int, context: Context | None = None) -> None:
        """Record that the turn begins, what it has seen and what its prompt is made of."""
        self._put(
            TurnStarted,
            model=model,
            seen=seen,
            digest=context.digest if context else "",
            context=context.record if context else {},
            attempt=self._attempt,
        )

    def add(self, text: str) -> None:
        """Add text; it is written within the team's ``flush`` seconds."""
        self.text += text
        self._pieces.append(text)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._stage.team.flush, self._flush)

    def finish(self, reason: str, usage: Usage | None = None, cost: float | None = None) -> Event:
        """Record that the turn has ended with its text as it is."""
        self._flush()
        return self._put(TurnFinished, reason=reason, usage=usage, cost=cost, deltas=self._seq)

    def fail(
        self, error: str, *, kind: str, retriable: bool = False, wait: float = 0.0, usage: Usage | None = None
    ) -> Event:
        """Record that this attempt failed."""
        self._flush()
        return self._put(
            TurnFailed, error=error, kind=kind, retriable=retriable, attempt=self._attempt, wait=wait, usage=usage
        )

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            self._put(Delta, seq=self._seq, text="".join(self._pieces))
            self._seq += 1
            self._pieces.clear()

    def _put(self, event_type: Callable[..., Event], /, **fields: Any) -> Event:
        event = event_type(**self._stage.header(self._agent), turn=self._turn, **fields)
        self._stage.outbox.put(event)
        return event


class ModelVoice:
    """An agent that a language model speaks for."""

    def __init__(self, stage: Stage, agent: AgentSpec, client: ModelClient, limits: CallLimits) -> None:
        self._stage = stage
        self._agent = agent
        self._client = client
        self._limits = limits
        self.seen = 0
        """One past the last offset that the latest prompt was built from."""

    async def speak(self) -> Event:
        """Take one turn and return the event that ended it; a cancelled task leaves a ``cancelled`` turn.

        Raises BudgetExhaustedError before anything is asked of a server, and LogError.
        """
        attempts = self._stage.team.attempts
        for attempt in range(1, attempts + 1):
            ended = await self._attempt(attempt, last=attempt == attempts)
            if not (isinstance(ended, TurnFailed) and ended.retriable):
                break
            await asyncio.sleep(ended.wait)
        return ended

    def _context(self) -> Context:
        return build_context(self._stage.line.document, self._stage.team, self._agent, tokens=self._limits.window)

    async def _attempt(self, attempt: int, *, last: bool) -> Event:
        context = self._context()
        bound = prompt_bound(context.messages)
        reservation = await self._stage.budget.reserve(bound + self._limits.max_tokens)
        if self._stage.line.document.at >= context.seen:  # others spoke while this waited for its tokens
            fresh = self._context()
            if prompt_bound(fresh.messages) <= bound:
                context = fresh
        self.seen = context.seen
        writer = TurnWriter(self._stage, self._agent.name, attempt)
        writer.start(model=self._client.endpoint.model, seen=context.seen, context=context)
        usage: Usage | None = None
        try:
            return await self._stream(context, writer, reservation)
        except ModelError as error:
            usage = self._estimate(bound, writer.text) if writer.text or error.kind in _ACCEPTED else None
            retriable = error.retriable and not last
            wait = _backoff(attempt, error.retry_after) if retriable else 0.0
            return writer.fail(str(error), kind=error.kind, retriable=retriable, wait=wait, usage=usage)
        except asyncio.CancelledError:
            usage = self._estimate(bound, writer.text)
            writer.finish("cancelled", usage)
            raise
        except ServiceError as error:
            usage = None
            return writer.fail(str(error), kind="service")
        finally:
            reservation.settle(usage.total if usage else 0)

    def _estimate(self, bound: int, text: str) -> Usage:
        """Return what a call took at most, where its server did not say: never more than was reserved for it."""
        return Usage(prompt=bound, completion=min(text_bound(text), self._limits.max_tokens), estimated=True)

    async def _stream(self, context: Context, writer: TurnWriter, reservation: Reservation) -> Event:
        pieces = self._client.stream(
            context.messages,
            max_tokens=self._limits.max_tokens,
            temperature=self._limits.temperature,
            seed=self._stage.team.seed,
        )
        reason, usage = "stop", None
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, str):
                    writer.add(piece)
                    await self._stage.outbox.room()
                else:
                    reason, usage = piece.reason, piece.usage
        usage = usage or self._estimate(prompt_bound(context.messages), writer.text)
        reservation.settle(usage.total)
        return writer.finish(reason if writer.text.strip() else "silent", usage, cost(usage, self._client.endpoint))


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
        writer.start(model=f"python:{self._agent.python}", seen=self.seen)
        try:
            text = await call(self._function, document)
        except asyncio.CancelledError:
            writer.finish("cancelled")
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises is its failed turn
            return writer.fail(_describe(error), kind="python")
        if text is not None and not isinstance(text, str):
            return writer.fail(f"returned {type(text).__name__}, not text or None", kind="python")
        writer.add(text or "")
        return writer.finish("stop" if text and text.strip() else "silent")


def _describe(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _backoff(attempt: int, retry_after: float | None) -> float:
    """Return the seconds to wait before the next attempt.

    Exponential with full jitter (Brooker, *Exponential Backoff and Jitter*, AWS Architecture Blog, 2015), and never
    less than the server asked for.
    """
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
    jitter = random.uniform(longest / 4, longest)  # noqa: S311 - no secret
    return jitter if retry_after is None else retry_after + random.uniform(0, 0.1 * retry_after)  # noqa: S311
