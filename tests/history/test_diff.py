"""What changed between two positions."""

from __future__ import annotations

import pytest

from agentpool_jupyter.errors import PositionError
from agentpool_jupyter.history import diff
from agentpool_jupyter.pool.events import Delta, TurnFinished, TurnStarted


@pytest.fixture
def told(pool):
    for text in ("One two three.", "Second.", "Third."):
        pool.post(text)
    return pool


def test_a_position_and_itself_are_the_same(told):
    changes = diff(told, "main")
    assert not changes
    assert changes.counts == {"added": 0, "removed": 0, "changed": 0, "same": 3}


def test_what_came_since_is_added_and_what_left_is_removed(told):
    assert diff(told, 0).counts == {"added": 2, "removed": 0, "changed": 0, "same": 1}
    assert diff(told, "main", 0).counts == {"added": 0, "removed": 2, "changed": 0, "same": 1}


def test_turns_of_two_lines_are_paired_by_name_and_compared_by_word(told):
    """What two branches say at the same place is one changed turn, not one removed and one added."""
    told.rollback(1)
    told.post("Third, but better.")
    changes = diff(told, "main")
    assert changes.counts == {"added": 0, "removed": 0, "changed": 1, "same": 2}
    assert "Third{+, but better+}." in repr(changes)
    assert "<ins" in changes._repr_html_()


def test_a_turn_that_went_on_is_changed(pool):
    header = {"branch": "main", "agent": "ann"}
    events = [
        TurnStarted(id="1", **header, turn="t"),
        Delta(id="2", **header, turn="t", seq=0, text="Flour "),
        Delta(id="3", **header, turn="t", seq=1, text="and water"),
        TurnFinished(id="4", **header, turn="t", deltas=2),
    ]
    pool.append(events)
    (change,) = diff(pool, 1).changes
    assert (change.kind, list(change.words())) == ("changed", [("same", "Flour "), ("added", "and water")])


def test_text_is_escaped(pool):
    pool.post("<b>bold</b> & more")
    assert "&lt;b&gt;" in diff(pool, "main", 0)._repr_html_()
    assert "<b>" not in diff(pool, "main", 0)._repr_html_()


def test_a_position_that_is_not_there_is_told(told):
    with pytest.raises(PositionError, match="nearest: you#3"):
        diff(told, "you#4")


def test_a_long_one_is_folded_in_a_page_and_cut_short_as_text(pool):
    """Nothing is left out of ``changes``, nor of the page."""
    for i in range(120):
        pool.post(f"message {i}.")
    found = diff(pool, 0)
    assert len(found.changes) == 120
    assert "message 100." in repr(found)
    assert "message 101." not in repr(found)
    assert repr(found).endswith("… and 19 more turns; ap.diff(…).changes has them all")
    html = found._repr_html_()
    assert "message 119." in html
    assert "79 more turns: you#42, you#43, you#44, you#45, you#46, you#47, you#48, you#49 and 71 more" in html
