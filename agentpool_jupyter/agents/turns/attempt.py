"""One attempt at a turn: a text that is said in one go, or in strides between which the pool is read again."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from agentpool_jupyter.agents.models.continuation import (
    FLAGS,
    IN_WORDS,
    PROBE,
    PROBE_TOKENS,
    Continuation,
    Seam,
    going_on,
)
from agentpool_jupyter.agents.models.endpoint import cost
from agentpool_jupyter.agents.models.trial import MOST_CALLS, find_continuation
from agentpool_jupyter.agents.prompt.context import BYTES_PER_TOKEN, build_context, digest_of
from agentpool_jupyter.agents.prompt.reading import shared_out
from agentpool_jupyter.agents.reminders.cue import cue_of
from agentpool_jupyter.agents.reminders.lookup import NOTHING
from agentpool_jupyter.errors import ModelError
from agentpool_jupyter.pool.events import Usage
from agentpool_jupyter.pool.words import CANCELLED, SILENT

from .budget import prompt_bound, text_bound
from .writer import TurnWriter

if TYPE_CHECKING:
    from agentpool_jupyter.agents.models.client import ModelClient
    from agentpool_jupyter.agents.models.limits import CallLimits
    from agentpool_jupyter.agents.prompt.context import Context
    from agentpool_jupyter.agents.reminders.lookup import Lookup
    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool import Event

    from .budget import Reservation
    from .writer import Stage

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 20.0
# Kinds of failure after a server had taken the prompt: what it counted is not known, so the bounds count, and the
# budget holds all the same.
_ACCEPTED = {"cut", "timeout", "malformed"}


class _Call(NamedTuple):
    """A call that may be made: what it asks, and what is set aside for it."""

    context: Context
    tokens: int
    """Most completion tokens."""
    reservation: Reservation
    continuation: Continuation | None = None
    """How it goes on with what was said; None for a turn's first."""
    recalled: Lookup = NOTHING
    """What was looked up for it."""

    @property
    def bound(self) -> int:
        """Most prompt tokens."""
        return prompt_bound(self.context.messages)


class Speech:
    """One attempt at a turn by a model; belongs to one event loop."""

    def __init__(self, stage: Stage, agent: AgentSpec, client: ModelClient, limits: CallLimits, attempt: int) -> None:
        self._stage = stage
        self._agent = agent
        self._client = client
        self._limits = limits
        self.attempt = attempt
        self._writer = TurnWriter(stage, agent.name, attempt)
        self._left = limits.max_tokens
        self._stride = limits.stride or limits.max_tokens
        self.usage: Usage | None = None
        """What its calls took; None where no server took one."""
        self.seen = 0
        """One past the last offset that its latest prompt was built from."""

    async def begin(self) -> _Call:
        """Reserve the first call and record that the turn begins.

        Raises BudgetExhaustedError before anything is recorded.
        """
        call = await self._prepare(None)
        self._writer.start(model=self._client.endpoint.model, seen=self.seen, context=call.context)
        self._writer.recall(call.recalled, call.context)
        return call

    async def say(self, call: _Call) -> Event:
        """Say it all, from the first call on, and return the event that ends the turn.

        A stride whose server fails is tried again from the text so far. Raises ModelError where that is of no use,
        BudgetExhaustedError where the next stride does not fit, ServiceError and LogError.
        """
        failures = 0
        while True:
            error, said = "", len(self._writer.text)
            try:
                reason = await self._stretch(call)
                failures = 0
            except ModelError as problem:
                if not self._refused_prefill(call, problem):
                    failures += 1
                    if not (self.goes_on and problem.retriable and failures < self._stage.team.attempts):
                        raise
                    if self._left <= 0:
                        return self._finish("length")
                    await asyncio.sleep(backoff(failures, problem.retry_after))
                error = str(problem)
            else:
                if reason != "length" or self._left <= 0:
                    return self._finish(reason)
                if len(self._writer.text) == said:  # all of the stride went into thinking: have no more such stops
                    if self._stride >= self._left:
                        return self._finish(reason)
                    self._stride = self._left
            call = await self._go_on(error)

    @property
    def goes_on(self) -> bool:
        """Whether what was said can be gone on with: what it has tried in vain is then not to be begun anew."""
        return bool(self._limits.stride and self._writer.text.strip())

    @property
    def said(self) -> int:
        """About how many tokens it has said so far."""
        return text_bound(self._writer.text) // BYTES_PER_TOKEN

    def fail(self, error: str, *, kind: str, retriable: bool = False, wait: float = 0.0) -> Event:
        """Record that the attempt failed."""
        return self._writer.fail(error, kind=kind, retriable=retriable, wait=wait, usage=self.usage)

    def cancel(self) -> Event:
        """Record that the turn ends here because it was stopped."""
        return self._writer.finish(CANCELLED, self.usage, self._cost())

    def _finish(self, reason: str) -> Event:
        return self._writer.finish(reason if self._writer.text.strip() else SILENT, self.usage, self._cost())

    def _cost(self) -> float | None:
        return cost(self.usage, self._client.endpoint) if self.usage else None

    def _refused_prefill(self, call: _Call, problem: ModelError) -> bool:
        """Whether a server would not go on with its own text; it is asked in words from now on."""
        if call.continuation in (None, IN_WORDS) or problem.kind != "request":
            return False
        self._client.continuation = IN_WORDS
        return True

    # One call ----------------------------------------------------------------------------------------------

    async def _prepare(self, continuation: Continuation | None) -> _Call:
        """Build the prompt and reserve its tokens; raises BudgetExhaustedError."""
        tokens = min(self._stride, self._left)
        recalled = await self._recall(continuation)
        context = self._context(continuation, recalled)
        bound = prompt_bound(context.messages)
        reservation = await self._stage.budget.reserve(bound + tokens)
        if self._stage.line.document.at >= context.seen:  # others spoke while this waited for its tokens
            fresh = self._context(continuation, recalled)
            if prompt_bound(fresh.messages) <= bound:
                context = fresh
        self.seen = context.seen
        return _Call(context, tokens, reservation, continuation, recalled)

    async def _go_on(self, error: str) -> _Call:
        continuation = await self._find_continuation()
        call = await self._prepare(continuation)
        self._writer.go_on(call.context, continuation.way, error)
        self._writer.recall(call.recalled, call.context)
        return call

    async def _recall(self, continuation: Continuation | None) -> Lookup:
        """Look up what the agent is to be reminded of."""
        stage = self._stage
        if stage.team.recall_of(self._agent) is None:
            return NOTHING
        prompt = self._context(continuation, NOTHING)
        cue = cue_of(stage.line.document, stage.team, self._agent, prompt, self._writer.text)
        return await stage.recalling.look_up(cue)

    def _context(self, continuation: Continuation | None, recalled: Lookup) -> Context:
        turn, text = (self._writer.turn, self._writer.text) if continuation else (None, "")
        context = build_context(
            self._stage.line.document,
            self._stage.team,
            self._agent,
            tokens=self._limits.window,
            recall=recalled.reminders,
            going_on=turn,
            begun=text,
        )
        if continuation is None:
            return context
        messages = going_on(context.messages, text, continuation.way)
        return msgspec.structs.replace(context, messages=messages, digest=digest_of(messages))

    async def _stretch(self, call: _Call) -> str:
        """Stream one call's answer into the turn and return its finish reason; settles what was reserved for it."""
        said = len(self._writer.text)
        taken: Usage | None = None
        try:
            reason, taken = await self._stream(call)
        except ModelError as error:
            if len(self._writer.text) > said or error.kind in _ACCEPTED:
                taken = self._estimate(call, said)
            self._left -= min(call.tokens, text_bound(self._writer.text[said:]))
            raise
        except asyncio.CancelledError:
            taken = self._estimate(call, said)
            raise
        else:
            taken = taken or self._estimate(call, said)
            self._left -= call.tokens if reason == "length" else min(taken.completion, call.tokens)
            return reason
        finally:
            call.reservation.settle(taken.total if taken else 0)
            if taken:
                self._count(shared_out(taken, call.context.record))

    async def _stream(self, call: _Call) -> tuple[str, Usage | None]:
        continuation = call.continuation
        seam = Seam(self._writer.text, continuation) if continuation else None
        pieces = self._client.stream(
            call.context.messages,
            max_tokens=call.tokens,
            temperature=self._limits.temperature,
            seed=self._stage.team.seed,
            flags=FLAGS if continuation and continuation.way == "flagged" else None,
        )
        reason, usage = "stop", None
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, str):
                    self._writer.add(seam.feed(piece) if seam else piece)
                    await self._stage.outbox.room()
                else:
                    reason, usage = piece.reason, piece.usage
        if seam:
            self._writer.add(seam.close())
        return reason, usage

    def _estimate(self, call: _Call, said: int) -> Usage:
        """Return what a call took at most, where its server did not say: never more than was reserved for it."""
        completion = min(text_bound(self._writer.text[said:]), call.tokens)
        return Usage(prompt=call.bound, completion=completion, estimated=True)

    def _count(self, usage: Usage) -> None:
        self.usage = usage if self.usage is None else self.usage + usage

    # How the server goes on --------------------------------------------------------------------------------

    async def _find_continuation(self) -> Continuation:
        """Return how this server goes on with a text, trying it first where that is not known."""
        client = self._client
        async with client.trying:
            if client.continuation is not None:
                return client.continuation
            bound = prompt_bound(PROBE)
            reservation = await self._stage.budget.reserve(MOST_CALLS * (bound + PROBE_TOKENS))
            usage = Usage()
            try:
                async for taken in find_continuation(client):
                    usage += taken or Usage(prompt=bound, completion=PROBE_TOKENS, estimated=True)
            except ModelError:
                return IN_WORDS  # for now: another turn may try again
            finally:
                reservation.settle(usage.total)
                if usage.total:
                    self._count(usage)
            return client.continuation or IN_WORDS


def backoff(attempt: int, retry_after: float | None) -> float:
    """Return the seconds to wait before the next attempt.

    Exponential with full jitter (Brooker, *Exponential Backoff and Jitter*, AWS Architecture Blog, 2015), and never
    less than the server asked for.
    """
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
    jitter = random.uniform(longest / 4, longest)  # noqa: S311 - no secret
    return jitter if retry_after is None else retry_after + random.uniform(0, 0.1 * retry_after)  # noqa: S311
