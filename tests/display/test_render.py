"""What people see of a document, without any widget: markdown and escaped HTML."""

from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter.display.sections import TurnSection, to_html
from agentpool_jupyter.pool import fold
from agentpool_jupyter.pool.events import Delta, Message, TurnFailed, TurnFinished, TurnStarted
from tests.pool.strategies import logs, stored

from .reader import Reader
from .test_markdown import ATTRIBUTES, TAGS


def turn(*pieces, end=None, agent="planner"):
    """The events of one turn."""
    header = {"agent": agent, "turn": f"{agent}-t"}
    events = [TurnStarted(id="a", **header, model="m")]
    events += [Delta(id=f"d{i}", **header, seq=i, text=text) for i, text in enumerate(pieces)]
    if end is not None:
        kind, fields = end
        events.append(kind(id="z", **header, **fields))
    return fold(events)


FINISHED = (TurnFinished, {"deltas": 1})
NASTY = "<script>alert('x')</script> & \"quotes\" **bold** <img src=x onerror=alert(1)> [a](javascript:alert(1))"


def test_what_an_agent_said_is_text_in_html():
    """Scripts, images, quotes and ampersands are shown, not run."""
    html = turn(NASTY, end=FINISHED)._repr_html_()
    page = Reader(html)
    assert page.tags <= {"div", "strong", "em", "p"}
    assert page.attributes <= {"style", "class"}
    assert NASTY.replace("**", "") in page.text
    assert "<script" not in html


def test_names_and_errors_are_text_too():
    events = [
        Message(id="m", agent="<b>you</b>", text="hi"),
        TurnStarted(id="a", agent="x", turn="t", model="m"),
        TurnFailed(id="f", agent="x", turn="t", error="<script>boom</script>"),
    ]
    page = Reader(fold(events)._repr_html_())
    assert page.tags <= {"div", "strong", "em", "p"}
    assert "<b>you</b>#1" in page.text
    assert "failed: <script>boom</script>" in page.text


@given(logs(longest=15), st.text())
def test_no_text_makes_an_element(values, text):
    document = fold([*stored(values), Message(id="last", agent=text, text=text, offset=10**6)])
    page = Reader(document._repr_html_())
    assert page.tags <= {"div", "strong", "em", "p"} | TAGS
    assert page.attributes <= ATTRIBUTES


def test_the_text_is_markdown_with_a_heading_for_each_turn():
    document = fold(
        [Message(id="1", agent="you", text="Open a bakery. "), Message(id="2", agent="you", text="**Soon**")]
    )
    assert document.text == str(document) == "### you#1\n\nOpen a bakery.\n\n### you#2\n\n**Soon**"


def test_an_empty_document_says_so():
    assert fold([]).text == "*(nothing has been said yet)*"
    assert "nothing has been said yet" in fold([])._repr_html_()


def test_what_is_unusual_about_a_turn_is_told():
    """Running, failed, stopped and cut turns are marked; a plain one is not."""
    cases = {
        "still speaking": None,
        "failed: 503 from the server": (TurnFailed, {"error": "503 from the server"}),
        "stopped": (TurnFinished, {"reason": "cancelled", "deltas": 1}),
        "cut at its token limit": (TurnFinished, {"reason": "length", "deltas": 1}),
    }
    for remark, end in cases.items():
        document = turn("Flour", end=end)
        assert document.text == f"### planner#1 *({remark})*\n\nFlour"
        assert f"planner#1 ({remark})Flour" in Reader(document._repr_html_()).text
    assert turn("Flour", end=FINISHED).text == "### planner#1\n\nFlour"


def test_an_agent_keeps_its_colour_and_people_have_none():
    speakers = enumerate(["a", "b", "a"])
    events = [TurnStarted(id=str(i), agent=agent, turn=f"t{i}", model="m") for i, agent in speakers]
    html = fold([*events, Message(id="m", agent="you", text="x")])._repr_html_()
    assert html.count("border-left:4px solid #0083C9") == 2
    assert html.count("border-left:4px solid #E08A00") == 1
    assert html.count("border-left:4px solid #8A8F98") == 1


def test_ipython_shows_the_markdown_as_plain_text(pool):
    """Through IPython's own formatters, which also know the HTML."""
    from IPython.core.formatters import DisplayFormatter

    pool.post("<hello>")
    data, _ = DisplayFormatter().format(pool.document())
    assert data["text/plain"] == "### you#1\n\n<hello>"
    assert "&lt;hello&gt;" in data["text/html"]


def test_a_document_can_be_told_from_its_repr(pool):
    pool.post("x")
    assert repr(pool.document()) == "<Document of bakery at 0: 1 turn>"


def test_a_turn_that_a_rollback_cut_off_says_so_on_the_new_line(pool):
    """And on the line that was left it still speaks."""
    pool.append([TurnStarted(**pool.header("main", agent="ann"), turn="t", model="m")])
    pool.rollback(0)
    assert pool.document().text == "### ann#1 *(cut off)*"
    assert pool.document("main").text == "### ann#1 *(still speaking)*"


def test_of_very_many_turns_the_earlier_ones_are_folded_as_they_were_written():
    """All of it is there; the latest are drawn as Markdown."""
    html = to_html(TurnSection(f"ann#{i}", "", f"*one* <{i}>", "#000") for i in range(1000))
    page = Reader(html)
    assert "800 earlier turns, as they were written" in page.text
    assert all(f"ann#{i}" in page.text and f"<{i}>" in page.text for i in (0, 799, 800, 999))
    assert html.count("<em>one</em>") == 200
