"""Turns as the document shows them."""

import pytest

from agentpool_jupyter.pool import Document, Usage, fold
from agentpool_jupyter.pool.events import Delta, Message, TurnFailed, TurnFinished, TurnStarted

from .strategies import placed


def start(turn, agent="planner", **fields):
    return TurnStarted(id=f"s{turn}", turn=turn, agent=agent, model="m", **fields)


def delta(turn, seq, text, agent="planner", **fields):
    return Delta(id=f"d{turn}.{seq}", turn=turn, seq=seq, text=text, agent=agent, **fields)


def finish(turn, agent="planner", **fields):
    return TurnFinished(id=f"f{turn}", turn=turn, agent=agent, **fields)


def fail(turn, agent="planner", **fields):
    return TurnFailed(id=f"x{turn}", turn=turn, agent=agent, error="503", kind="server", **fields)


def test_a_copy_does_not_change_when_the_document_goes_on():
    """Also where the document has shown how a turn ended, which the copy has not heard."""
    begun, ended = placed(start("t"), delta("t", 0, "Soon")), placed(start("t"), delta("t", 0, "Soon"), finish("t"))
    document = fold(begun)
    copy = document.copy()
    before = list(copy.turns)
    document.absorb(ended[-1])
    assert [turn.status for turn in document.turns] == ["finished"]
    assert list(copy.turns) == before
    assert [turn.status for turn in copy.turns] == ["running"]


def test_a_turn_has_all_that_is_known_of_it():
    context = {"dropped": {"critic": 2}}
    (turn,) = fold(
        placed(
            start("t", seen=7, attempt=2, run="r", branch="idea", context=context),
            delta("t", 0, "Flour"),
            finish("t", usage=Usage(3, 4), cost=0.5, deltas=1),
        )
    ).turns
    known = ("t", "planner#1", "planner", "Flour", "finished")
    assert (turn.id, turn.name, turn.agent, turn.text, turn.status) == known
    assert (turn.start, turn.end, turn.seen, turn.time) == (0, 2, 7, 1000)
    assert (turn.usage, turn.cost, turn.model, turn.reason) == (Usage(3, 4), 0.5, "m", "stop")
    assert (turn.attempt, turn.run, turn.branch, turn.context) == (2, "r", "idea", context)


def test_a_persons_message_is_a_finished_turn():
    (turn,) = fold(placed(Message(id="m", agent="you", text="Open a bakery."))).turns
    known = ("you#1", "Open a bakery.", "finished", "", 0, 0)
    assert (turn.name, turn.text, turn.status, turn.model, turn.start, turn.end) == known


def test_turns_stand_in_the_order_in_which_they_began():
    document = fold(
        placed(
            start("a"), start("b", "critic"), delta("b", 0, "no", "critic"), finish("b", "critic"), delta("a", 0, "yes")
        )
    )
    assert [(turn.name, turn.status) for turn in document.turns] == [("planner#1", "running"), ("critic#1", "finished")]


def test_an_attempt_that_is_tried_again_is_not_shown():
    """Its text is never doubled, its tokens are counted, and its turn's number goes to the next attempt."""
    document = fold(
        placed(
            start("a"),
            delta("a", 0, "Flour fir"),
            fail("a", retriable=True, usage=Usage(10, 3)),
            start("b", attempt=2),
            delta("b", 0, "Flour first."),
            finish("b", usage=Usage(10, 5), deltas=1),
        )
    )
    assert [(turn.name, turn.text, turn.attempt) for turn in document.turns] == [("planner#1", "Flour first.", 2)]
    assert [(turn.name, turn.id) for turn in document.attempts] == [("planner#1", "a"), ("planner#1", "b")]
    assert document.usage == Usage(20, 8)


def test_a_turn_that_failed_for_good_is_shown():
    (turn,) = fold(placed(start("a"), delta("a", 0, "Flour"), fail("a"))).turns
    assert (turn.status, turn.text, turn.error, turn.reason) == ("failed", "Flour", "503", "server")


def test_an_agent_with_nothing_to_say_is_not_shown():
    document = fold(placed(start("a"), finish("a", reason="silent", deltas=0), start("b")))
    assert [turn.name for turn in document.turns] == ["planner#1"]
    assert len(document) == 1
    assert len(document.attempts) == 2


def test_deltas_count_once_and_in_their_order():
    """Late, early and repeated ones, whatever the order of arrival."""
    late = (delta("t", seq, text) for seq, text in ((1, "b"), (0, "a"), (1, "b")))
    (turn,) = fold(placed(*late, start("t"), delta("t", 2, "c"), finish("t", deltas=3))).turns
    assert turn.text == "abc"


def test_a_lost_delta_leaves_a_gap_only():
    (turn,) = fold(placed(start("t"), delta("t", 0, "a"), delta("t", 2, "c"), finish("t", deltas=3))).turns
    assert (turn.text, turn.status) == ("ac", "finished")


def test_nothing_is_added_after_the_end():
    """A turn that was stopped or failed stays as it ended."""
    events = placed(start("t"), delta("t", 0, "a"), fail("t"), delta("t", 1, "b"), finish("t", deltas=2))
    (turn,) = fold(events).turns
    assert (turn.text, turn.status, turn.end) == ("a", "failed", 2)


def test_a_turn_without_a_begin_is_shown_all_the_same():
    """A window of a log may start in the middle of a turn."""
    (turn,) = fold(placed(delta("t", 4, "nd"))).turns
    assert (turn.name, turn.text, turn.status, turn.model) == ("planner#1", "nd", "running", "")


@pytest.mark.parametrize("name", ["planner#2", "b"])
def test_a_turn_is_found_by_name_or_id(name):
    document = fold(placed(start("a"), finish("a"), start("b")))
    assert document.turn(name).id == "b"
    assert document.turn("planner#3") is None


def test_documents_of_other_kinds_are_unequal():
    assert Document() != "nothing"
    assert fold(placed(start("a"))) != fold(placed(start("b")))
    with pytest.raises(TypeError):
        hash(Document())
