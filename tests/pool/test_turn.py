"""Turns, as a fold gathers them and as people see them."""

import msgspec
import pytest

from agentpool_jupyter.pool.events import Delta, Message, TurnFailed, TurnFinished, TurnStarted, Usage
from agentpool_jupyter.pool.turn import Entry

HEADER = {"agent": "ann", "run": "r1"}


def begin(offset=0, **more):
    return TurnStarted(id="s", turn="t", model="m", seen=4, offset=offset, time=7, **HEADER, **more)


def delta(seq, text):
    return Delta(id=f"d{seq}", turn="t", seq=seq, text=text, offset=seq + 1, **HEADER)


def finish(deltas=-1, **more):
    return TurnFinished(id="e", turn="t", deltas=deltas, offset=9, **HEADER, **more)


def fail(**more):
    return TurnFailed(id="e", turn="t", error="500", kind="server", offset=9, **HEADER, **more)


def entry(*events):
    result = Entry.of(events[0])
    for event in events:
        result.absorb(event)
    return result


def test_text_is_the_parts_in_the_order_of_their_numbers():
    assert entry(begin(), delta(1, "b"), delta(0, "a")).so_far() == "ab"


def test_the_first_of_each_counts_and_nothing_after_the_end_does():
    again = Delta(id="x", turn="t", seq=0, text="other", **HEADER)
    assert entry(begin(), delta(0, "a"), again, finish(1), delta(1, "late"), fail()) == entry(
        begin(), delta(0, "a"), finish(1)
    )


def test_parts_become_one_text_once_they_are_known_to_be_all():
    """Where one is missing, or nobody counted, they stay parts: a window before may have it."""
    assert entry(begin(), delta(0, "a"), delta(1, "b"), finish(2)).text == "ab"
    assert entry(begin(), delta(1, "b"), finish(2)).text is None
    assert entry(begin(), delta(0, "a"), finish(-1)).text is None
    assert entry(begin(), finish(0)).text == ""


def test_what_a_later_window_knows_completes_it():
    first, second = entry(begin(), delta(0, "a")), entry(delta(1, "b"), finish(2))
    assert (first.whole, second.whole) == (False, False)
    first.join(second)
    assert (first.whole, first.text, first.first) == (True, "ab", 0)
    assert second.parts == {1: "b"}


def test_what_comes_after_its_end_is_not_joined():
    ended = entry(begin(), delta(0, "a"), finish(1))
    ended.join(entry(delta(1, "b"), fail()))
    assert ended == entry(begin(), delta(0, "a"), finish(1))


def test_a_clone_that_may_still_change_is_its_own_and_an_ended_one_is_shared():
    running = entry(begin(), delta(0, "a"))
    twin = running.clone()
    twin.absorb(delta(1, "b"))
    assert running.so_far() == "a"
    ended = entry(begin(), finish(0))
    assert ended.clone() is ended


def test_a_message_is_whole_by_itself():
    said = entry(Message(id="m", text="hello", agent="you", offset=3))
    assert (said.whole, said.so_far(), said.status("main")) == (True, "hello", "finished")


def test_its_json_is_the_form_in_which_snapshots_keep_it():
    kept = b'{"agent":"ann","run":"r1","branch":"main","first":1,"time":0,"parts":{"0":"a","2":"c"}}'
    assert msgspec.json.encode(entry(delta(0, "a"), delta(2, "c"))) == kept
    assert msgspec.json.decode(kept, type=Entry) == entry(delta(0, "a"), delta(2, "c"))


@pytest.mark.parametrize(
    ("end", "status", "hidden"),
    [
        (finish(0), "finished", False),
        (finish(0, reason="length"), "finished", False),
        (finish(0, reason="cancelled"), "cancelled", False),
        (finish(0, reason="silent"), "finished", True),
        (fail(), "failed", False),
        (fail(retriable=True), "failed", True),
    ],
)
def test_how_it_ended(end, status, hidden):
    ended = entry(begin(), end)
    assert (ended.status("main"), ended.hidden) == (status, hidden)


def test_one_that_has_not_ended_runs_on_its_own_branch_and_is_cut_off_on_others():
    running = entry(begin())
    assert [running.status(tip) for tip in ("main", "main-2", None)] == ["running", "cancelled", "running"]


def test_what_people_see_of_a_finished_turn():
    turn = entry(begin(2), delta(0, "a"), finish(1, reason="stop", usage=Usage(3, 4), cost=0.5)).show(
        "t", "ann#1", "main"
    )
    assert (turn.id, turn.name, turn.agent, turn.text, turn.status) == ("t", "ann#1", "ann", "a", "finished")
    assert (turn.start, turn.end, turn.seen, turn.time, turn.model, turn.run) == (2, 9, 4, 7, "m", "r1")
    assert (turn.usage, turn.cost, turn.reason, turn.error) == (Usage(3, 4), 0.5, "stop", "")


def test_what_people_see_of_a_failed_turn():
    turn = entry(begin(attempt=2), fail(usage=Usage(3, 0))).show("t", "ann#1", "main")
    assert (turn.status, turn.reason, turn.error, turn.attempt) == ("failed", "server", "500", 2)
    assert (turn.usage, turn.cost) == (Usage(3, 0), None)
