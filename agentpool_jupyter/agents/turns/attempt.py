"""One attempt at a turn: in one go, or in strides between which the pool is read again."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.agents.models.answer import CALLS, Answer
from agentpool_jupyter.agents.models.continuation import FLAGS, IN_WORDS, Continuation, Seam, going_on
from agentpool_jupyter.agents.models.dialect import CHOICE, TOOLS
from agentpool_jupyter.agents.models.endpoint import cost
from agentpool_jupyter.agents.models.refusals import backoff
from agentpool_jupyter.agents.models.spoken_calls import described, held_to_call, may_be_call, read_call, with_exchange
from agentpool_jupyter.agents.models.trial import MOST_CALLS, PROBE, PROBE_TOKENS, find_continuation
from agentpool_jupyter.agents.prompt.build import BYTES_PER_TOKEN, Reminder, build_prompt, digest_of
from agentpool_jupyter.agents.prompt.edits import edits_of
from agentpool_jupyter.agents.prompt.record import shared_out
from agentpool_jupyter.agents.reminders.cue import cue_of
from agentpool_jupyter.agents.reminders.lookup import NOTHING
from agentpool_jupyter.errors import ModelError
from agentpool_jupyter.pool.effects import canonical
from agentpool_jupyter.pool.events import Usage
from agentpool_jupyter.pool.words import CANCELLED, FILTERED, LENGTH, REFUSED, SILENT, THOUGHT, WITHHELD

from .budget import BudgetExhaustedError, prompt_load, text_bound
from .call import Call, most
from .toolbox import Toolbox, messages_of
from .writer import AttemptWriter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentpool_jupyter.agents.models.client import ModelClient
    from agentpool_jupyter.agents.models.endpoint import CallLimits
    from agentpool_jupyter.agents.prompt.build import Prompt
    from agentpool_jupyter.agents.reminders.lookup import Lookup
    from agentpool_jupyter.agents.team.spec import AgentSpec
    from agentpool_jupyter.pool import Event

    from .writer import RunResources

# Failures after a server had taken the prompt. What it counted is not known, so it is estimated from what came.
_ACCEPTED = {"cut", "timeout", "malformed"}
# Ends of a turn that has no text. Else there was nothing to say.
_WORDLESS = {LENGTH: THOUGHT, FILTERED: WITHHELD, REFUSED: REFUSED}


class Attempt:
    """One attempt at a turn by a model; belongs to one event loop.

    With ``max_tokens: 300`` and ``stride: 100`` its calls ask for at most 100 tokens each. A call that ends for want of
    tokens ends a stride: the next call's prompt is built from the pool as it is then, and goes on with the text. If the
    second call breaks off after 40 tokens, 160 are left, and the third call goes on from the 140 that are there.
    """

    def __init__(
        self, resources: RunResources, agent: AgentSpec, client: ModelClient, limits: CallLimits, number: int
    ) -> None:
        self._resources = resources
        self._agent = agent
        self._client = client
        self._limits = limits
        self.number = number
        """Which attempt at its turn it is, from 1."""
        self._writer = AttemptWriter(resources, agent.name, number)
        self.log = self._writer.log
        """Its records name the run, the agent and the turn."""
        self._toolbox = Toolbox(resources, agent)
        self._exchange: list[dict[str, Any]] = []  # what it said and called so far, and what the tools answered
        self._base = 0  # how much of its text stands in there
        self.at_rest = asyncio.Event()
        """Set while no tool is called for it: it may be broken off."""
        self.at_rest.set()
        self._answer = Answer()  # the present call's
        self._left = limits.max_tokens
        self._stride = limits.stride or limits.max_tokens
        self.usage: Usage | None = None
        """What its calls took; None where no server took one."""
        self.seen = 0
        """One past the last offset that its latest prompt was built from."""

    async def begin(self) -> Call:
        """Reserve the first call and record that the attempt begins.

        Raises BudgetExhaustedError before anything is recorded.
        """
        try:
            call = await self._prepare(None)
        except BudgetExhaustedError:
            raise
        except Exception:
            self._writer.start(model=self._client.endpoint.model, seen=self.seen)  # it is to fail in everyone's sight
            raise
        self._writer.start(model=self._client.endpoint.model, seen=self.seen, prompt=call.prompt)
        self._writer.record_recalled(call.recalled, call.prompt)
        return call

    async def go(self, call: Call) -> Event:
        """Take all strides, from the first call on, and return the event that ends the turn.

        A stride whose server fails is tried again from the text so far. Raises ModelError where that is of no use,
        BudgetExhaustedError where the next stride does not fit, ServiceError and LogError.
        """
        failures = 0
        while True:
            before = len(self._writer.text)
            try:
                reason = await self._make(call)
            except ModelError as problem:
                if call.prompt.tools and not call.in_words and not self._client.takes_tools:
                    call = await self._go_on(str(problem))
                    continue
                if not self._refused_prefill(call, problem):
                    failures += 1
                    if not (self.can_go_on and problem.retriable and failures < self._resources.team.attempts):
                        raise
                    if self._left <= 0:
                        return self._finish(LENGTH)
                    await asyncio.sleep(backoff(failures, problem.retry_after))
                self._writer.leave()
                call = await self._next_call(str(problem))
                continue
            failures = 0
            if self._left <= 0 or not self._goes_on(call, reason, silent=len(self._writer.text) == before):
                return self._finish(reason)
            if reason == CALLS:
                call = await self._call_tools()
            else:
                self._writer.leave()
                call = await self._next_call("")

    def _goes_on(self, call: Call, reason: str, *, silent: bool) -> bool:
        """Return whether the end of an answer is not yet the turn's: it calls tools, or only a stride has ended."""
        if reason != LENGTH:
            return reason == CALLS and bool(call.prompt.tools)
        if silent or self._answer.calls:  # a stride does not break a thought or a call in two: make no more such stops
            if self._stride >= self._left:
                return False
            self._stride = self._left
        return True

    @property
    def can_go_on(self) -> bool:
        """Whether there is a text to go on with: an attempt that failed in doing so is not begun anew."""
        return bool(self._limits.stride and self._writer.text.strip())

    @property
    def tokens_written(self) -> int:
        """About how many tokens its text has so far."""
        return text_bound(self._writer.text) // BYTES_PER_TOKEN

    def fail(self, error: str, *, kind: str, retriable: bool = False, wait: float = 0.0) -> Event:
        """Record that the attempt failed."""
        return self._writer.fail(error, kind=kind, retriable=retriable, wait=wait, usage=self.usage, cost=self._cost())

    def cancel(self) -> Event:
        """Record that the turn ends here because the run was stopped."""
        return self._writer.finish(CANCELLED, self.usage, self._cost())

    def _finish(self, reason: str) -> Event:
        self._writer.settle()
        said = reason if self._writer.text.strip() else _WORDLESS.get(reason, SILENT)
        return self._writer.finish(said, self.usage, self._cost())

    def _cost(self) -> float | None:
        return cost(self.usage, self._client.endpoint) if self.usage else None

    def _refused_prefill(self, call: Call, problem: ModelError) -> bool:
        """Whether a server refused to go on with its own text; it is asked in words from now on."""
        if call.continuation in (None, IN_WORDS) or problem.kind != "request":
            return False
        self._client.continuation = IN_WORDS
        return True

    # One call ----------------------------------------------------------------------------------------------

    async def _prepare(self, continuation: Continuation | None) -> Call:
        """Build the prompt and reserve its tokens; raises BudgetExhaustedError."""
        tokens = min(self._stride, self._left)
        recalled = await self._look_up(continuation)
        prompt = self._prompt(continuation, recalled)
        bound = most(self._client.gauge, prompt)
        reservation = await self._resources.budget.reserve(bound + tokens + self._client.gauge.beyond)
        if self._resources.live.document.at >= prompt.seen:  # the pool grew while this waited for its tokens
            fresh = self._prompt(continuation, recalled)
            if most(self._client.gauge, fresh) <= bound:
                prompt = fresh
        self.seen = prompt.seen
        in_words = not self._client.takes_tools
        return Call(prompt, tokens, reservation, continuation, recalled, in_words=in_words)

    async def _next_call(self, error: str) -> Call:
        continuation = await self._find_continuation()
        call = await self._prepare(continuation)
        self._writer.go_on(call.prompt, continuation.way, error)
        self._writer.record_recalled(call.recalled, call.prompt)
        return call

    async def _call_tools(self) -> Call:
        """Make the calls that the answer asks for, and prepare the one that goes on with what they answered."""
        asked = [self._toolbox.clean(self._answer.calls[place]) for place in sorted(self._answer.calls)]
        self._writer.settle()
        said = self._writer.text[self._base :]
        self.at_rest.clear()
        try:
            self._writer.flush()
            answers = await self._toolbox.answer(asked, self._writer.turn, self.seen)
        finally:
            self.at_rest.set()
        exchange = messages_of(said, asked, answers)
        self._exchange += exchange
        if said.strip() and not said.endswith("\n"):
            self._writer.add("\n\n")
        self._base = len(self._writer.text)
        return await self._go_on(exchange=exchange)

    async def _go_on(self, error: str = "", exchange: Sequence[Mapping[str, Any]] = ()) -> Call:
        """Prepare a call behind what tools have answered so far."""
        call = await self._prepare(None)
        self._writer.go_on(call.prompt, "called", error, exchange)
        self._writer.record_recalled(call.recalled, call.prompt)
        return call

    async def _look_up(self, continuation: Continuation | None) -> Lookup:
        """Look up what the agent is to be reminded of."""
        resources = self._resources
        if resources.team.recall_of(self._agent) is None:
            return NOTHING
        prompt = self._prompt(continuation, NOTHING)
        cue = cue_of(resources.live.document, resources.team, self._agent, prompt, self._writer.text)
        found = await resources.reminders.look_up(cue)
        redactor = resources.redactor
        if redactor is None:
            return found
        return found._replace(reminders=tuple(Reminder(*redactor.data(one)) for one in found.reminders))

    def _prompt(self, continuation: Continuation | None, recalled: Lookup) -> Prompt:
        text = self._writer.text[self._base :] if continuation else ""
        exchange = canonical(self._exchange).decode() if self._exchange else ""
        prompt = build_prompt(
            self._resources.live.document,
            self._resources.team,
            self._agent,
            tokens=self._limits.context,
            recall=recalled.reminders,
            going_on=self._writer.turn if continuation or exchange else None,
            begun=exchange + text,
        )
        tools, redactor = self._toolbox.described, self._resources.redactor
        if not (continuation or exchange or tools or redactor):
            return prompt
        in_words = None
        if not self._client.takes_tools and (exchange or tools):
            in_words = described(tools) if tools else ""
        messages = with_exchange(prompt.messages, self._exchange, in_words)
        if continuation is not None:
            messages = going_on(messages, text, continuation.way)
        record = prompt.record if in_words is None else {**prompt.record, "in_words": in_words}
        if redactor and (clean := redactor.data(messages)) != messages:  # what the pool had from before, or from others
            messages, record = clean, {**record, "redacted": edits_of(messages, clean)}
        digest = digest_of(messages)
        return msgspec.structs.replace(prompt, messages=messages, digest=digest, tools=tools, record=record)

    async def _make(self, call: Call) -> str:
        """Stream a call's answer into the text and return its finish reason; settles what was reserved for it."""
        before = len(self._writer.text)
        self._answer = Answer()
        taken: Usage | None = None
        try:
            reason, taken = await self._stream(call)
        except ModelError as error:
            taken = self._answer.usage
            if taken is None and (self._answer.bytes or self._answer.prompt_tokens or error.kind in _ACCEPTED):
                taken = call.took(self._client.gauge, self._answer, self._said(before))
            self._left -= min(call.tokens, taken.completion if taken else 0)
            raise
        except BaseException:
            taken = self._answer.usage or call.took(self._client.gauge, self._answer, self._said(before))
            raise
        else:
            if taken:
                call.teach(self._client.gauge, self._answer, self._said(before), taken)
            taken = taken or call.took(self._client.gauge, self._answer, self._said(before))
            self._left -= call.tokens if reason == LENGTH else min(taken.completion, call.tokens)
            return reason
        finally:
            call.reservation.settle(taken.total if taken else 0)
            if taken:
                self._count(shared_out(taken, call.prompt.record))

    async def _stream(self, call: Call) -> tuple[str, Usage | None]:
        continuation = call.continuation
        begun = self._writer.text[self._base :]
        seam = Seam(begun, continuation) if continuation else None
        flags = FLAGS if continuation and continuation.way == "flagged" else {}
        options, tools = self._limits.options or {}, call.prompt.tools
        calling = held_to_call(tools, options.get(CHOICE)) if call.in_words else {TOOLS: list(tools) or None}
        held = "" if tools and call.in_words else None  # what may be a call in words, as far as it has come
        pieces = self._client.stream(
            call.prompt.messages,
            max_tokens=call.tokens,
            temperature=self._limits.temperature,
            seed=self._resources.team.seed,
            options={**options, **flags, **calling},
            answer=self._answer,
            repeats=text_bound(begun) if continuation and continuation.repeats else 0,
        )
        reason, usage = "stop", None
        async with aclosing(pieces):
            async for piece in pieces:
                if not isinstance(piece, str):
                    reason, usage = piece.reason, piece.usage
                    continue
                text = seam.feed(piece) if seam else piece
                if held is not None and may_be_call(held + text):
                    held += text
                    continue
                self._writer.add((held or "") + text)
                held = None
                await self._resources.outbox.room()
        if held and (asked := read_call(held)):
            self._answer.calls[0] = asked
            return CALLS, usage
        self._writer.add((held or "") + (seam.close() if seam else ""))
        return reason, usage

    def _said(self, before: int) -> int:
        """Return the bytes of a call's text."""
        return text_bound(self._writer.text[before:])

    def _count(self, usage: Usage) -> None:
        self.usage = usage if self.usage is None else self.usage + usage

    # How the server goes on --------------------------------------------------------------------------------

    async def _find_continuation(self) -> Continuation:
        """Return how this server goes on with a text, trying it first where that is not known."""
        client = self._client
        async with client.trying:
            if client.continuation is not None:
                return client.continuation
            bound = client.gauge.prompt(prompt_load(PROBE), reserve=True)
            reservation = await self._resources.budget.reserve(MOST_CALLS * (bound + PROBE_TOKENS))
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
