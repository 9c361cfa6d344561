"""Turns that are loaded as they are looked at: a list like any other."""

import pytest

from agentpool_jupyter.pool.document import Document
from agentpool_jupyter.pool.events import Delta, Message, TurnFailed, TurnFinished, TurnStarted, Usage
from agentpool_jupyter.pool.settled import NOTHING, TurnList
from agentpool_jupyter.pool.turn import Entry
from agentpool_jupyter.snapshots.summary import Piece, Scale, climb, summarise


def message(offset, agent="you"):
    event = Message(id=f"m{offset}", text=f"at {offset}", agent=agent, offset=offset)
    entry = Entry.of(event)
    entry.absorb(event)
    return event.id, entry


def failed(offset, agent="you"):
    """A turn that was tried again, and is not shown."""
    header = {"agent": agent, "turn": f"f{offset}", "offset": offset}
    entry = Entry.of(TurnStarted(id=f"s{offset}", **header))
    entry.absorb(TurnStarted(id=f"s{offset}", **header))
    entry.absorb(TurnFailed(id=f"e{offset}", error="500", retriable=True, usage=Usage(1, 0), **header))
    return f"f{offset}", entry


class Window:
    """A window's turns in memory; knows whether anybody has looked at them."""

    branch = "main"

    def __init__(self, start, stop, entries):
        self.start, self.stop, self._entries = start, stop, entries
        summary = summarise("main", 0, [Piece(start, dict(entries))])
        self.counts, self.hidden, self.usage = summary.counts, summary.hidden, summary.usage
        self.loaded = 0

    def load(self):
        self.loaded += 1
        return self._entries


@pytest.fixture
def windows():
    """Three windows of ten offsets: two turns, one and a hidden one, none; then two again."""
    return [
        Window(0, 10, [message(1), message(5, "ann")]),
        Window(10, 20, [message(12), failed(14, "ann"), message(18, "ann")]),
        Window(20, 30, []),
        Window(30, 40, [message(31), message(39)]),
    ]


OWN = [message(3), message(15, "ann"), message(25), message(50)]
"""Turns that the document itself holds: within windows, in an empty one, and after all."""
ORDER = [1, 3, 5, 12, 15, 18, 25, 31, 39, 50]


def show(key, entry, name):
    return entry.show(key, name, "main")


def turns(blocks, own=OWN, *, hidden=False):
    return TurnList(blocks, own, show, hidden=hidden)


def test_own_turns_and_those_of_windows_stand_in_the_order_in_which_they_began(windows):
    found = turns(windows)
    assert [turn.start for turn in found] == ORDER
    assert len(found) == len(ORDER)
    assert [turn.start for turn in turns(windows, OWN[::-1])] == ORDER


def test_names_count_each_agents_turns_over_all_windows(windows):
    names = [turn.name for turn in turns(windows)]
    assert names == ["you#1", "you#2", "ann#1", "you#3", "ann#2", "ann#3", "you#4", "you#5", "you#6", "you#7"]


def test_hidden_turns_are_there_where_they_are_asked_for(windows):
    """Under the name that the next shown one has; they do not count."""
    found = turns(windows, hidden=True)
    assert [turn.start for turn in found] == [1, 3, 5, 12, 14, 15, 18, 25, 31, 39, 50]
    assert len(found) == 11
    assert [turn.name for turn in found if turn.agent == "ann"] == ["ann#1", "ann#2", "ann#2", "ann#3"]


def test_it_is_indexed_and_cut_like_a_list(windows):
    found = turns(windows)
    for index in range(-10, 10):
        assert found[index].start == ORDER[index]
    for cut in (slice(2, 5), slice(None), slice(-3, None), slice(None, None, -2), slice(20, 30), slice(5, 2)):
        assert [turn.start for turn in found[cut]] == ORDER[cut]
        assert isinstance(found[cut], list)
    assert [turn.start for turn in reversed(found)] == ORDER[::-1]


@pytest.mark.parametrize("index", [10, -11, 1000])
def test_an_index_that_is_not_there(windows, index):
    with pytest.raises(IndexError, match=f"there are 10 turns, none at {index}"):
        turns(windows)[index]


def test_it_equals_a_list_of_the_same_turns(windows):
    found = turns(windows)
    assert found == list(found)
    assert list(found) == found
    assert found == turns(windows)
    assert found != list(found)[1:]
    assert found != tuple(found)
    assert repr(found) == repr(list(found))
    assert found[4] in found
    assert found.index(found[4]) == 4


def test_it_cannot_be_a_key(windows):
    with pytest.raises(TypeError, match="unhashable"):
        hash(turns(windows))


@pytest.mark.parametrize("blocks", [0, 4])
def test_without_own_turns_and_without_windows(windows, blocks):
    found = turns(windows[:blocks], [])
    assert [turn.start for turn in found] == ([1, 5, 12, 18, 31, 39] if blocks else [])
    assert bool(found) == bool(blocks)


def test_only_what_is_looked_at_is_loaded_and_once(windows):
    found = turns(windows)
    assert (len(found), [window.loaded for window in windows]) == (10, [0, 0, 0, 0])
    assert found[-1].start == 50
    assert [window.loaded for window in windows] == [0, 0, 0, 0]
    assert (found[3].start, found[4].start, found.named("ann#2").start) == (12, 15, 15)
    assert [window.loaded for window in windows] == [0, 1, 0, 0]


def test_a_turn_is_found_by_its_name(windows):
    found = turns(windows)
    for turn in list(found):
        assert turns(windows).named(turn.name) == turn


@pytest.mark.parametrize("name", ["you#0", "you#8", "ann#99", "bob#1", "you", "#1", "you#", "you#-1", "you#1x", ""])
def test_a_name_that_nobody_has(windows, name):
    assert turns(windows).named(name) is None


@pytest.mark.parametrize("name", ["you#01", "you#٢"])
def test_a_number_that_is_written_otherwise_is_no_name(windows, name):
    assert turns(windows).named(name) is None


def test_nothing_is_settled_to_begin_with():
    assert (list(NOTHING.blocks), NOTHING.usage, NOTHING.knows("main", "t")) == ([], Usage(), False)
    document = Document()
    assert isinstance(document.turns, list)
    assert (document.turns, len(document)) == ([], 0)


def test_summaries_serve_as_windows():
    """What a larger window counts is what is loaded of it."""
    scale = Scale(4, 2)
    header = {"agent": "ann", "turn": "t"}
    events = [
        TurnStarted(id="s", offset=2, **header),
        Delta(id="d", seq=0, text="a", offset=3, **header),
        TurnFinished(id="e", deltas=1, usage=Usage(3, 4), offset=4, **header),
    ]
    parts = []
    for window in (0, 1):
        document = Document()
        for event in events:
            if event.offset in scale.offsets(0, window):
                document.absorb(event)
        parts.append(summarise("main", window, [Piece(window * 4, document.entries)]))
    whole = climb(0, [part.light for part in parts])
    assert [dict(part.counts) for part in (*parts, whole)] == [{}, {}, {"ann": 1}]
    (turn,) = turns([Window(0, 8, list(whole.settled.items()))], [])
    assert (turn.text, turn.name, turn.usage) == ("a", "ann#1", Usage(3, 4))


def test_what_two_begin_with_is_known_without_loading(windows):
    """As far as their windows are of one stretch, and what they hold themselves is the same and has the same state."""
    assert turns(windows).leading(turns(windows)) == {"you": 7, "ann": 3}
    assert turns(windows[:2], OWN[:2]).leading(turns(windows)) == {"you": 3, "ann": 3}
    assert turns(windows, OWN[1:]).leading(turns(windows)) == {}
    assert turns(windows, OWN[:1]).leading(turns(windows)) == {"you": 2, "ann": 1}
    assert turns(windows).leading(list(turns(windows[:0]))) == {}
    assert [window.loaded for window in windows] == [0, 0, 0, 0]


def test_a_turn_that_is_cut_off_on_one_of_two_lines_is_no_common_beginning(windows):
    begun = TurnStarted(id="b", turn="t", agent="ben", offset=16)
    entry = Entry.of(begun)
    entry.absorb(begun)

    def on(tip):
        return TurnList(windows, [("t", entry)], lambda key, entry, name: entry.show(key, name, tip), hidden=False)

    assert on("main").leading(on("main")) == {"you": 4, "ann": 2, "ben": 1}
    assert on("main").leading(on("idea")) == {"you": 1, "ann": 1}
