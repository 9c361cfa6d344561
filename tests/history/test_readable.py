"""What people see of a diff and of the history's graph, beyond the facts."""

from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.history import diff, history_graph
from agentpool_jupyter.history.diff import TurnChange
from agentpool_jupyter.pool.document import Turn
from agentpool_jupyter.pool.events import Delta, TurnFinished, TurnStarted

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


def test_a_branch_on_which_nothing_has_happened_is_only_a_name(pool):
    """As a new branch is in git: the head stands where it leaves."""
    pool.post("one")
    pool.post("two")
    pool.rollback(0)
    assert [(row.lanes, row.text) for row in history_graph(pool).rows] == [
        ("*", "you#2: two  [main]"),
        ("*", "you#1: one  [HEAD → main-2]"),
    ]


def test_a_branch_leaves_the_branch_that_its_line_was_on(pool):
    """A fork from main-2 at a point before main-2 began leaves main."""
    for text in ("one", "two", "three"):
        pool.post(text)
    pool.rollback(1)
    pool.post("better")
    pool.fork("early", at=0)
    pool.switch("early")
    pool.post("other")
    assert [(row.lanes, row.text) for row in history_graph(pool).rows] == [
        ("    *", "you#2: other  [HEAD → early]"),
        ("  * |", "you#3: better  [main-2]"),
        ("* | |", "you#3: three  [main]"),
        ("|/  |", ""),
        ("*   |", "you#2: two"),
        ("|--/", ""),
        ("*", "you#1: one"),
    ]


def test_a_team_that_a_rollback_stopped_is_told_in_the_graph(pool):
    header = {"agent": "ann", "turn": "t"}
    pool.append(
        [
            TurnStarted(id="a", **header),
            Delta(id="b", **header, seq=0, text="Flour"),
            TurnFinished(id="c", **header, deltas=1, reason="cancelled"),
        ]
    )
    pool.tag("flour")
    html = history_graph(pool)._repr_html_()
    assert "ann#1</strong> stopped" in html
    assert "<strong>[HEAD → main, tag: flour]</strong>" in html
