"""From a pool's log to spans, by OpenTelemetry's conventions for generative AI.

A run is ``invoke_workflow``, a turn ``invoke_agent``, an attempt at it ``chat``, a call of a tool ``execute_tool``,
what was recalled ``retrieval``; the pool is the conversation. What a turn had read are its links. A run to which a task
was handed over hangs below the call by which that was done. Each run is told on the line on which it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.words import PYTHON
from agentpool_jupyter.tracing.line import Line
from agentpool_jupyter.tracing.turn import Trace

from .record import SpanKey, SpanRecord, span_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentpool_jupyter.pool import Pool, Usage
    from agentpool_jupyter.pool.effects import Effect
    from agentpool_jupyter.pool.runs import RunRecord
    from agentpool_jupyter.tracing.turn import AttemptTrace

_MILLI = 1_000_000  # nanoseconds
_PROVIDER = "openai"
"""The flavour of telemetry, by the conventions: servers of all makers are asked in OpenAI's way."""


def spans_of(pool: Pool, run: str, *, content: bool) -> Iterator[SpanRecord]:
    """Yield the spans of a run and of those below it; of what has not ended, none.

    With ``content`` they have prompts, texts, arguments and results.
    """
    for record in (pool.runs[run], *pool.runs.below(run)):
        yield from _RunSpans(pool, record, root=run, content=content).spans()


class _RunSpans:
    """The spans of one run."""

    def __init__(self, pool: Pool, record: RunRecord, *, root: str, content: bool) -> None:
        self._pool, self._record, self._root, self._content = pool, record, root, content
        position = Position(record.branch, pool.end - 1)
        self._document = pool.document(position)
        self._line = Line(pool, position)
        self._names = {turn.id: turn.name for turn in self._document.turns}

    def spans(self) -> Iterator[SpanRecord]:
        turns = [turn for turn in self._document.turns if turn.run == self._record.id and turn.end is not None]
        traces = [Trace(self._pool, self._document, self._line, turn) for turn in turns]
        yield self._run(traces)
        for trace in traces:
            yield from self._turn(trace)

    def _run(self, traces: list[Trace]) -> SpanRecord:
        record, finished = self._record, self._record.finished
        start = min((trace.attempts[0].turn.time for trace in traces), default=record.last_sign)
        (event,) = self._pool.events(record.start, record.start + 1) if record.start >= 0 else (None,)
        start = min(start, event.time) if event else start
        asked = self._pool.effects.of_key(record.key) if record.key else None
        found = record.spec.get("agents")
        agents = (
            [agent.get("name", "") for agent in found if isinstance(agent, dict)] if isinstance(found, list) else []
        )
        name = "+".join(map(str, agents))[:80] or "team"
        attributes = self._facts("invoke_workflow") | {
            "gen_ai.workflow.name": name,
            "gen_ai.agent.name": name,
            "agentpool.run": record.id,
            "agentpool.branch": record.branch,
        }
        if finished:
            attributes["agentpool.run.reason"] = finished.reason
        if self._content:
            attributes["agentpool.task"] = str(record.spec.get("task", ""))
        failed = finished is not None and finished.reason == "failed"
        return SpanRecord(
            key=self._key("run", record.id),
            parent=self._key("effect", asked.id) if asked else None,
            name=f"invoke_workflow {name}",
            kind="internal",
            start=start * _MILLI,
            end=max(start, finished.time if finished else record.last_sign) * _MILLI,
            attributes=attributes,
            error=(finished.detail or "failed") if failed and finished else "",
        )

    def _turn(self, trace: Trace) -> Iterator[SpanRecord]:
        turn, last = trace.turn, trace.attempts[-1]
        key = self._key("turn", turn.id)
        links = [(self._key("turn", read.id, run=read.run), read.name) for read in trace.seen if read.model]
        attributes = self._facts("invoke_agent") | {
            "gen_ai.agent.name": turn.agent,
            "gen_ai.provider.name": _PROVIDER,
            "agentpool.turn": turn.name,
            "agentpool.branch": turn.branch,
            "agentpool.offset": turn.start,
            "agentpool.seen": last.seen,
        }
        attributes |= _model(turn.model) | _tokens(turn.usage)
        yield SpanRecord(
            key=key,
            parent=self._key("run", turn.run),
            name=f"invoke_agent {turn.agent}",
            kind="internal",
            start=trace.attempts[0].turn.time * _MILLI,
            end=_ended(last) * _MILLI,
            attributes=attributes,
            links=links,
            error=turn.error,
        )
        for attempt in trace.attempts:
            if attempt.prompts:
                yield self._attempt(attempt, key)
            yield from self._recalls(attempt, key)
        yield from (self._effect(effect, key) for effect in trace.effects if effect.started and effect.ended)

    def _attempt(self, attempt: AttemptTrace, parent: SpanKey) -> SpanRecord:
        turn = attempt.turn
        attributes = self._facts("chat") | {"gen_ai.provider.name": _PROVIDER, "agentpool.attempt": turn.attempt}
        attributes |= _model(turn.model) | _tokens(turn.usage)
        if turn.reason:
            attributes |= {"gen_ai.response.finish_reasons": [turn.reason]}
        if (first := attempt.course.first_token) is not None:
            attributes |= {"gen_ai.response.time_to_first_chunk": first}
        prompt = attempt.prompts[-1]
        if self._content and prompt.verified:
            system, given = _messages(prompt.messages)
            attributes |= {"gen_ai.system_instructions": _json(system), "gen_ai.input.messages": _json(given)}
            said = [
                {"role": "assistant", "parts": [{"type": "text", "content": turn.text}], "finish_reason": turn.reason}
            ]
            attributes |= {"gen_ai.output.messages": _json(said)}
        return SpanRecord(
            key=self._key("attempt", turn.id),
            parent=parent,
            name=f"chat {turn.model}",
            kind="client",
            start=turn.time * _MILLI,
            end=_ended(attempt) * _MILLI,
            attributes=attributes | ({"error.type": turn.reason or "_OTHER"} if turn.error else {}),
            error=turn.error,
        )

    def _recalls(self, attempt: AttemptTrace, parent: SpanKey) -> Iterator[SpanRecord]:
        for asking in attempt.course.askings:
            if (recall := asking.recall) is None or not recall.hits:
                continue
            sources = [str(hit.get("source", "")) for hit in recall.hits]
            attributes = self._facts("retrieval") | {"agentpool.recalled": sources}
            if self._content:
                found = [{"id": hit.get("source"), "score": hit.get("score")} for hit in recall.hits]
                attributes["gen_ai.retrieval.documents"] = _json(found)
            yield SpanRecord(
                key=self._key("recall", recall.id),
                parent=parent,
                name="retrieval",
                kind="client",
                start=recall.time * _MILLI,
                end=recall.time * _MILLI,
                attributes=attributes,
            )

    def _effect(self, effect: Effect, parent: SpanKey) -> SpanRecord:
        proposal, ended = effect.proposal, effect.ended
        attributes = self._facts("execute_tool") | {
            "gen_ai.tool.name": proposal.tool,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": effect.id,
            "agentpool.effect.status": effect.status,
        }
        error = str(getattr(ended, "error", ""))
        if self._content:
            attributes["gen_ai.tool.call.arguments"] = _json(proposal.arguments)
            attributes["gen_ai.tool.call.result"] = _json(getattr(ended, "result", error))
        return SpanRecord(
            key=self._key("effect", effect.id),
            parent=parent,
            name=f"execute_tool {proposal.tool}",
            kind="internal",
            start=(effect.started or proposal).time * _MILLI,
            end=(ended or proposal).time * _MILLI,
            attributes=attributes | ({"error.type": "tool_error"} if error else {}),
            error=error,
        )

    def _facts(self, operation: str) -> dict[str, Any]:
        return {"gen_ai.operation.name": operation, "gen_ai.conversation.id": self._pool.name}

    def _key(self, what: str, name: str, *, run: str = "") -> SpanKey:
        """Return the key of something in this trace, or in that of another run."""
        root = run or self._record.id
        while (record := self._pool.runs.get(root)) is not None and record.parent:
            root = record.parent
        return span_key(self._pool.name, root if run else self._root, what, name)


def _ended(attempt: AttemptTrace) -> int:
    """Return when an attempt ended, in milliseconds since the epoch."""
    end = attempt.course.end
    return max(attempt.turn.time, end.time if end else attempt.turn.time)


def _model(model: str) -> dict[str, Any]:
    return {} if not model or model.startswith(PYTHON) else {"gen_ai.request.model": model}


def _tokens(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    found = {"gen_ai.usage.input_tokens": usage.prompt, "gen_ai.usage.output_tokens": usage.completion}
    return found | ({"gen_ai.usage.cache_read.input_tokens": usage.cached} if usage.cached else {})


def _messages(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a prompt as the conventions have it: the parts of the system's words, and the other messages."""
    system, given = [], []
    for message in messages:
        parts = [{"type": "text", "content": message["content"]}] if message.get("content") else []
        if message["role"] == "system":
            system += parts
        elif message["role"] == "tool":
            answer = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": message["content"]}
            given.append({"role": "tool", "parts": [answer]})
        else:
            given.append({"role": message["role"], "parts": [*parts, *map(_call, message.get("tool_calls", []))]})
    return system, given


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {"type": "tool_call", "id": call.get("id"), "name": function["name"], "arguments": function["arguments"]}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
