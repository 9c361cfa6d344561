"""Runs as OpenTelemetry spans, at a real receiver and in a file."""

from __future__ import annotations

import json
import logging

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.errors import UserError
from tests.openai_server import Asks, Refuse
from tests.teams import play

from .otlp_receiver import OtlpReceiver


def plain(span):
    """A span's attributes as plain values."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def stock(item: str) -> int:
    """Say how much there is of an item."""
    return len(item)


@pytest.fixture
def played(pool, server):
    server.fault(Refuse(503, retry_after="0.01"), contains="You are ann", times=1)
    server.fault(Asks((("stock", {"item": "rye"}),), after=2), contains="You are ben", times=1)
    agents = {"ann": "Talks.", "ben": {"role": "Looks.", "listens": ["ann"], "tools": ["stock"]}}
    pool.post("Mind the rent.")
    play(pool, agents, server, functions={"stock": stock})
    return pool


def test_a_receiver_gets_a_run_as_the_conventions_have_it(played):
    """Run, turns, attempts and calls hang below each other; what was read are links; texts stay here."""
    with OtlpReceiver() as receiver:
        count = ap.export_spans(played, receiver.url)
        first = [span.span_id for span in receiver.spans]
        spans = {span.name + str(number): span for number, span in enumerate(receiver.spans)}
        ap.export_spans(played, f"{receiver.url}/v1/traces")
        path, request = receiver.requests[0]
        again = [span.span_id for span in receiver.spans][count:]
    assert (path, len(spans), again) == ("/v1/traces", count, first)
    scope = request.resource_spans[0].scope_spans[0]
    assert scope.schema_url == "https://opentelemetry.io/schemas/1.41.0"
    by = {}
    for span in spans.values():
        by.setdefault(plain(span)["gen_ai.operation.name"], []).append(span)
    assert {name: len(found) for name, found in by.items()} == {
        "invoke_workflow": 1,
        "invoke_agent": 2,
        "chat": 3,
        "execute_tool": 1,
    }
    (run,), (ann, ben), (tool,) = by["invoke_workflow"], by["invoke_agent"], by["execute_tool"]
    assert {span.trace_id for span in spans.values()} == {run.trace_id}
    assert (run.parent_span_id, ann.parent_span_id, ben.parent_span_id) == (b"", run.span_id, run.span_id)
    assert tool.parent_span_id == ben.span_id
    assert [span.parent_span_id for span in by["chat"]] == [ann.span_id, ann.span_id, ben.span_id]
    assert [span.status.code for span in by["chat"]] == [2, 0, 0]
    assert [link.span_id for link in ben.links] == [ann.span_id]
    facts = plain(ann)
    assert (facts["gen_ai.agent.name"], facts["gen_ai.conversation.id"]) == ("ann", "bakery")
    assert facts["gen_ai.usage.input_tokens"] == played.document().turn("ann#1").usage.prompt
    assert "flour" not in str(receiver.requests[0][1])
    assert "Mind the rent" not in str(receiver.requests[0][1])
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans.values())
    assert run.start_time_unix_nano <= ann.start_time_unix_nano
    assert run.end_time_unix_nano >= ben.end_time_unix_nano


def test_texts_go_out_where_that_is_asked(played):
    with OtlpReceiver() as receiver:
        ap.export_spans(played, receiver.url, content=True)
        chats = [plain(span) for span in receiver.spans if span.name.startswith("chat")]
        tool = next(plain(span) for span in receiver.spans if span.name == "execute_tool stock")
    given = json.loads(chats[-1]["gen_ai.input.messages"])
    assert [message["role"] for message in given] == ["user", "assistant", "tool"]
    assert given[1]["parts"][-1]["type"] == "tool_call"
    assert given[2]["parts"] == [{"type": "tool_call_response", "id": given[1]["parts"][-1]["id"], "response": "3"}]
    assert json.loads(chats[-1]["gen_ai.system_instructions"])[0]["content"].startswith("You are ben.")
    said = json.loads(chats[-1]["gen_ai.output.messages"])
    assert said[0]["parts"][0]["content"] == played.document().turn("ben#1").text
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"item": "rye"}


def test_a_file_of_spans_is_brought_back(played, tmp_path):
    """And its turns are traced, with what they had read."""
    file = tmp_path / "spans.jsonl"
    count = ap.export_spans(played, file, content=True)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    spans = [
        span for line in lines for one in line["resourceSpans"] for sc in one["scopeSpans"] for span in sc["spans"]
    ]
    assert len(spans) == count
    assert all(len(span["traceId"]) == 32 and len(span["spanId"]) == 16 for span in spans)
    with pytest.raises(UserError, match="there is a file"):
        ap.export_spans(played, file)
    with ap.import_transcript(file, "back") as back:
        texts = [turn.text for turn in back.document().turns]
        assert played.document().turn("ben#1").text in texts


def test_a_receiver_that_does_not_take_spans_is_told(played, caplog):
    caplog.set_level(logging.CRITICAL)
    with OtlpReceiver(status=400) as receiver, pytest.raises(UserError, match="did not take the spans"):
        ap.export_spans(played, receiver.url)
    with pytest.raises(UserError, match="has no run 'nobody'"):
        ap.export_spans(played, "http://127.0.0.1:9", run="nobody")
