"""One call of a tool, from what was asked for to the answer: at most once, and what nobody can know is said.

An approval is used up by ``effect_started``, which is stored, and read back as the first of its kind under a claim that
holds, before the function is called. So a crash leaves a call that was not begun, one that has an end, or one *in
doubt*: that is settled by the tool's own ``check``, or by calling it again with the same key where it is idempotent, or
else by a person. More than that no log can promise: it cannot see what happened outside.
"""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.pool.effects import OF_ANSWERS, Effect, canonical, digest_of_effect, digest_of_gate
from agentpool_jupyter.pool.events import (
    NOTHING_READ,
    Decision,
    EffectDone,
    EffectFailed,
    EffectStarted,
    Event,
    GateEdited,
    Proposal,
    Rests,
    Vote,
)
from agentpool_jupyter.pool.votes import Gate, Verdict

from .function import run_function
from .masking import masked
from .printed import Printed
from .tool import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from agentpool_jupyter.pool import Pool

    from .tool import Tool
    from .voters import Voter

    Store = Callable[[Sequence[Event]], Awaitable[object]]
    """Stores events durably and in order, and returns when that is done."""

_STEP = 0.2  # seconds between two looks whether the log's time is over, too
_MOST_SAID = 500  # characters of an exception that a model is told


class NotHeldError(AgentPoolError):
    """The claim under which a call was to be made is superseded: it is another process's to make, or was made."""


@dataclass(frozen=True, kw_only=True)
class EffectRequest:
    """What is asked for: a call of a tool by an agent's turn."""

    tool: Tool
    arguments: dict[str, Any]
    """As :meth:`.Tool.read` returned them."""
    key: str
    header: Callable[..., dict[str, Any]]
    """Makes what every event of the effect carries; given a voter, what that voter's carry."""
    text: str = ""
    """What it is for, in words."""
    data: dict[str, Any] = field(default_factory=dict)
    """What else the proposal is to say."""
    gate: Gate | None = None
    """Who has to agree; None for nobody."""
    voters: Mapping[str, Voter] = field(default_factory=dict)
    """Those who are asked from here; people, and others elsewhere, vote through the log."""
    turn: str = ""
    seen: int = 0
    redact: Callable[[Any], Any] | None = None
    """What results, errors and reasons go through before they are stored, beside the masking of secrets."""
    rests: Rests = NOTHING_READ
    """What the turn had read that may change until it is decided."""

    @property
    def guards(self) -> tuple[str, ...]:
        """Those of its voters who are asked first."""
        asked = self.gate.ask if self.gate else ()
        return tuple(name for name in asked if name in self.voters and self.voters[name].guard)

    def clean(self, value: Any) -> Any:
        """Return plain data as it may be stored."""
        return self.redact(value) if self.redact else value


class Performer:
    """Carries out the calls of one run."""

    def __init__(
        self,
        pool: Pool,
        store: Store,
        leave: Callable[[Event], None],
        moved: Callable[[], Coroutine[Any, Any, object]],
        owner: str = "",
    ) -> None:
        self._pool = pool
        self._store = store
        self._leave = leave
        """Hands an event over to be stored, without waiting."""
        self._moved = moved
        """Waits until the log has grown."""
        self._owner = owner
        """Outside of runs, this process."""

    async def perform(self, request: EffectRequest) -> Effect:
        """Carry out a call, unless that was done before, and return it as the log has it then.

        Raises NotHeldError where this process may no longer act, LogError where the log does not take it. A cancelled
        task leaves the call in doubt.
        """
        call = await asyncio.to_thread(lambda: self._pool.effects.of_key(request.key)) if request.key else None
        if call is None or (call.status == "waiting" and call.left):  # who is asked is asked on this line
            call = await self._propose(request)
        while call.status in ("waiting", "approved"):
            if self._owner and call.left:
                return call  # outside of runs nobody goes on with it
            if call.status == "waiting":
                call = await self._decide(call, request)
            elif await self._start(call, request):
                return await self._carry_out(call, request)
            call = await self._read_back(call.id)
        return await self._settle(call, request) if call.status == "in doubt" else call

    async def _propose(self, request: EffectRequest) -> Effect:
        tool = request.tool
        proposal = Proposal(
            **request.header(),
            proposal=self._pool.new_id(),
            text=request.text,
            data=OF_ANSWERS if tool.answered else request.data,
            tool=tool.name,
            arguments=request.arguments,
            digest=digest_of_effect(tool.name, request.arguments),
            key=request.key,
            turn=request.turn,
            seen=request.seen,
            gate=msgspec.to_builtins(request.gate) if request.gate else {},
            gate_digest=digest_of_gate(request.gate) if request.gate else "",
            guards=request.guards,
            rests=request.rests,
        )
        events: list[Event] = [proposal]
        if request.gate is None:  # one wait for the log in place of two
            events.append(self._decision(request, proposal.proposal, Verdict(accepted=True, why="nobody has to agree")))
        await self._store(events)
        return await self._read_back(proposal.proposal)

    async def _decide(self, effect: Effect, request: EffectRequest) -> Effect:
        """Have those vote who can be asked from here, wait for the others, and store what the votes come to.

        Functions are asked first, and where they have decided it nobody else is. Where what it rests on changes
        meanwhile, all are asked anew: an answer to what was is no answer any more.
        """
        await self._tell_gate(effect, request)
        within = effect.gate.within if effect.gate else None
        over = None if within is None else asyncio.get_running_loop().time() + within
        asking: dict[str, asyncio.Task[None]] = {}
        since = effect.since
        try:
            while effect.status == "waiting" and not (self._owner and effect.left):
                news = asyncio.create_task(self._moved())  # before it is looked at what there is, lest some be missed
                effect = await self._read_back(effect.id)
                if since != effect.since:
                    since = effect.since
                    await _cancel(asking)
                verdict = effect.verdict(effect.deadline or 0 if _is_over(over) else 0)
                if verdict.accepted is not None:
                    await self._store([self._decision(request, effect.id, _let_pass(effect, verdict))])
                    effect = await self._read_back(effect.id)
                if effect.status == "waiting":
                    for voter in request.voters:
                        if voter not in asking and effect.asks(voter):
                            asking[voter] = asyncio.create_task(self._ask(effect, request, voter))
                    open_ = {news, *(task for task in asking.values() if not task.done())}
                    await asyncio.wait(open_, timeout=_until(over), return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        finally:
            await _cancel(asking)
        return effect

    async def _tell_gate(self, effect: Effect, request: EffectRequest) -> None:
        """Say in the log that a gate is another one than that under which an effect was proposed, where it is."""
        if effect.gate is None or request.gate in (None, effect.gate) or not effect.proposal.gate_digest:
            return
        gate, digest = msgspec.to_builtins(request.gate), digest_of_gate(request.gate)
        edited = GateEdited(**request.header(), proposal=effect.id, gate=gate, digest=digest, guards=request.guards)
        await self._store([edited])

    async def _ask(self, effect: Effect, request: EffectRequest, voter: str) -> None:
        seen = effect.since
        ballot = await request.voters[voter].ask(effect)
        vote = Vote(
            **request.header(voter),
            proposal=effect.id,
            accept=ballot.accept,
            text=request.clean(ballot.why),
            digest=effect.proposal.digest,
            confidence=ballot.confidence,
            seen=seen,
            usage=ballot.usage,
        )
        await self._store([vote])

    def _decision(self, request: EffectRequest, proposal: str, verdict: Verdict) -> Decision:
        accepted = bool(verdict.accepted)
        return Decision(**request.header(), proposal=proposal, accepted=accepted, text=verdict.why)

    async def _start(self, call: Effect, request: EffectRequest) -> bool:
        """Use the approval up, and return whether it still held; raises NotHeldError where somebody else did, or might.

        It does not where what it rests on has changed since.
        """
        started = EffectStarted(**request.header(), proposal=call.id, digest=call.proposal.digest, owner=self._owner)
        await self._store([started])
        known = await self._read_back(call.id)
        if known.status == "waiting":
            return False
        if known.started is None or known.started.id != started.id or known.status != "running":
            message = f"call {call.id} of {call.proposal.tool} was not made: the run was taken up elsewhere"
            raise NotHeldError(message)
        return True

    async def _carry_out(self, call: Effect, request: EffectRequest) -> Effect:
        tool = request.tool

        printed = Printed()

        def failed(error: str, *, detail: str = "", doubt: bool = False) -> EffectFailed:
            told = {"error": error, "detail": detail, "output": printed.text}
            return EffectFailed(**request.header(), proposal=call.id, doubt=doubt, **request.clean(told))

        end: Event
        try:
            with printed:
                async with asyncio.timeout(tool.options.timeout):
                    result = await run_function(tool.call_with(call.proposal.arguments, request.key, call))
        except TimeoutError:
            seconds = f"{tool.options.timeout:g} s"
            end = failed(f"it took longer than {seconds}, and nobody knows whether it was carried out", doubt=True)
        except asyncio.CancelledError:
            self._leave(failed("it was stopped in the middle, and nobody knows whether it was carried out", doubt=True))
            raise
        except Exception as problem:  # noqa: BLE001 - whatever a tool raises is its answer
            end = failed(_short(problem), detail=_whole(problem))
        else:
            told = request.clean({"result": _plain(result), "output": printed.text})
            end = EffectDone(**request.header(), proposal=call.id, **told)
        await self._store([end])
        return await self._read_back(call.id)

    async def _settle(self, call: Effect, request: EffectRequest) -> Effect:
        """Find out about a call in doubt, where its tool says how; else it stays in doubt, for a person to settle."""
        options = request.tool.options
        if options.idempotent:
            return await self._carry_out(call, request)
        if options.check is None:
            return call
        try:
            happened = await run_function(partial(options.check, **call.proposal.arguments))
        except Exception as problem:  # noqa: BLE001 - a check that fails says nothing
            error = f"nobody knows whether it was carried out, and its check failed: {request.clean(_short(problem))}"
            await self._store([EffectFailed(**request.header(), proposal=call.id, error=error, doubt=True)])
            return await self._read_back(call.id)
        if not happened:
            return await self._carry_out(call, request)
        known = "it was carried out; its result is not known"
        await self._store([EffectDone(**request.header(), proposal=call.id, result=known)])
        return await self._read_back(call.id)

    async def _read_back(self, call: str) -> Effect:
        found = await asyncio.to_thread(lambda: self._pool.effects.get(call))
        if found is None:  # what was stored counts for nothing: its claim was superseded
            message = f"call {call} was not made: the run was taken up elsewhere"
            raise NotHeldError(message)
        return found


async def _cancel(tasks: dict[str, asyncio.Task[None]]) -> None:
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    tasks.clear()


def _until(moment: float | None) -> float | None:
    """Return the seconds that are left; then a step, for the log's own time may not be as far."""
    return None if moment is None else max(_STEP, moment - asyncio.get_running_loop().time())


def _is_over(moment: float | None) -> bool:
    return moment is not None and asyncio.get_running_loop().time() >= moment


def _let_pass(effect: Effect, verdict: Verdict) -> Verdict:
    """Return what is decided: where a gate is only a shadow, that all may pass, and what would be decided."""
    if effect.gate is None or not effect.gate.shadow:
        return verdict
    would = "be let pass" if verdict.accepted else "be refused"
    return Verdict(accepted=True, why=f"only recorded, it would {would}: {verdict.why}")


def answer_of(call: Effect) -> str:
    """Return what a model is told of a call."""
    match call.ended, call.status:
        case EffectDone(result=None, output=output), _:
            return output.strip() or "done"
        case EffectDone(result=result), _:
            return result if isinstance(result, str) else canonical(result).decode()
        case EffectFailed(error=error), _:
            return f"error: {error}"
        case _, "refused":
            return f"not done: {call.decision.text if call.decision else 'refused'}"
        case _, "in doubt":
            return "error: nobody knows whether it was carried out; a person has to look"
        case _:
            return "not done: its line was left before it was decided" if call.left else "not done yet"


def _plain(result: Any) -> Any:
    """Return a result as the log can hold it, without secrets; what JSON does not know is its text."""
    plain = masked(msgspec.to_builtins(result, enc_hook=str, str_keys=True))
    size = len(canonical(plain))
    if size > MOST_BYTES:
        return f"(it was done; its result has {size:,} bytes as JSON, and at most {MOST_BYTES:,} are kept: return less)"
    return plain


def _short(problem: BaseException) -> str:
    return str(masked(f"{type(problem).__name__}: {problem}"))[:_MOST_SAID]


def _whole(problem: BaseException) -> str:
    return str(masked("".join(traceback.format_exception(problem))))[-MOST_BYTES:]
