"""The graph of a pool's history."""

from agentpool_jupyter.history import history_graph
from tests.pool.strategies import speech


def drawn(pool):
    """The graph without offsets and times."""
    return [(row.lanes, row.text) for row in history_graph(pool).rows]


def test_an_empty_pool(pool):
    assert repr(history_graph(pool)) == "the pool is empty"


def test_one_line_is_newest_first(pool):
    pool.post("one")
    pool.post("two")
    assert drawn(pool) == [("*", "you#2: two  [HEAD → main]"), ("*", "you#1: one")]


def test_branches_leave_their_parents_where_they_forked(pool):
    """A rollback's branch stands beside the line it left; head, branches and tags are named at their ends."""
    for text in ("one", "two", "three"):
        pool.post(text)
    pool.tag("good")
    pool.rollback(1)
    pool.post("better")
    assert drawn(pool) == [
        ("  *", "you#3: better  [HEAD → main-2]"),
        ("* |", "you#3: three  [main, tag: good]"),
        ("|/", ""),
        ("*", "you#2: two"),
        ("*", "you#1: one"),
    ]


def test_it_can_be_cut_short(pool):
    for i in range(30):
        pool.post(f"message {i}")
    graph = history_graph(pool, most=5)
    assert len(graph.rows) == 6
    assert repr(graph).endswith("25 earlier lines; -n shows more")


def test_what_is_cut_off_is_named_the_head_first(pool):
    """Where the head is far back, a short log says so."""
    for i in range(8):
        pool.post(f"message {i}")
    pool.tag("good", at=2)
    pool.fork("idea", at=1)
    pool.rollback("you#1")
    graph = history_graph(pool, most=3)
    assert repr(graph).endswith("5 earlier lines, among them HEAD → main-2, tag: good, idea; -n shows more")


def test_text_is_escaped(pool):
    pool.post("<script>", agent="<b>")
    html = history_graph(pool)._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html


def test_a_branch_on_which_nothing_has_happened_is_only_a_name(pool):
    """As a new branch is in git: the head stands where it leaves."""
    pool.post("one")
    pool.post("two")
    pool.rollback(0)
    assert drawn(pool) == [("*", "you#2: two  [main]"), ("*", "you#1: one  [HEAD → main-2]")]


def test_a_branch_leaves_the_branch_that_its_line_was_on(pool):
    """A fork from main-2 at a point before main-2 began leaves main."""
    for text in ("one", "two", "three"):
        pool.post(text)
    pool.rollback(1)
    pool.post("better")
    pool.fork("early", at=0)
    pool.switch("early")
    pool.post("other")
    assert drawn(pool) == [
        ("    *", "you#2: other  [HEAD → early]"),
        ("  * |", "you#3: better  [main-2]"),
        ("* | |", "you#3: three  [main]"),
        ("|/  |", ""),
        ("*   |", "you#2: two"),
        ("|--/", ""),
        ("*", "you#1: one"),
    ]


def test_a_team_that_a_rollback_stopped_is_told_in_the_graph(pool):
    pool.append(speech("t", ["Flour"], reason="cancelled"))
    pool.tag("flour")
    html = history_graph(pool)._repr_html_()
    assert "ann#1</strong> stopped" in html
    assert "<strong>[HEAD → main, tag: flour]</strong>" in html
