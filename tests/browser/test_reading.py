"""What reading costs, as the page shows it."""

import re

from playwright.sync_api import expect

from tests.openai_server import Drip
from tests.teams import asked, speaks, until

from .cells import team_cell
from .notebook_page import grow

READ = re.compile(r"read [\d.,k]+ = task [\d.,k]+ .*others [\d.,k]+")


def test_reading_is_counted_and_a_turn_that_was_overtaken_is_no_failure(open_notebook, server):
    """In the lane, in the head and in the still picture; the turn that begins anew says so."""
    server.fault(Drip(1000), contains=speaks("clerk"))
    agents = {"clerk": {"role": "Knows the town.", "listens": []}, "planner": {"role": "Plans.", "listens": ["clerk"]}}
    notebook = open_notebook(team_cell("costs", agents, server, interrupt=True))
    notebook.start(1)
    until(lambda: asked(server, "planner"))
    lane, head = notebook.page.get_by_test_id("lane-planner"), notebook.page.get_by_test_id("reading")
    grow(notebook.lane("planner"))
    expect(head).to_be_hidden()  # nobody has ended a turn who had something to read

    notebook.say("Mind the rent.")
    expect(lane.locator("[data-turn='planner#1'] .ap-turn-note")).to_have_text("overtaken, began anew")
    expect(lane.locator(".ap-lane-read")).to_have_text(READ)
    expect(head).to_have_text(READ)
    expect(head).to_contain_text("1 begun anew")
    grow(notebook.lane("planner"))
    expect(lane).to_have_attribute("data-state", "speaking")

    notebook.stop()
    notebook.ended(1)
    still = notebook.picture(1).locator(".ap-still-read")
    expect(still).to_have_text(READ)
    expect(still).to_contain_text("1 overtaken, began anew")
