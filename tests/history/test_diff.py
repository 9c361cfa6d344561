"""What changed between two positions."""

import random

import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import PositionError
from agentpool_jupyter.history import diff
from agentpool_jupyter.pool import open_pool as open_raw
from agentpool_jupyter.pool.events import Delta, TurnFinished, TurnStarted
from tests.files import sql
from tests.snapshots.snapshots import build, file_of


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
    pool.post("plain")
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


def test_turns_that_stayed_the_same_are_named_and_not_shown(pool):
    """Each agent's follow one another, so that two names are enough; what changed is shown whole."""
    for i in range(40):
        pool.post(f"message {i}.", agent=("ann", "ben")[i % 2])
    pool.post("hello", agent="cy")
    html = diff(pool, "main", 39)._repr_html_()
    assert "the same: ann#1 to ann#20, ben#1 to ben#20</div>" in html
    assert "message" not in html
    assert "hello" in html


def test_many_agents_are_named_in_a_few_words(pool):
    for i in range(10):
        pool.post("Yes.", agent=f"agent{i}")
    pool.post("No.", agent="agent9")
    html = diff(pool, "main")._repr_html_()
    assert (
        "the same: agent0#1, agent1#1, agent2#1, agent3#1, agent4#1, agent5#1, agent6#1, agent7#1 and 3 more<" in html
    )


def seen(found):
    return repr(found), found._repr_html_(), list(found.changes), found.counts, bool(found)


def test_snapshots_change_nothing_of_what_is_shown(made):
    """Between any two positions of any branches, a document that is restored differs as one of the log does."""
    store, where, _ = made
    dice = random.Random(3)
    with open_pool("bakery", store, snapshot_every=0) as pool, open_raw("bakery", store) as raw:
        pairs = [dice.sample(where, 2) for _ in range(60)]
        assert any(diff(pool, *pair).changes.leading for pair in pairs)
        for a, b in [*pairs, *([place, pool.position(pool.branch)] for place in where[:10])]:
            assert seen(diff(pool, a, b)) == seen(diff(raw, a, b))


def test_what_two_lines_begin_with_is_not_even_loaded(store):
    """So that a rollback costs what it takes away: turns that cannot be read in snapshots are not missed."""
    with open_pool("bakery", snapshot_every=0) as pool:
        for i in range(300):
            pool.post(f"message {i}.")
        build(pool)
        sql(file_of(pool), "UPDATE nodes SET body = x'00'")
    with open_pool("bakery", snapshot_every=0) as pool:
        found = diff(pool, "main", 290)
        assert found.counts == {"added": 0, "removed": 9, "changed": 0, "same": 291}
        assert "the same: you#1 to you#291<" in found._repr_html_()
        assert "message 291." in repr(found)
        assert len(found.changes) == 300
        with pytest.warns(match="is damaged"):
            assert found.changes[0].name == "you#1"
        assert [change.kind for change in found.changes[289:293]] == ["same", "same", "removed", "removed"]
