"""Turns from events: what the index takes in is what the document says."""

from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.pool import fold
from agentpool_jupyter.pool.codec import at_offset
from agentpool_jupyter.pool.events import Delta, TurnFailed, TurnFinished
from agentpool_jupyter.recall.text.passages import passages
from agentpool_jupyter.recall.turns import TurnCollector, decode_mark, encode_mark
from tests.pool.strategies import logs, stored


def said(items):
    return {(item.key, item.part, item.text, item.agent, item.branch, item.begin, item.end) for item in items}


def from_scratch(events):
    turns = TurnCollector("bakery")
    return [item for event in events for item in turns.absorb(event)]


@given(logs())
def test_the_finished_turns_of_all_branches(values):
    """Each once, with the text, the place and the branch that the document has."""
    events = stored(values)
    expected = {
        (turn.id, part, passage.text, turn.agent, turn.branch, turn.start, turn.end)
        for turn in fold(events).turns
        if turn.status == "finished"
        for part, passage in enumerate(passages(turn.text))
    }
    assert said(from_scratch(events)) == expected


@given(logs(), st.data())
def test_going_on_after_a_restart_is_as_good_as_from_scratch(values, data):
    """The mark is all that is needed of what came before; what is found twice is the same."""
    events = stored(values)
    cut = data.draw(st.integers(0, len(events)))
    before = TurnCollector("bakery")
    found = [item for event in events[:cut] for item in before.absorb(event)]
    after = TurnCollector("bakery", decode_mark(encode_mark(before.mark)))
    late = [item for event in events[cut:] for item in after.absorb(event)]
    # What is delivered again after a turn's end, and a restart, may be found again; the index has it under its key.
    first = {item.key for item in found}
    assert said(found) | {one for one in said(late) if one[0] not in first} == said(from_scratch(events))


def test_what_a_compaction_made_of_deltas_stands_for_all_of_them():
    """Also for those that were heard before."""
    header = {"id": "e", "agent": "planner", "turn": "t1"}
    turns = TurnCollector("bakery")
    turns.absorb(at_offset(Delta(**header, seq=0, text="the oven "), 0, 1))
    turns.absorb(at_offset(Delta(**header, seq=0, text="the oven lease comes first", folded=3), 1, 1))
    (item,) = turns.absorb(at_offset(TurnFinished(**header, deltas=3), 2, 1))
    assert item.text == "the oven lease comes first"


def test_a_mark_stays_small():
    """Of the turns that ended unsaid only the latest are remembered."""
    turns = TurnCollector("bakery")
    for number in range(1500):
        turns.absorb(at_offset(TurnFailed(id="e", agent="planner", turn=f"t{number}", error="away"), number, 1))
    assert turns.mark.closed == [f"t{number}" for number in range(500, 1500)]


def test_a_stored_mark_stays_readable():
    """A turn under way in the form in which the index keeps it, also those that were made before."""
    kept = b'{"next":6,"open":{"t":{"begin":4,"agent":"ann","branch":"main","time":7,"parts":{"1":"b"}}}}'
    turns = TurnCollector("bakery", decode_mark(kept))
    assert encode_mark(turns.mark) == kept
    (item,) = turns.absorb(at_offset(TurnFinished(id="f", turn="t", agent="ann"), 6, 1))
    assert (item.text, item.begin, item.time) == ("b", 4, 7)
