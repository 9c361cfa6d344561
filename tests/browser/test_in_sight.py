"""The head of a run stays in sight, and what is looked at stays where it is."""

import pytest
from playwright.sync_api import expect

from agentpool_jupyter.pool.events import Message
from tests.openai_server import Hold
from tests.teams import of_type, until

from .cells import THREE, team_cell
from .notebook_page import grow

FOUR = {**THREE, "baker": "Bakes."}
PARTS = (".agentpool-widget", ".ap-header", ".ap-graph", ".ap-lanes")


def scroll(page, to):
    """Scroll the notebook, and wait until the browser has told its observers."""
    page.locator(".jp-WindowedPanel-outer").evaluate("(notebook, to) => notebook.scrollTo(0, to)", to)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize("front_end", ["lab", pytest.param("notebooks", marks=pytest.mark.nightly)])
def test_the_head_is_in_sight_wherever_one_looks(open_notebook, kept, server, photo, front_end):
    """With Stop, figures and the line to the team, in which one goes on typing; after the end it makes room."""
    name = f"sight-{front_end}"
    notebook = open_notebook(team_cell(name, FOUR, server), *["1"] * 30, front_end=front_end)
    page = notebook.page
    page.set_viewport_size({"width": 1366, "height": 768})
    notebook.start(1)
    grow(notebook.lane("planner"))
    stop, line = page.get_by_test_id("stop"), page.locator(".ap-say-text")
    scroll(page, 600)
    for part in (stop, line, page.locator(".ap-clock"), page.locator(".ap-tokens"), page.locator(".ap-task")):
        expect(part).to_be_in_viewport(ratio=1)
    photo("1-in-part")

    scroll(page, 99_999)
    expect(page.locator(".ap-shelf .ap-header")).to_be_visible()
    for part in (stop, line, page.locator(".ap-clock"), page.locator(".ap-tokens"), page.locator(".ap-task")):
        expect(part).to_be_in_viewport(ratio=1)
    photo("2-away")
    line.click()
    page.keyboard.type("Mind the")
    scroll(page, 300)
    expect(page.locator(".ap-shelf")).to_have_count(0)
    page.keyboard.type(" rent.")
    page.keyboard.press("Enter")
    until(lambda: [message.text for message in of_type(kept(name), Message)] == ["Mind the rent."])

    scroll(page, 99_999)
    stop.click()
    expect(page.locator(".ap-shelf")).to_have_count(0)
    notebook.ended(1)
    scroll(page, 0)
    expect(notebook.status()).to_contain_text("stopped")


@pytest.mark.parametrize("width", [800, *(pytest.param(width, marks=pytest.mark.nightly) for width in (1366, 2560))])
def test_nothing_moves_when_a_run_ends(open_notebook, page, server, photo, width):
    """Four stand two by two, unless the page is very wide or very narrow."""
    page.set_viewport_size({"width": width, "height": 900})
    notebook = open_notebook(team_cell(f"still-{width}", FOUR, server))
    page.get_by_role("tab", name="File Browser (Ctrl+Shift+F)").first.click()  # folds it away
    notebook.start(1)
    grow(*(notebook.lane(agent) for agent in ("planner", "treasurer", "baker")))
    before = [page.locator(part).first.bounding_box() for part in PARTS]
    tops = [page.get_by_test_id(f"lane-{agent}").bounding_box()["y"] for agent in FOUR]
    assert len(set(tops)) == {800: 2, 1366: 2, 2560: 1}[width]
    photo("1-running")
    notebook.stop()
    notebook.ended(1)
    expect(notebook.status()).to_contain_text("stopped")
    photo("2-ended")
    assert [page.locator(part).first.bounding_box() for part in PARTS] == before


def test_a_team_can_be_stopped_before_its_first_word(open_notebook, page, server):
    server.fault(Hold(0), times=None)
    notebook = open_notebook(team_cell("silent", THREE, server))
    notebook.start(1)
    expect(page.get_by_test_id("stop")).to_be_visible()
    notebook.stop()
    notebook.ended(1)
    expect(notebook.status()).to_contain_text("stopped")
