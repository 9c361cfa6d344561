"""What waits for a person, answered in the page: while the cell blocks, and after the kernel was killed."""

import pytest
from playwright.sync_api import expect

from agentpool_jupyter.pool.events import EffectStarted, Vote
from tests.openai_server import Asks, Says
from tests.teams import of_type

from .cells import team_cell

TOOL = """
def order(item: str, count: int) -> str:
    "Order an item."
    print("<i>looking up</i>", item)
    return f"ordered {count} {item}"
"""
AGENTS = {"planner": {"role": "Plans.", "tools": ["order"]}}
CAME = {
    "approve": ["ordered 3 <b>flour</b> for $5", "<i>looking up</i> <b>flour</b> for $5"],
    "reject": ["not done: you refused"],
}
"""What came of a call, and what it printed."""
GATES = {"order": {"ask": ["you"]}}


@pytest.fixture
def asking(server):
    """The model wants to order, and then says what the tool answered."""
    server.rate = 500
    server.fault(Asks((("order", {"item": "<b>flour</b> for $5", "count": 3}),), after=5))
    server.fault(Says("So it is."))
    return server


def test_a_person_approves_and_refuses_while_the_cell_blocks(open_notebook, kept, asking, photo):
    """What will happen stands there exactly; the reason is part of the vote."""
    cells = [team_cell(f"gated-{word}", AGENTS, asking, gates=GATES) for word in ("approve", "reject")]
    notebook = open_notebook(TOOL, *cells)
    notebook.run(1)
    for index, word in ((2, "approve"), (3, "reject")):
        notebook.start(index)
        question = notebook.output(index).locator(".ap-question")
        expect(question.locator("code")).to_have_text('order(item="<b>flour</b> for $5", count=3)')
        expect(notebook.output(index).get_by_test_id("lane-planner")).to_contain_text("waiting for you: order(")
        expect(notebook.prompt(index)).to_have_text("[*]:")
        photo(f"waiting-{word}", question)
        question.get_by_role("textbox").fill(f"I {word}.")
        question.get_by_role("button", name=word.capitalize()).click()
        notebook.ended(index)
        expect(notebook.picture(index)).to_contain_text("So it is.")
        call = notebook.output(index).first.get_by_test_id("lane-planner").locator(".ap-call")
        call.locator("summary").click()
        expect(call.locator("pre:visible")).to_contain_text(CAME[word])
        photo(f"called-{word}", call)
        pool = kept(f"gated-{word}")
        (vote,) = of_type(pool, Vote)
        assert (vote.agent, vote.accept, vote.text) == ("you", word == "approve", f"I {word}.")
        assert len(of_type(pool, EffectStarted)) == (word == "approve")


def test_calls_that_are_alike_are_one_card_and_what_lets_pass_is_red(open_notebook, kept, server, photo):
    """One click approves all of them, while the cell blocks; the warning is in words, too."""
    server.rate = 500
    calls = tuple(("order", {"item": item, "count": 2}) for item in ("flour", "rye", "salt"))
    server.fault(Asks(calls, after=5))
    server.fault(Says("So it is."))
    notebook = open_notebook(TOOL, team_cell("alike", AGENTS, server, gates={"order": {"ask": ["you"], "stale": "ok"}}))
    notebook.run(1)
    notebook.start(2)
    tray = notebook.output(2).get_by_test_id("tray")
    expect(tray.locator(".ap-question")).to_have_count(1)
    expect(tray.get_by_role("listitem")).to_have_count(3)  # the warning, and two more calls
    expect(tray.get_by_text("lets pass (stale: ok")).to_have_css("color", "rgb(211, 47, 47)")
    photo("waiting-alike", tray)
    tray.get_by_role("button", name="Approve all 3").click()
    notebook.ended(2)
    expect(notebook.output(2).locator(".agentpool-still .ap-lets-pass")).to_contain_text("the gate of order lets pass")
    pool = kept("alike")
    assert [vote.accept for vote in of_type(pool, Vote)] == [True] * 3
    assert len(of_type(pool, EffectStarted)) == 3


def test_a_question_outlives_its_kernel(open_notebook, jupyter, kept, asking):
    """It waits in the pool: the run goes on in a new kernel, asks the same, and the answer counts once."""
    later = ["%load_ext agentpool_jupyter" + TOOL, "%agents resume asked --trust"]
    notebook = open_notebook(TOOL, team_cell("asked", AGENTS, asking, gates=GATES), *later)
    notebook.run(1)
    notebook.start(2)
    expect(notebook.output(2).locator(".ap-question")).to_be_visible()
    jupyter.kernel_process(notebook.name).kill()
    notebook.page.get_by_role("dialog").get_by_role("button", name="OK").click()

    notebook.run(3)
    notebook.start(4)
    question = notebook.output(4).locator(".ap-question")
    expect(question).to_have_count(1)
    question.get_by_role("button", name="Approve").click()
    notebook.ended(4)
    pool = kept("asked")
    assert [effect.status for effect in pool.effects.values()] == ["done"]
    assert len(of_type(pool, EffectStarted)) == 1
