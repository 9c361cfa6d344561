"""The timeline: when who spoke, and how everything stood at any moment of it."""

import pytest
from playwright.sync_api import expect

from agentpool_jupyter.pool.events import Delta, RunFinished, TurnFinished, TurnStarted
from tests.openai_server import Refuse
from tests.teams import of_type, speaks

from .cells import THREE, team_cell
from .notebook_page import grow


def bars(page, agent):
    return page.locator(f".ap-row[data-agent={agent}] .ap-bar-turn")


def go(page, share):
    """Press the mouse where so much of the whole is to the left, and let go."""
    box = page.locator(".ap-across").bounding_box()
    page.mouse.click(box["x"] + share * box["width"], box["y"] + 4)


def of_ours(said):
    """Whether a line of the browser's console is of the widget's code, which comes as a blob."""
    return said.location.get("url", "").startswith("blob:")


def shown_offset(page):
    """The offset of the moment that is looked at."""
    expect(page.locator(".ap-then[data-then]:not([aria-busy])")).to_be_visible()
    told = page.locator(".ap-then-told")
    expect(told).to_contain_text("offset")
    return int(told.text_content().partition("offset ")[2].rstrip(")"))


def branch_off(page, offset, name):
    """Make a branch by the keyboard, once its button was pressed."""
    page.get_by_role("button", name=f"Branch here (offset {offset})").click()
    page.keyboard.type(name)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("front_end", ["lab", pytest.param("notebooks", marks=pytest.mark.nightly)])
def test_one_looks_at_a_moment_and_comes_back(open_notebook, page, kept, server, photo, front_end):  # noqa: PLR0917
    """Lanes and document say what the log held then, while the run goes on; what is copied leads there."""
    page.set_viewport_size({"width": 1366, "height": 1000})
    name = f"timed-{front_end}"
    notebook = open_notebook(team_cell(name, THREE, server), front_end=front_end)
    notebook.start(1)
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    go(page, 0.8)
    offset = shown_offset(page)
    photo("1-then")
    pool = kept(name)
    for turn in pool.document(at=offset).turns:
        expect(notebook.lane(turn.agent).locator(".ap-turn-text")).to_have_text(turn.text.strip())
    expect(notebook.status()).to_contain_text("running")
    expect(page.locator(".ap-timeline .ap-act").first).to_have_accessible_name(f"Roll back here (offset {offset})")

    page.locator(".ap-track").press("Escape")
    expect(page.locator(".ap-now")).to_be_hidden()
    grow(notebook.lane("planner"))
    notebook.stop()
    notebook.ended(1)
    expect(bars(page, "planner")).to_have_attribute("data-how", "cancelled")
    expect(bars(page, "critic")).to_have_count(0)
    photo("2-ended")


def test_a_bar_says_when_a_turn_began_spoke_and_ended(open_notebook, page, kept, server, photo):
    """An attempt that failed has its own; what one does meanwhile stands on it."""
    server.rate, server.tokens = 200, 40
    server.fault(Refuse(503), times=1, contains=speaks("planner"))
    notebook = open_notebook(team_cell("bars", THREE, server, turns=2))
    notebook.run(1)
    expect(notebook.status()).to_contain_text("finished")
    planner = bars(page, "planner")
    expect(planner).to_have_count(3)
    expect(planner.first).to_have_attribute("data-how", "again")
    expect(planner.last).to_have_attribute("data-how", "finished")
    pool = kept("bars")
    started = of_type(pool, TurnStarted)
    turn = next(event for event in reversed(started) if event.agent == "planner")
    first = next(event for event in of_type(pool, Delta) if event.turn == turn.turn)
    (end,) = (event for event in of_type(pool, TurnFinished) if event.turn == turn.turn)
    took = f"planner#2: finished, {(end.ts - turn.ts) / 1000:.1f} s"
    assert planner.last.get_attribute("title").startswith(took)
    assert f"first token after {(first.ts - turn.ts) / 1000:.1f} s" in planner.last.get_attribute("title")
    assert page.locator(".ap-bar-turn").count() == len(started)
    photo("1-bars", page.get_by_test_id("timeline"))
    notebook.cells.nth(1).locator(".ap-track").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".ap-now")).to_be_visible()
    page.locator(".ap-now").click()
    expect(page.locator(".ap-now")).to_be_hidden()
    expect(notebook.lane("planner")).to_contain_text(pool.document().turn("planner#2").text.strip())


def test_a_story_goes_on_from_the_timeline(open_notebook, page, kept, server, photo, jupyter):  # noqa: PLR0917
    """One drags, compares, branches and rolls back while the cell blocks; each is what the log then has."""
    page.set_viewport_size({"width": 1366, "height": 1200})
    errors = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" and of_ours(said) else None)
    notebook = open_notebook(team_cell("story", THREE, server), "%branch")
    notebook.start(1)
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    pool, outcome = kept("story"), page.locator(".ap-timeline .ap-outcome")
    box = page.locator(".ap-across").bounding_box()
    page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.85 * box["width"], box["y"] + 4, steps=8)
    page.mouse.up()
    offset = shown_offset(page)
    then = pool.document(at=offset)
    for turn in then.turns:
        expect(notebook.lane(turn.agent).locator(".ap-turn-text")).to_have_text(turn.text.strip())

    page.get_by_role("button", name=f"Compare with now (offset {offset})").click()
    expect(outcome.locator(".agentpool-diff")).to_contain_text(f"{offset} → now: 2 changed")
    photo("1-compared")

    branch_off(page, offset, "idea")
    expect(outcome).to_contain_text("made branch 'idea'")
    assert (pool.branches, pool.branch) == (["main", "idea"], "main")
    assert pool.lineage.forks["idea"].at == offset
    branch_off(page, offset, "idea")
    expect(outcome).to_contain_text("'idea' is taken: choose another name")

    page.get_by_role("button", name=f"Roll back here (offset {offset})").click()
    expect(outcome).to_contain_text("would leave the document, and stay readable on branch 'main'")
    expect(outcome).to_contain_text("the team at work")
    photo("2-asks")
    page.keyboard.press("Escape")
    expect(outcome).to_be_hidden()
    expect(notebook.prompt(1)).to_have_text("[*]:")
    assert pool.branch == "main"

    page.keyboard.press("Enter")  # the focus is on the button again
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(outcome).to_contain_text("rolled back: the head is on the new branch 'main-2'; the team was stopped")
    notebook.ended(1)
    assert pool.branch == "main-2"
    assert [event.reason for event in of_type(pool, RunFinished)] == ["moved"]
    assert {turn.name: turn.text for turn in pool.document().turns} == {turn.name: turn.text for turn in then.turns}
    expect(page.locator(".ap-point[data-how=back]")).to_have_attribute(
        "title", f"you rolls back to {offset}: the current branch is main-2"
    )
    photo("3-rolled-back")

    jupyter.kernel_process(notebook.name).kill()
    page.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(page.locator(".ap-timeline .ap-act")).to_have_count(0)
    expect(page.locator(".ap-timeline .ap-actions > .ap-command")).to_have_text(
        [f"%rollback {offset}", f"%branch idea {offset}", f"%diff {offset}"]
    )
    assert not errors
