"""A team at work, as its page shows it."""

import pytest
from playwright.sync_api import expect

from agentpool_jupyter.pool.events import Message, RunFinished
from tests.openai_server import Drip
from tests.teams import asked, of_type, prompt, speaks, until

from .cells import THREE, team_cell
from .notebook_page import grow

HOSTILE = '<img src=x onerror="window.broken = 1"><script>window.broken = 1</script>'
HOSTILE_AGENT = f"""
def speak(document):
    return {HOSTILE!r}
"""


@pytest.mark.parametrize("front_end", ["lab", "notebooks"])
def test_a_team_is_watched_stopped_saved_and_seen_again(open_notebook, kept, server, front_end):
    """Two lanes grow at the same time; Stop ends the run while the cell blocks."""
    notebook = open_notebook(team_cell(f"watched-{front_end}", THREE, server), front_end=front_end)
    notebook.start(1)
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    for agent in ("planner", "treasurer"):
        expect(notebook.page.get_by_test_id(f"lane-{agent}")).to_have_attribute("data-state", "speaking")
    notebook.graph_is_drawn()
    expect(notebook.prompt(1)).to_have_text("[*]:")

    notebook.stop()
    expect(notebook.status()).to_contain_text("stopped")
    notebook.ended(1)
    pool = kept(f"watched-{front_end}")
    assert [event.reason for event in of_type(pool, RunFinished)] == ["stopped"]
    turns = pool.document().turns
    assert {turn.agent: turn.status for turn in turns} == {"planner": "cancelled", "treasurer": "cancelled"}

    expect(notebook.picture(1)).to_be_hidden()
    notebook.save()
    notebook.reload()
    expect(notebook.status()).to_contain_text("stopped")
    for turn in turns:
        expect(notebook.lane(turn.agent)).to_contain_text(turn.text.strip())
        expect(notebook.picture(1)).to_contain_text(turn.text.strip())


def test_what_is_said_in_the_widget_reaches_the_team(open_notebook, kept, server):
    """It is a message of `you`: the page shows it, and an agent that listens to people reacts to it."""
    server.fault(Drip(1000), contains=speaks("clerk"))
    agents = {"clerk": {"role": "Answers people.", "listens": []}, "planner": {"role": "Plans.", "listens": []}}
    notebook = open_notebook(team_cell("said", agents, server, turns=2))
    notebook.start(1)
    until(lambda: asked(server, "clerk") and asked(server, "clerk")[0].ended)
    grow(notebook.lane("planner"))
    notebook.say("Mind the <b>oven</b> door.")
    expect(notebook.lane("you")).to_contain_text("Mind the <b>oven</b> door.")
    until(lambda: len(asked(server, "clerk")) == 2)
    assert "Mind the <b>oven</b> door." in prompt(asked(server, "clerk")[1])
    expect(notebook.lane("clerk").locator("[data-turn='clerk#2']")).to_be_visible()
    notebook.stop()
    notebook.ended(1)
    messages = of_type(kept("said"), Message)
    assert [(message.agent, message.text) for message in messages] == [("you", "Mind the <b>oven</b> door.")]


def test_what_looks_like_markup_stays_text(open_notebook, server):
    """In the lanes, in the document and in the still picture, whoever said it."""
    agents = {"stranger": {"python": "speak"}, "planner": HOSTILE}
    notebook = open_notebook(HOSTILE_AGENT, team_cell("hostile", agents, server, task=HOSTILE))
    notebook.run(1)
    notebook.start(2)
    expect(notebook.lane("stranger")).to_contain_text(HOSTILE)
    notebook.say(HOSTILE)
    expect(notebook.lane("you")).to_contain_text(HOSTILE)
    notebook.page.get_by_role("button", name="Document").click()
    expect(notebook.page.locator(".ap-document [data-turn='stranger#1']")).to_contain_text(HOSTILE)
    alive = notebook.output(2).locator("img:not([src^='data:image/svg+xml']), script")  # the graph is ours
    expect(alive).to_have_count(0)
    notebook.stop()
    expect(notebook.picture(2)).to_contain_text("stopped")
    expect(notebook.picture(2)).to_contain_text(HOSTILE)
    expect(alive).to_have_count(0)
    assert notebook.page.evaluate("window.broken") is None


def test_a_team_in_the_background_leaves_the_notebook_free(open_notebook, server):
    """The cell returns at once, the next one's output is its own, and the widget works on to its end."""
    notebook = open_notebook(team_cell("background", THREE, server, "--bg"), "print('mine')")
    notebook.run(1)
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    notebook.run(2)
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    notebook.stop()
    expect(notebook.status()).to_contain_text("stopped")
    expect(notebook.picture(1)).to_contain_text("stopped")
    expect(notebook.output(2)).to_have_count(1)
    expect(notebook.output(2)).to_have_text("mine\n")
