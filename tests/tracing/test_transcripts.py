"""Transcripts of other systems become turns of a pool, and can be traced."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.tracing.transcripts.messages import MOST_TEXT, read_message

TALK = [
    {"role": "system", "content": "Plan a bakery."},
    {"role": "user", "content": [{"type": "text", "text": "Mind the rent."}, {"type": "image_url", "image_url": {}}]},
    {"name": "planner", "content": "The rent is nine hundred euros a month.", "time": "2026-05-01T14:05:00+00:00"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "stock", "arguments": '{"item": "rye"}'}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4},
    },
    {"role": "tool", "name": "stock", "content": "3"},
    {"role": "assistant", "name": "critic", "content": "Is the rent nine hundred euros a month?", "time": 1777644400},
]


def names(pool):
    return [turn.name for turn in pool.document().turns]


def test_messages_become_turns_that_can_be_traced(url):
    with ap.open_pool("bakery", url) as pool:
        pool.post("Before.")
        ids = ap.from_messages(pool, TALK)
        turns = pool.document().turns
        assert names(pool) == ["you#1", "system#1", "you#2", "planner#1", "assistant#1", "stock#1", "critic#1"]
        assert [turn.id for turn in turns[1:]] == ids
        assert turns[2].text == "Mind the rent.\n[image_url]"
        assert turns[4].text == '[calls stock({"item": "rye"})]'
        assert turns[4].usage.total == 13
        found = ap.trace(pool, "critic#1")
        assert [turn.name for turn in found.seen] == names(pool)[:-1]
        assert "no prompt was recorded" in str(found)
        assert ap.trace(pool, text="rent is nine hundred euros a month").first.turn.name == "planner#1"


FORMS = {
    "list.json": json.dumps(TALK),
    "request.json": json.dumps({"model": "m", "messages": TALK}),
    "lines.jsonl": "\n\n".join(map(json.dumps, TALK)) + "\n",
    "bom.jsonl": "\ufeff" + "\n".join(map(json.dumps, TALK)),
    "chats.jsonl": "\n".join(json.dumps({"messages": part}) for part in (TALK[:3], TALK[3:])),
}


@pytest.mark.parametrize("file", FORMS)
def test_files_become_pools(tmp_path, store, file):
    """With the times of their messages, and the name of the file."""
    (tmp_path / file).write_text(FORMS[file], "utf-8")
    with ap.import_transcript(tmp_path / file) as pool:
        assert pool.name == file.partition(".")[0]
        assert names(pool)[2:4] == ["planner#1", "assistant#1"]
        turn = pool.document().turn("planner#1")
        assert turn.time == 1777644300000
        assert ap.trace(pool, "critic#1").seconds == 0
        assert len(ap.trace(pool)) == 6
    with pytest.raises(UserError, match="exists"):
        ap.import_transcript(tmp_path / file)


def attribute(key, value):
    return {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}


def said(role, text):
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def span(agent, given, answer, start):
    facts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.agent.name": agent,
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": json.dumps(given),
        "gen_ai.output.messages": json.dumps([said("assistant", answer)]),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
    }
    attributes = [attribute(key, value) for key, value in facts.items()]
    times = {"startTimeUnixNano": str(start * 10**9), "endTimeUnixNano": str((start + 1) * 10**9)}
    return {"name": f"chat {agent}", **times, "attributes": attributes}


def traces(*spans):
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def test_spans_become_turns_with_what_they_had_read(tmp_path, store):
    """What a span was given is what its turn had read, and no more; words that came back are not said twice."""
    ask, rent = said("user", "Plan a bakery."), "The rent is nine hundred."
    spans = [
        span("critic", [ask, said("assistant", rent)], "Why so cheap?", 1777644310),
        span("planner", [ask], rent, 1777644300),
        span("builder", [said("user", "Build.")], "Done.", 1777644320),
        {"name": "other", "attributes": [attribute("http.method", "GET")]},
    ]
    (tmp_path / "spans.json").write_text(json.dumps(traces(*spans)))
    (tmp_path / "spans.jsonl").write_text("\n".join(json.dumps(traces(one)) for one in spans))
    for file, name in (("spans.json", "whole"), ("spans.jsonl", "lines")):
        with ap.import_transcript(tmp_path / file, name) as pool:
            assert names(pool) == ["you#1", "planner#1", "critic#1", "you#2", "builder#1"]
            turn = pool.document().turn("planner#1")
            assert (turn.model, turn.usage.total, turn.time) == ("m", 10, 1777644301000)
            read = {name: [one.name for one in ap.trace(pool, name).seen] for name in ("critic#1", "builder#1")}
            assert read == {"critic#1": ["you#1", "planner#1"], "builder#1": ["you#2"]}
            assert ap.trace(pool, text=rent).first.turn.name == "planner#1"


def test_spans_of_earlier_conventions_are_read(tmp_path, store):
    events = [
        {"name": "gen_ai.user.message", "attributes": [attribute("content", "Plan.")]},
        {"name": "gen_ai.choice", "attributes": [attribute("message", '{"content": "A plan."}')]},
    ]
    one = {
        "attributes": [attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", "m")],
        "events": events,
    }
    (tmp_path / "old.json").write_text(json.dumps(traces(one)))
    with ap.import_transcript(tmp_path / "old.json") as pool:
        assert [(turn.name, turn.text) for turn in pool.document().turns] == [("you#1", "Plan."), ("m#1", "A plan.")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no messages"),
        ("[]", "has no messages"),
        ("{", "line 1 of .* is no JSON"),
        ('{"role": "user", "content": "a"}\nnothing\n', "line 2 of .* is no JSON"),
        ("[1]", "message 1 of .* is no message but int"),
        ('[{"content": "a"}]', "neither `role` nor `name`"),
        ('[{"role": "user"}]', "has no `content`"),
        ('[{"role": "user", "content": 5}]', "neither text nor a list of parts, but has int"),
        ('[{"role": "user", "content": "a", "time": "soon"}]', "has a time that is none: 'soon'"),
        ('[{"role": "user", "content": "a", "time": 1e300}]', "has a time that is none"),
        ('{"resourceSpans": 5}', "cannot be read: Expected `array`"),
        ('{"resourceSpans": []}', "no span in it that asked a model"),
        ("[" * 100_000, "is no JSON"),
        ("\x00\x01", "is no JSON"),
    ],
)
def test_what_is_no_transcript_is_told_in_a_line(tmp_path, store, text, says):
    """And nothing is stored."""
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(UserError, match=says) as told:
        ap.import_transcript(tmp_path / "bad.json")
    assert "\n" not in str(told.value)
    assert ap.list_pools() == []


def test_too_much_is_refused(tmp_path, store, monkeypatch):
    from agentpool_jupyter.tracing.transcripts import bring

    with pytest.raises(UserError, match="is the most: leave it out or shorten it"):
        read_message({"role": "user", "content": "a" * (MOST_TEXT + 1)}, "message 1")
    with pytest.raises(UserError, match="cannot read"):
        ap.import_transcript(tmp_path / "nowhere.json")
    monkeypatch.setattr(bring, "MOST_MESSAGES", 2)
    monkeypatch.setattr(bring, "MOST_BYTES", 200)
    (tmp_path / "long.json").write_text(json.dumps(TALK))
    with pytest.raises(UserError, match="200 is the most: split it"):
        ap.import_transcript(tmp_path / "long.json")
    with ap.open_pool("bakery") as pool, pytest.raises(UserError, match="more than 2 messages"):
        ap.from_messages(pool, [{"role": "user", "content": "a"}] * 3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "content", "type", "x"]), inner)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(["role", "name", "content", "text", "time", "tool_calls", "usage", "model", "parts"])


@given(st.lists(st.dictionaries(KEYS, JSON), max_size=4))
def test_whatever_a_message_holds_it_is_stored_or_told(tmp_path_factory, messages):
    """One line, or turns that are read back."""
    with ap.open_pool("bakery", tmp_path_factory.mktemp("pools")) as pool:
        try:
            ids = ap.from_messages(pool, messages)
        except UserError as error:
            told, ids = str(error), []
        else:
            told = ""
        assert "\n" not in told
        assert len(pool.document().attempts) == len(ids) == (0 if told else len(messages))
        assert pool.document().unreadable == 0
