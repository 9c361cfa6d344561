"""The graph of a pool's history."""

from agentpool_jupyter.history import history_graph


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
