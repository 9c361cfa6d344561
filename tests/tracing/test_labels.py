"""What people say of turns."""

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.tracing import FAILURE_MODES
from tests.teams import play


def test_a_label_stands_on_a_turn_until_it_is_taken_back(url, server):
    """Whoever looks at the turn sees it, also from another line; the document stays as it is."""
    with ap.open_pool("bakery", url) as pool:
        play(pool, {"ann": "Talks.", "ben": "Checks."}, server)
        before = pool.document()
        ap.label(pool, "ann#1", FAILURE_MODES[7], "Stars are no bread.")
        ap.label(pool, "ann#1", "odd", agent="critic")
        assert pool.document() == before
        assert [(one.label, one.agent) for one in ap.trace(pool, "ann#1").labels] == [
            ("task derailment", "you"),
            ("odd", "critic"),
        ]
        assert "task derailment (you): Stars are no bread." in str(ap.trace(pool, "ann#1"))
        assert "label: task derailment" in str(ap.trace(pool))
        pool.clear()
        assert len(ap.trace(pool, "ann#1").labels) == 2
        ap.label(pool, "ann#1", "odd", agent="critic", branch="main", withdraw=True)
        assert [one.label for one in ap.trace(pool, "ann#1").labels] == ["task derailment"]


def test_mistakes_are_told(pool):
    pool.post("Hello.")
    with pytest.raises(UserError, match="no turn 'ann#1' on branch 'main'"):
        ap.label(pool, "ann#1", "odd")
    for text in (" ", "x" * 81):
        with pytest.raises(UserError, match="1 to 80 characters"):
            ap.label(pool, "you#1", text)


def test_drift_is_shown_along_a_run(pool):
    said = "The rent of the corner shop takes nine hundred euros every month."
    play(pool, {"ann": {"python": "again"}, "ben": {"python": "again"}}, functions={"again": lambda document: said})
    found = ap.trace(pool, next(iter(pool.runs)))
    assert [one.turn.name for one in found.drifts] == [turn.name for turn in found.turns]
    assert "new to itself" in str(found)
