"""Events as bytes: what is written, and that nothing which may be read stops a reader."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.history.graph import history_graph
from agentpool_jupyter.log import Record
from agentpool_jupyter.pool.codec import decode, encode
from agentpool_jupyter.pool.events import (
    Claim,
    Decision,
    Delta,
    EffectDone,
    EffectFailed,
    EffectStarted,
    File,
    FilePiece,
    Folded,
    Fork,
    GateEdited,
    Grant,
    GrantRevoked,
    Head,
    Heartbeat,
    Label,
    Message,
    Proposal,
    Recall,
    Release,
    Rests,
    RunFinished,
    RunStarted,
    StopAsked,
    Tag,
    TrialFinished,
    TurnContinued,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    Unknown,
    Unreadable,
    Usage,
    Vote,
)

USAGE = Usage(prompt=10, completion=5, cached=2, estimated=True)
EVENTS = [
    RunStarted(id="1", run="r", spec={"task": "bread", "agents": [{"name": "planner"}]}, resumed=True),
    RunFinished(id="2", run="r", reason="done", detail="all said"),
    Message(
        id="3",
        agent="you",
        text='a "quoted" <tag>\n\t\\ \u00e9 \U0001f35e \u2028 \x00',
        branch="main-2",
        ts=1_700_000_000_000,
    ),
    TurnStarted(id="4", turn="t", model="m", seen=3, digest="ab", context={"dropped": {"critic": 1}}, attempt=2),
    Delta(id="5", turn="t", seq=0, text="flour "),
    TurnFinished(id="6", turn="t", reason="length", usage=USAGE, cost=0.25, deltas=7),
    TurnFailed(id="7", turn="t", error="503", kind="server", retriable=True, attempt=3, wait=1.5, usage=USAGE),
    Fork(id="8", name="idea", parent="main", at=-1),
    Head(id="9", to="idea", undoes=3),
    Tag(id="10", name="good", at=4),
    Recall(id="11", turn="t", hits=[{"turn": "u", "score": 0.5}]),
    Claim(id="12", run="r", owner="host:1:2.5", epoch=1, lease=15.0),
    Release(id="13", run="r", owner="host:1:2.5", epoch=1),
    Heartbeat(id="14", run="r", owner="host:1:2.5", epoch=1),
    Proposal(
        id="15",
        proposal="p",
        text="buy",
        data={"price": 3},
        rests=Rests(turns=("t",), files={"a.md": 2}),
        guards=("c",),
    ),
    Vote(id="16", proposal="p", accept=False, text="too dear", seen=7),
    Decision(id="17", proposal="p", accepted=False, text="no"),
    Folded(id="f"),
    TurnContinued(
        id="18", turn="t", seen=9, digest="cd", context={"since": 2}, deltas=3, chars=9, way="message", error="503"
    ),
    StopAsked(id="19", target="r", epoch=1, owner="host:1:2.5"),
    EffectStarted(id="20", proposal="p", digest="ab", claim="12", run="r"),
    EffectDone(id="21", proposal="p", result={"left": 3}, output="sold"),
    EffectFailed(id="22", proposal="p", error="ValueError: none", detail="Traceback", doubt=True),
    File(id="23", path="src/oven.py", read=2, digest="ab", size=4, text="bake", turn="t", key="k"),
    FilePiece(id="24", data="AAEC"),
    GateEdited(id="25", proposal="p", gate={"ask": ["you"]}, digest="ab", guards=("check",)),
    Grant(id="26", agent="you", tool="pay", of="ann", count=3, within=60.0),
    GrantRevoked(id="27", agent="you", grant="26"),
    Label(id="28", turn="t1", label="step repetition", text="Again."),
    TrialFinished(id="29", run="r", experiment="ab", trial={"way": "dealt", "n": 2, "repeat": 0}, row={"seconds": 1.5}),
]


def read(value, offset=3, time=5):
    return decode(Record(offset, time, value))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_every_type_of_event_survives(event):
    """And its record is a JSON object with a ``type`` and without the place that a log gives it."""
    record = encode(event)
    data = json.loads(record)
    assert data["type"] == event.type
    assert b"\n" not in record
    back = read(record, offset=7, time=9)
    assert (back.offset, back.time) == (7, 9)
    assert encode(back) == record
    assert "offset" not in json.loads(encode(back))
    assert "time" not in json.loads(encode(back))
    assert read(record, -1, 0) == event


def test_every_type_is_tried_above():
    """A new event needs a line there."""
    from typing import get_args

    from agentpool_jupyter.pool.events import AnyEvent

    assert {type(event) for event in EVENTS} == set(get_args(AnyEvent))


def test_the_names_of_the_types_are_the_storage_format():
    """They can only be added to: pools outlive programs."""
    assert " ".join(event.type for event in EVENTS) == (
        "run_started run_finished message turn_started delta turn_finished turn_failed fork head tag recall "
        "claim release heartbeat proposal vote decision folded turn_continued stop_asked "
        "effect_started effect_done effect_failed file file_piece gate_edited grant grant_revoked label trial_finished"
    )


def test_a_record_of_the_first_version_is_still_read():
    """Written once, by hand; it must never need a change."""
    value = (
        b'{"type":"delta","id":"x.1","branch":"main","run":"r","agent":"planner","ts":1,"turn":"t","seq":2,"text":"a"}'
    )
    assert read(value) == Delta(id="x.1", run="r", agent="planner", ts=1, turn="t", seq=2, text="a", offset=3, time=5)


def test_fields_of_a_newer_writer_are_ignored():
    event = read(b'{"type":"message","id":"a","text":"hi","mood":{"calm":[1,2]}}')
    assert event == Message(id="a", text="hi", offset=3, time=5)


def test_a_type_of_a_newer_writer_is_shown_as_such():
    event = read(b'{"type":"thought","id":"a","branch":"idea","run":"r","agent":"planner","ts":4,"depth":3}')
    assert event == Unknown(id="a", kind="thought", branch="idea", run="r", agent="planner", ts=4, offset=3, time=5)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x00\xff\xfe\x80",
        b'{"type":"message","id":"a","te',
        b'{"type":"message","id":"a","text":"x"} trailing',
        b"null",
        b"12",
        b'"message"',
        b"[]",
        b"{}",
        b'{"type":"message","text":"no id"}',
        b'{"id":"a","text":"no type"}',
        b'{"type":7,"id":"a"}',
        b'{"type":"message","id":"a","text":7}',
        b'{"type":"message","id":"a"}',
        b'{"type":"delta","id":"a","turn":"t","seq":"one","text":"x"}',
        b'{"type":"delta","id":"a","turn":"t","seq":1.5,"text":"x"}',
        b'{"type":"message","id":null,"text":"x"}',
        b'{"type":"message","id":"a","text":"x","offset":"nine"}',
        b'{"type":"message","id":"a","text":"\xff"}',
        b'{"type":"message","id":"a","text":"\\ud800"}',
        b'{"type":"message","id":"a","text":"x","ts":1' + b"0" * 5000 + b"}",
        b'{"type":"turn_failed","id":"a","turn":"t","error":"","wait":1e999}',
        b'{"type":"run_started","id":"a","spec":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"type":"thought","id":"a","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
        b'{"type":"thought","id":' + b"9" * 5000 + b"}",
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_event_is_counted_and_never_fatal(value):
    """Its place and its size are all that is known."""
    event = read(value)
    assert event == Unreadable(id="unreadable@3", size=len(value), offset=3, time=5)


def test_a_damaged_event_stays_on_its_branch():
    """Where that can be read, it is counted on the line it was written to."""
    assert read(b'{"type":"delta","id":"a","branch":"idea","seq":"one"}').branch == "idea"


def test_a_very_large_number_is_a_number():
    """Python's integers have no end; a reader must not break where another language wrote one."""
    assert read(b'{"type":"message","id":"a","text":"x","ts":1' + b"0" * 30 + b"}").ts == 10**30


def test_the_logs_place_overrides_what_a_record_says():
    """Records that were copied from elsewhere may carry another log's place."""
    event = read(b'{"type":"message","id":"a","text":"x","offset":99,"time":98}')
    assert (event.offset, event.time) == (3, 5)


def test_half_a_character_is_written_as_a_question_mark():
    record = encode(Delta(id="a", turn="t", seq=0, text='"bread" \ud83c \u00e9'))
    assert read(record).text == '"bread" ? \u00e9'
    assert json.loads(record)["type"] == "delta"


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["type", "id", "text", "seq", "turn", "at"]), inner)
        ),
        max_leaves=12,
    ).map(lambda data: json.dumps(data).encode())
)
def test_any_bytes_can_be_read(value):
    event = read(value)
    assert (event.offset, event.time) == (3, 5)


def test_a_pool_goes_on_after_records_that_are_no_events(pool):
    """They are counted in the document, have their places, and everything around them is there."""
    pool.post("one")
    values = [b"\xff", b'{"type":"thought","id":"n"}', b'{"type":"message","id":"b","text":1}', b"[" * 50_000]
    pool.append_records(values)
    pool.post("two")
    document = pool.document()
    assert [turn.text for turn in document.turns] == ["one", "two"]
    assert (document.unreadable, document.at, pool.end) == (3, 5, 6)
    assert " ".join(event.type for event in pool.events()) == (
        "message unreadable unknown unreadable unreadable message"
    )
    pool.rollback(2)
    assert [turn.text for turn in pool.document().turns] == ["one"]


STARTED = {"type": "turn_started", "id": "s", "turn": "t", "agent": "x"}
CRAFTED = {
    "a delta that claims to be a billion": [
        STARTED,
        {"type": "delta", "turn": "t", "seq": 0, "text": "a", "folded": 10**9},
    ],
    "a delta far away": [STARTED, {"type": "delta", "turn": "t", "seq": 2**62, "text": "a"}],
    "an end that counts too many": [STARTED, {"type": "turn_finished", "turn": "t", "deltas": 2**62}],
    "agents that are a number": [{"type": "run_started", "run": "r", "spec": {"agents": 5}}],
    "agents that are texts": [{"type": "run_started", "run": "r", "spec": {"agents": ["x", None]}}],
    "agents that are a map": [{"type": "run_started", "run": "r", "spec": {"agents": {"name": "x"}}}],
    "a name that is a list": [{"type": "run_started", "run": "r", "spec": {"agents": [{"name": ["x"]}, {}]}}],
    "a fork from what is ahead": [{"type": "fork", "name": "x", "parent": "main", "at": 10**15}],
    "forks in a circle": [
        {"type": "fork", "name": "x", "parent": "y", "at": 0},
        {"type": "fork", "name": "y", "parent": "x", "at": 0},
        {"type": "head", "to": "x"},
    ],
}


@pytest.mark.parametrize("records", CRAFTED.values(), ids=CRAFTED)
def test_crafted_records_stand_in_nobodys_way(pool, records):
    pool.log.append([json.dumps({"id": str(i)} | record).encode() for i, record in enumerate(records)])
    pool.post("readable")
    document = pool.document()
    assert document.turns[-1].text == "readable"
    assert sum(len(entry.parts) for entry in document.entries.values()) <= 1
    assert pool.runs.places == {}
    assert len(history_graph(pool).rows) >= 1
    pool.rollback(0)
