"""The laws of the fold, over random logs."""

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from agentpool_jupyter.pool import Branches, Document, Position, fold, merge
from agentpool_jupyter.pool.events import Delta, File, TurnFinished, Unreadable

from .readings import first_copies, line, shown, texts, versions
from .strategies import logs, stored


def lineage(events):
    branches = Branches()
    for event in events:
        branches.absorb(event)
    return branches


def facts(document):
    files = document.files.entries
    return document.attempts, document.turns, document.usage, document.at, document.unreadable, dict(files)


@given(logs())
def test_merging_the_parts_of_any_split_is_the_whole(values):
    """``fold(a + b) == merge(fold(a), fold(b))``, wherever the log is split."""
    events = stored(values)
    whole = fold(events)
    for cut in range(len(events) + 1):
        merged = merge(fold(events[:cut]), fold(events[cut:]))
        assert merged == whole
        assert facts(merged) == facts(whole)


@given(logs(), st.data())
def test_merging_is_associative(values, data):
    events = stored(values)
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(events))] * 2)))
    a, b, c = fold(events[:low]), fold(events[low:high]), fold(events[high:])
    left, right = merge(merge(a, b), c), merge(a, merge(b, c))
    assert left == right == fold(events)
    assert facts(left) == facts(right)


@given(logs(), st.data())
def test_the_law_holds_on_every_line(values, data):
    """The windows of a snapshot may be folded line by line and merged, too."""
    events = stored(values)
    branches = lineage(events)
    cut = data.draw(st.integers(0, len(events)))
    for branch in branches:
        here = Position(branch, len(events))
        parts = [fold(branches.on_line(part, here)) for part in (events[:cut], events[cut:])]
        assert merge(*parts) == fold(branches.on_line(events, here))


@given(logs())
def test_an_event_that_is_stored_again_counts_once(values):
    events = stored(values)
    once = first_copies(events)
    assert fold(events) == fold(once)
    assert fold(events).turns == fold(once).turns
    left, right = lineage(events), lineage(once)
    assert (left.forks, left.tags, left.head, left.last_move) == (right.forks, right.tags, right.head, right.last_move)


@given(logs(), st.data())
def test_a_batch_that_is_delivered_again_in_mid_log_changes_nothing_that_is_shown(values, data):
    """The later records get other offsets, and people see the same document."""
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(values))] * 2)))
    place = data.draw(st.integers(last, len(values)))
    batch = values[first:last]
    again = [value for value, event in zip(batch, stored(batch), strict=True) if not isinstance(event, Unreadable)]
    events = stored(values[:place] + again + values[place:])
    assert shown(fold(events)) == shown(fold(stored(values)))
    assert fold(events).unreadable == fold(stored(values)).unreadable


@given(logs())
def test_a_turns_text_is_its_deltas_in_their_order(values):
    """As many as there are before its end; each once."""
    events = stored(values)
    assert {turn.id: turn.text for turn in fold(events).attempts} == texts(events)


@given(logs())
def test_a_files_version_is_the_first_of_the_highest_number(values):
    events = stored(values)
    assert dict(fold(events).files.entries) == versions(events)


@given(logs())
def test_a_line_is_its_branch_and_its_parents_before_the_fork(values):
    events = stored(values)
    branches = lineage(events)
    for branch in branches:
        for at in (len(events), len(events) // 2, -1):
            chosen = list(branches.on_line(events, Position(branch, at)))
            assert chosen == line(events, branch, at, branches.forks)


@given(logs(), logs(longest=10))
def test_merging_leaves_its_arguments_as_they_were(first, second):
    a, b = fold(stored(first)), fold(stored(second, len(first)))
    before = facts(a), facts(b)
    merged = merge(a, b)
    for event in stored(second, len(first) + len(second)):
        merged.absorb(event)
    assert (facts(a), facts(b)) == before


@given(logs())
def test_the_empty_document_changes_nothing(values):
    document = Document(pool="bakery", branch="main")
    for event in stored(values):
        document.absorb(event)
    for merged in (merge(Document(), document), merge(document, Document())):
        assert merged == document
        assert (merged.pool, merged.branch) == ("bakery", "main")
        assert facts(merged) == facts(document)


@given(logs(), st.data())
def test_copies_are_independent(values, data):
    """Neither sees what the other takes in later."""
    events = stored(values)
    cut = data.draw(st.integers(0, len(events)))
    original = fold(events[:cut])
    copy = original.copy()
    for event in events[cut:]:
        original.absorb(event)
    assert copy == fold(events[:cut])
    assert original == fold(events)
    for event in events[cut:]:
        copy.absorb(event)
    assert copy == original


def marvels(values):
    """What is out of the ordinary in a log."""
    found = set()
    events = stored(values)
    branches = lineage(events)
    for fork in branches.forks.values():
        if fork.parent in branches.forks:
            found.add("fork of a fork")
            if fork.at <= branches.forks[fork.parent].at:
                found.add("fork inside an ancestor")
    if events and branches.head != "main" and events[-1].branch == "main":
        found.add("writer on a left line")
    if len(first_copies(events)) < len(events):
        found.add("stored again")
    for event in events:
        if isinstance(event, TurnFinished) and event.deltas > 0:
            written = {delta.seq for delta in events if isinstance(delta, Delta) and delta.turn == event.turn}
            found.add("complete turn" if written >= set(range(event.deltas)) else "incomplete turn")
    return found | {what for event in events if isinstance(event, File) for what in _marvels_of(event, events)}


def _marvels_of(event, events):
    there = fold(one for one in events if one.branch == event.branch and one.offset <= event.offset).files
    if event.path not in there.entries:
        yield "file whose path leaves the folder"
    elif there.entries[event.path].id != event.id:
        yield "void version"
    elif event.path not in there:
        yield "deleted file"


@pytest.mark.parametrize(
    "wanted",
    [
        "fork of a fork",
        "fork inside an ancestor",
        "writer on a left line",
        "complete turn",
        "incomplete turn",
        "stored again",
        "void version",
        "deleted file",
        "file whose path leaves the folder",
    ],
)
def test_the_random_logs_hold_what_they_promise(wanted):
    """Forks of forks, abandoned writers, cut and complete turns: the laws above are tried on all of them."""
    tries = settings(max_examples=3000, database=None, phases=[Phase.generate])
    assert find(logs(), lambda values: wanted in marvels(values), settings=tries)


@pytest.mark.parametrize("tip", ["main", "main-2"])
def test_a_merged_document_belongs_to_the_line_of_its_last_part(tip):
    """So that a turn which the fork cut off is shown as cut off."""
    assert merge(Document(branch="main"), Document(branch=tip)).branch == tip
