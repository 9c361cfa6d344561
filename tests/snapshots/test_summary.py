"""Summaries of windows: how large windows are, what a summary keeps, and how larger ones come about."""

import random

import msgspec
import pytest

from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.log import Record
from agentpool_jupyter.pool.codec import decode, encode
from agentpool_jupyter.pool.events import (
    Claim,
    Fork,
    Head,
    Heartbeat,
    Message,
    Release,
    RunFinished,
    RunStarted,
    Tag,
    TurnFailed,
    Usage,
)
from agentpool_jupyter.snapshots.node import BODY, HEAD, pack, unpack
from agentpool_jupyter.snapshots.summary import SCALE, Folding, Scale, Summary, climb, summarise
from tests.pool import strategies

SMALL = Scale(4, 2)


def records(*events, start=0):
    return [Record(offset, 1000 + offset, encode(event)) for offset, event in enumerate(events, start)]


def piece(found):
    folding = Folding(found[0].offset)
    for record in found:
        folding.absorb(decode(record), record)
    return folding.piece()


def summary(window, *found):
    return summarise("main", window, [piece(found)])


def speech(turn, count, *arguments, **more):
    """The events of a turn that says ``count`` words."""
    return strategies.speech(turn, [f"{i} " for i in range(count)], *arguments, **more)


# Scale -----------------------------------------------------------------------------------------------------------


def test_a_window_is_a_thousand_offsets_and_eight_make_a_larger_one():
    assert Scale(1024, 8) == SCALE
    assert [SCALE.span(level) for level in range(4)] == [1024, 8192, 65536, 524288]


def test_windows_of_a_level_lie_side_by_side_from_offset_0():
    assert [SMALL.offsets(1, window) for window in range(3)] == [range(8), range(8, 16), range(16, 24)]
    assert SMALL.offsets(3, 1) == range(32, 64)


@pytest.mark.parametrize(("end", "full"), [(0, 0), (3, 0), (4, 4), (5, 4), (11, 8), (12, 12)])
def test_a_log_is_full_up_to_its_last_complete_window(end, full):
    assert SMALL.full(end) == full


@pytest.mark.parametrize(("window", "fan"), [(0, 8), (-1, 8), (1024, 0), (1024, 1)])
def test_windows_that_cannot_be(window, fan):
    with pytest.raises(ValueError, match=r"window|fan"):
        Scale(window, fan)


# A window --------------------------------------------------------------------------------------------------------


def test_turns_that_a_window_has_whole_are_settled_and_counted_and_others_are_open():
    begun = speech("late", 3, "ben")[:2]
    found = summary(0, *records(*speech("t", 1), *begun, Message(id="m", text="hi", agent="you")))
    assert list(found.settled) == ["t", "m"]
    assert list(found.open) == ["late"]
    assert found.counts == {"ann": 1, "you": 1}
    assert found.open["late"].parts == {0: "0 "}


def test_hidden_turns_are_counted_apart_and_their_tokens_with_the_rest():
    tried = speech("a", 0, end=TurnFailed, retriable=True, usage=Usage(3, 0))
    found = summary(0, *records(*tried, *speech("b", 0, usage=Usage(3, 4))))
    assert (found.counts, found.hidden, found.usage) == ({"ann": 1}, 1, Usage(6, 4))


def test_what_cannot_be_read_is_counted():
    assert summary(0, Record(0, 1, b"\xff"), Record(1, 1, b"{")).unreadable == 2


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_same_however_the_window_was_cut_and_in_whatever_order_its_pieces_come(seed):
    dice = random.Random(seed)
    said = [speech(f"t{i}", 3, f"a{i}") for i in range(3)]
    mixed = [events.pop(0) for events in dice.choices(said, k=60) if events]
    found = records(*mixed, Message(id="m", text="hi"), Tag(id="g", name="good", at=1))
    cuts = sorted(dice.sample(range(1, len(found)), 3))
    pieces = [piece(found[low:high]) for low, high in zip([0, *cuts], [*cuts, len(found)], strict=True)]
    dice.shuffle(pieces)
    whole, joined = summary(0, *found), summarise("main", 0, pieces)
    assert msgspec.json.encode(joined) == msgspec.json.encode(whole)


def test_its_chronicle_is_what_branches_and_runs_are_folded_from():
    """And each run's last record, which says when it was last alive; once, in log order, with the log's times."""
    run = {"run": "r1"}
    facts = [
        RunStarted(id="1", spec={"a": 1}, **run),
        Claim(id="2", owner="me", epoch=1, lease=1.0, **run),
        Fork(id="3", name="b", parent="main", at=1),
        Head(id="4", to="b"),
        Tag(id="5", name="good", at=2),
        Message(id="6", text="hi"),
        Heartbeat(id="7", owner="me", epoch=1, **run),
        Release(id="8", owner="me", epoch=1, run="r2"),
        Heartbeat(id="9", owner="me", epoch=1, **run),
        RunFinished(id="10", reason="done", run="r3"),
    ]
    found = records(*facts)
    kept = summary(0, *found).chronicle
    assert [record.offset for record in kept] == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert all((one.time, one.value.encode()) == (found[one.offset].time, found[one.offset].value) for one in kept)


# Larger ones -----------------------------------------------------------------------------------------------------


def test_a_turn_is_kept_in_the_smallest_window_that_has_it_whole():
    """Larger ones count it."""
    found = records(*speech("a", 1), *speech("b", 3, usage=Usage(1, 2)))
    small = [summary(0, *found[:4]), summary(1, *found[4:])]
    assert [list(one.settled) for one in small] == [["a"], []]
    assert [list(one.open) for one in small] == [["b"], ["b"]]
    large = climb(0, [one.light for one in small])
    assert (large.level, large.window, list(large.settled), list(large.open)) == (1, 0, ["b"], [])
    assert large.settled["b"].text == "0 1 2 "
    assert (large.counts, large.usage) == ({"ann": 2}, Usage(1, 2))
    assert climb(0, [large.light]).counts == {"ann": 2}
    assert climb(0, [large.light]).settled == {}


def test_its_parts_may_come_in_any_order_and_those_that_are_empty_not_at_all():
    found = records(*speech("a", 9))
    parts = [summary(window, *found[window * 4 : window * 4 + 4]).light for window in range(3)]
    assert climb(0, parts) == climb(0, parts[::-1])
    assert climb(0, parts[1:2]).open == parts[1].open
    assert climb(0, parts).settled["a"].text == "".join(f"{i} " for i in range(9))


def test_the_parts_stay_as_they_are():
    found = records(*speech("a", 3))
    parts = [summary(0, *found[:3]).light, summary(0, *found[3:]).light]
    before = [msgspec.json.encode(part) for part in parts]
    climb(0, parts)
    assert [msgspec.json.encode(part) for part in parts] == before


def test_light_is_all_that_larger_windows_need():
    found = summary(0, *records(*speech("a", 1), Tag(id="g", name="good", at=1), *speech("b", 1)[:1]))
    assert (found.light.settled, found.light.chronicle) == ({}, [])
    assert (found.light.open, found.light.counts) == (found.open, found.counts)


# Stored ----------------------------------------------------------------------------------------------------------


def test_a_node_is_a_summary_in_two_parts():
    found = summary(3, *records(*speech("a", 1), Tag(id="g", name="good", at=1), *speech("b", 1)[:1], start=12))
    node = pack(found)
    assert (node.branch, node.level, node.window) == ("main", 0, 3)
    assert unpack(node.head, HEAD) == found.light
    assert unpack(node.body, BODY) == found.settled
    assert (node.ended, node.opened) == ([("a", 14)], ["b"])
    assert node.chronicle == found.chronicle


@pytest.mark.parametrize("data", [b"", b"no zlib", pack(Summary(branch="main", level=0, window=0)).head[:-3]])
def test_a_damaged_node_is_told(data):
    with pytest.raises(SnapshotError):
        unpack(data, HEAD)
    with pytest.raises(SnapshotError):
        unpack(data, BODY)
