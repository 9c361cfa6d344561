"""What changed between two positions."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import PositionError
from agentpool_jupyter.history import diff
from agentpool_jupyter.history.diff import TurnChange
from agentpool_jupyter.pool import open_pool as open_raw
from agentpool_jupyter.pool.document import Turn
from tests.files import sql
from tests.pool.strategies import speech
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
    pool.append(speech("t", ["Flour ", "and water"]))
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


# Words ---------------------------------------------------------------------------------------------------------------

TEXTS = st.text(alphabet="ab ,.\n", max_size=30)


def turn(text, status="finished"):
    return Turn(id="t", name="ann#1", agent="ann", text=text, status=status, start=0, end=1)


@given(TEXTS, TEXTS)
def test_the_words_of_a_diff_give_both_texts_back(before, after):
    """Without what was added it is the one text, without what was removed the other."""
    words = list(TurnChange(turn(before), turn(after)).words())
    assert "".join(text for kind, text in words if kind != "added") == before
    assert "".join(text for kind, text in words if kind != "removed") == after


def test_neighbouring_words_are_one_change():
    """Not one for each word, with the spaces between them."""
    words = list(TurnChange(turn("Bake rye bread by hand."), turn("Bake two cakes by hand.")).words())
    assert words == [("same", "Bake "), ("removed", "rye bread"), ("added", "two cakes"), ("same", " by hand.")]


def test_texts_that_have_little_in_common_are_shown_whole():
    """Word by word they would be a mosaic of `is`, `the` and full stops."""
    words = list(
        TurnChange(turn("The sea is a mirror of stars."), turn("The app is ready, and free of charge.")).words()
    )
    assert words == [("removed", "The sea is a mirror of stars."), ("added", "The app is ready, and free of charge.")]


def test_a_turn_says_what_became_of_it():
    """Also where one text begins with the other: then nobody has to read both."""
    assert TurnChange(turn("Flour and"), turn("Flour")).remark == "cut short"
    assert TurnChange(turn("Flour"), turn("Flour and")).remark == "went on"
    assert TurnChange(turn("Flour", "running"), turn("Flour")).remark == "running → finished"
    assert TurnChange(turn("Flour"), turn("Salt")).remark == "changed"
    assert TurnChange(turn("Flour"), turn("Flour")).remark == ""


def test_turns_that_stayed_the_same_are_named_in_a_line(pool):
    """They do not hide what changed."""
    for i in range(12):
        pool.post(f"message {i}")
    html = diff(pool, 9)._repr_html_()
    assert "the same: you#1 to you#10" in html
    assert "message 9" not in html
    assert "message 10" in html
    assert "message 11" in html
