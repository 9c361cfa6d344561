"""Messages that stand in spans: OTLP JSON, with the attributes of OpenTelemetry's GenAI conventions.

Of spans that asked a model (``gen_ai.operation.name`` of ``chat``, ``text_completion`` or ``generate_content``), or
where there are none of those, of ``invoke_agent``, the output is a turn, and the input is what it had read. Both are
JSON in the attributes ``gen_ai.input.messages``, ``gen_ai.output.messages`` and ``gen_ai.system_instructions``; earlier
versions of the conventions had them in the span's events, which are read too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.events import Usage

from .messages import TranscriptMessage, fit_name, read_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ASKS = {"chat", "text_completion", "generate_content"}
_OLD_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


class _Value(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    int_value: int | str | None = None
    double_value: float | None = None
    bool_value: bool | None = None

    @property
    def plain(self) -> Any:
        if isinstance(self.int_value, str):
            return int(self.int_value) if self.int_value.lstrip("-").isdecimal() else None
        found = (self.string_value, self.int_value, self.double_value, self.bool_value)
        return next((one for one in found if one is not None), None)


class _Attribute(msgspec.Struct):
    key: str
    value: _Value = msgspec.field(default_factory=_Value)


class _SpanEvent(msgspec.Struct):
    name: str = ""
    attributes: list[_Attribute] = []


class _Span(msgspec.Struct, rename="camel"):
    name: str = ""
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[_Attribute] = []
    events: list[_SpanEvent] = []

    @property
    def facts(self) -> dict[str, Any]:
        return {one.key: one.value.plain for one in self.attributes}


class _Scope(msgspec.Struct):
    spans: list[_Span] = []


class _Resource(msgspec.Struct, rename="camel"):
    scope_spans: list[_Scope] = []


class _Traces(msgspec.Struct, rename="camel"):
    resource_spans: list[_Resource] = []


def messages_of_spans(traces: Iterable[object], where: str) -> list[TranscriptMessage]:
    """Return the messages of spans in the order in which they were said; raises UserError where they are no spans."""
    spans = [span for one in traces for span in _spans(one, where)]
    spans.sort(key=lambda span: (_nanos(span.end_time_unix_nano), _nanos(span.start_time_unix_nano)))
    asking = [span for span in spans if span.facts.get("gen_ai.operation.name") in _ASKS]
    asking = asking or [span for span in spans if span.facts.get("gen_ai.operation.name") == "invoke_agent"]
    found: list[TranscriptMessage] = []
    known: dict[tuple[str, bool], int] = {}  # of a text, and whether it is a person's, the number of the last message
    for number, span in enumerate(asking, 1):
        place = f"span {number} of {where}"
        given, said = _exchange(span, place)
        read = []
        for message in given:
            # An agent's words come back to it, and to others, as input: they are the turn that is there already.
            mine = known.get((message.text, message.person))
            mine = known.get((message.text, not message.person)) if mine is None else mine
            if mine is None:
                mine = known[message.text, message.person] = len(found)
                found.append(message)
            read.append(mine)
        for message in said:
            known[message.text, message.person] = len(found)
            found.append(msgspec.structs.replace(message, read=tuple(read)))
    return found


def _spans(traces: object, where: str) -> Iterator[_Span]:
    try:
        found = msgspec.convert(traces, _Traces)
    except msgspec.ValidationError as error:
        message = f"the spans of {where} cannot be read: {error}"
        raise UserError(message) from None
    for resource in found.resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def _exchange(span: _Span, where: str) -> tuple[list[TranscriptMessage], list[TranscriptMessage]]:
    """Return what a span's model had been given, and what it said."""
    facts = span.facts
    agent = facts.get("gen_ai.agent.name") or facts.get("gen_ai.request.model") or "assistant"
    model = facts.get("gen_ai.response.model") or facts.get("gen_ai.request.model") or ""
    begun, ended = _nanos(span.start_time_unix_nano) // 10**6, _nanos(span.end_time_unix_nano) // 10**6
    inputs = [*_system(facts, where), *_listed(facts.get("gen_ai.input.messages"), where)]
    outputs = _listed(facts.get("gen_ai.output.messages"), where)
    for event in span.events:
        told = {one.key: one.value.plain for one in event.attributes}
        if event.name in _OLD_EVENTS:
            inputs.append({"role": _OLD_EVENTS[event.name], "content": told.get("content") or ""})
        elif event.name == "gen_ai.choice":
            outputs.append({"role": "assistant", "content": _choice(told)})
        else:
            inputs += _listed(told.get("gen_ai.input.messages"), where)
            outputs += _listed(told.get("gen_ai.output.messages"), where)
    usage = _tokens(facts)
    given = [_message(raw, where, time=begun) for raw in inputs]
    said = [_message(raw, where, time=ended) for raw in outputs]
    return given, [
        msgspec.structs.replace(
            one, agent=fit_name(str(agent)), person=False, model=str(model), usage=usage if place == 0 else None
        )
        for place, one in enumerate(said)
    ]


def _message(raw: Mapping[str, Any], where: str, *, time: int) -> TranscriptMessage:
    return msgspec.structs.replace(read_message(raw, f"a message of {where}"), time=time or None)


def _system(facts: Mapping[str, Any], where: str) -> list[Any]:
    parts = _decoded(facts.get("gen_ai.system_instructions"), where)
    return [{"role": "system", "content": parts}] if parts else []


def _listed(value: object, where: str) -> list[Any]:
    found = _decoded(value, where)
    return found if isinstance(found, list) else []


def _decoded(value: object, where: str) -> Any:
    if not isinstance(value, str) or not value:
        return None
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        message = f"the messages of {where} are no JSON"
        raise UserError(message) from None


def _choice(told: Mapping[str, Any]) -> str:
    """Return the text of an earlier version's choice, whose message may be JSON."""
    message = told.get("message") or told.get("content") or ""
    try:
        found = msgspec.json.decode(message) if isinstance(message, str) and message.startswith("{") else message
    except (msgspec.DecodeError, RecursionError):
        found = message
    return str(found.get("content") or "") if isinstance(found, dict) else str(found)


def _tokens(facts: Mapping[str, Any]) -> Usage | None:
    prompt, completion = facts.get("gen_ai.usage.input_tokens"), facts.get("gen_ai.usage.output_tokens")
    if not isinstance(prompt, int) and not isinstance(completion, int):
        return None
    counts = [one if isinstance(one, int) and 0 <= one < 2**53 else 0 for one in (prompt, completion)]
    return Usage(prompt=counts[0], completion=counts[1])


def _nanos(value: int | str) -> int:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 20 else 0  # noqa: PLR2004 - 64 bits
