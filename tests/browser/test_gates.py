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
    return f"ordered {count} {item}"
"""
AGENTS = {"planner": {"role": "Plans.", "tools": ["order"]}}
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
        pool = kept(f"gated-{word}")
        (vote,) = of_type(pool, Vote)
        assert (vote.agent, vote.accept, vote.text) == ("you", word == "approve", f"I {word}.")
        assert len(of_type(pool, EffectStarted)) == (word == "approve")


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
