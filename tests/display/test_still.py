"""A run as a picture that needs no kernel, widget or script."""

import base64
import re

import pytest

from agentpool_jupyter.display.screen import AgentView, CallView, EdgeView, Reading, RunView, State, TurnView
from agentpool_jupyter.display.still import Still
from agentpool_jupyter.display.table import Table

from .reader import Reader

EVIL = "<script>alert('1')</script> & \"quotes\" <img src=x onerror=y>"


def state(**run):
    return State(
        seq=3,
        run=RunView(pool="bakery", run="r", status="finished", reason="turns", **run),
        agents=[
            AgentView(name="ann", model=EVIL, turns=1, tokens=12, state="done"),
            AgentView(name="ben", state="failed", note=EVIL),
        ],
        turns=[
            TurnView(id="2", name="ben#1", agent="ben", status="failed", note=EVIL, start=5),
            TurnView(id="1", name="ann#1", agent="ann", status="finished", text=f"Bread.\n{EVIL}", start=2),
            TurnView(id="3", name="you#1", agent="you", status="finished", text="And cake? 🥐", start=7),
        ],
        edges=[EdgeView(source="ann", target="ben", chars=120), EdgeView(source="ghost", target="ben", chars=5)],
    )


def test_of_a_very_long_run_it_says_how_much_it_leaves_out():
    one = State(seq=0, run=RunView(pool="bakery"), later=["t1"])
    assert "1 earlier turn not shown here: `%pool bakery` shows all" in repr(Still(one))
    html = Still(State(seq=0, run=RunView(pool="bakery"), later=["t1", "t2"]))._repr_html_()
    assert "2 earlier turns not shown here: <code>%pool bakery</code> shows all" in html


def test_what_agents_say_is_text_and_never_markup():
    """Only the tags of the picture itself are there, all of them closed, and no attribute is a script."""
    page = Reader(Still(state())._repr_html_())
    assert not {"script", "svg", "iframe"} & page.tags
    assert page.text.count(EVIL) == 4
    assert {"img", "table", "details"} <= page.tags


def test_text_says_all_that_the_picture_says():
    """Turns in the order in which they began, with what went wrong, below a line on the whole run."""
    text = repr(Still(state(tokens=1234, tokens_max=5000, started=1000, finished=3500, cost=0.25)))
    head, *turns = text.split("\n\n")
    assert head.splitlines()[0] == "bakery · main · finished (turns) · 2.5 s · 1,234 tokens of 5,000 · US$ 0.2500"
    assert [turn.split("\n")[0] for turn in turns] == ["[ann#1]", f"[ben#1 ({EVIL})]", "[you#1]"]
    assert "And cake? 🥐" in text
    head, *_ = repr(Still(state(tokens=1234, tokens_max=5000, cost=0.25, estimated=True))).split("\n\n")
    assert head.splitlines()[0].endswith(" · ≤ 1,234 tokens of 5,000 · ≤ US$ 0.2500")


def test_calls_stand_below_their_turn():
    """What came of them, and what they printed; whatever that is, it is text."""
    view = state()
    view.turns[1].calls = [
        CallView(id="1", what=f"mail({EVIL})", status="done", answer=EVIL, output="one\ntwo"),
        CallView(id="2", what="stock()", status="waiting"),
    ]
    turn = repr(Still(view)).split("\n\n")[1]
    assert turn.split("\n")[-4:] == [f"  mail({EVIL}): done → {EVIL}", "  | one", "  | two", "  stock(): waiting"]
    page = Reader(Still(view)._repr_html_())
    assert not {"script", "svg", "iframe"} & page.tags
    assert page.text.count(EVIL) == 6


def test_the_graph_is_an_image_and_its_words_say_how_much_text_flowed():
    """Pages that show notebooks of others drop SVG in HTML, and keep images; text has the words alone."""
    html, told = Still(state())._repr_html_(), "who read whom, in characters: ann → ben 120, ghost → ben 5"
    assert f'alt="{told}"' in html
    assert f"\n{told}\n" in repr(Still(state()))
    (drawn,) = images(html)
    assert drawn.count("<circle") == 2
    assert drawn.count("stroke-width") == 1  # the ghost is not drawn


def images(html):
    """The SVG of all images."""
    return [base64.b64decode(part).decode() for part in re.findall(r"data:image/svg\+xml;base64,([^\"]*)", html)]


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_any_number_of_agents_can_be_drawn(count):
    names = [f"a{i}" for i in range(count)]
    edges = [EdgeView(source=a, target=b, chars=9) for a in names for b in names if a != b]
    picture = Still(State(seq=0, run=RunView(pool="p"), agents=[AgentView(name=name) for name in names], edges=edges))
    page = Reader(picture._repr_html_())
    (drawn,) = images(picture._repr_html_())
    assert all(name in page.text and f">{name}<" in drawn for name in names)
    assert "nothing was said" in page.text


def test_what_is_not_text_stays_small():
    """Notebooks are kept with others' work: a large team's picture, too, has less than 60 kB of its own."""
    names = [f"agent-{i}" for i in range(50)]
    edges = [EdgeView(source=a, target=b, chars=9) for a in names for b in names if a != b]
    agents = [AgentView(name=name, model="local", turns=2, state="done") for name in names]
    turns = [
        TurnView(id=f"{i}", name=f"{name}#1", agent=name, status="finished", text="word " * 40)
        for i, name in enumerate(names)
    ]
    picture = Still(State(seq=0, run=RunView(pool="p", status="finished"), agents=agents, turns=turns, edges=edges))
    text = sum(len(turn.text) for turn in turns)
    assert len(picture._repr_html_()) + len(repr(picture)) - 2 * text < 60_000


def test_a_turn_that_never_ended_is_said_to_speak_still():
    view = State(seq=0, run=RunView(pool="p"), turns=[TurnView(id="1", name="ann#1", agent="ann", text="Well")])
    assert "[ann#1 (still speaking)]\nWell" in repr(Still(view))


def test_what_reading_has_cost_stands_in_the_head_line_and_beside_each_agent():
    """Only where somebody has read more than the task; stale turns and new beginnings are counted."""
    read = Reading(task=1200, own=80, others=2300, stale=1, restarts=2)
    view = state(tokens=4000, reading=read)
    view.agents[0].reading = Reading(task=600, recalled=40)
    line = "read 3,580 = task 1,200 + own text 80 + others 2,300 · 1 stale turn · 2 overtaken, began anew"
    assert f"4,000 tokens\n{line}\n" in repr(Still(view))
    page = Reader(Still(view)._repr_html_())
    assert line in page.text
    assert "read 640 = task 600 + recalled 40" in page.text
    assert "\n2 stale turns\n" in repr(Still(state(reading=Reading(task=9, stale=2))))
    assert "task 1,200" not in repr(Still(state(reading=Reading(task=1200))))


def test_a_table_is_aligned_in_text_and_escaped_in_html():
    table = Table(("name", "n"), [("ann", 1), (EVIL, 20)])
    assert len(table) == 2
    assert repr(table).splitlines()[0].index("n", 1) == repr(table).splitlines()[0].rindex("n")
    assert Reader(table._repr_html_()).text.count(EVIL) == 1
    assert repr(Table(("name",), [], empty="<none>")) == "<none>"
    assert "&lt;none&gt;" in Table(("name",), [], empty="<none>")._repr_html_()
