"""Looking up what was said before, and putting it into the pool by a click."""

import json

import pytest
from playwright.sync_api import expect

from .cells import THREE, team_cell
from .notebook_page import grow

LEASE = "The oven lease comes first, because nothing bakes without an oven."
PLAN = f"""{LEASE}

Then the permits: the health office wants six weeks, the fire office three, and both want to see the lease.
<b>Nothing</b> of this is code: <img src=x onerror="document.title='broken'"> — it is what a model may say.
"""
TOLD = f"""
import agentpool_jupyter as ap
from pathlib import Path
steps = "\\n".join(f"Step {{i}} is about thing {{i}}." for i in range(20))
Path("plan.md").write_text("# The plan\\n\\n" + {PLAN!r} + steps)
with ap.open_pool("NAME") as pool:
    pool.post({LEASE!r}, agent="planner")
    pool.post("The oven lease comes first, because nothing bakes without a fire.", agent="critic")
    pool.post("Jam is sweet and red and keeps for a year in a cool cellar.", agent="cook")
"""


def ask(open_notebook, name, *cells, front_end="lab"):
    """Open a notebook whose pool holds three messages, and whose library holds a document."""
    notebook = open_notebook(
        TOLD.replace("NAME", name), f"%pool use {name}\n%similar --add plan.md", *cells, front_end=front_end
    )
    notebook.run(1)
    notebook.run(2)
    return notebook


@pytest.fixture
def dark(jupyter):
    """JupyterLab's dark theme."""
    path = jupyter.settings / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"theme": "JupyterLab Dark"}))
    yield
    path.unlink()


def test_a_hit_is_inserted_by_a_click(open_notebook, kept, photo):
    """It is a message in the pool and stands in the document; the other rows can still be clicked."""
    notebook = ask(open_notebook, "found", f"%similar {LEASE}", "%pool")
    expect(notebook.output(2)).to_contain_text("added 1 document")
    notebook.run(3)
    shown = notebook.output(3)
    expect(shown.get_by_role("button", name="Insert")).to_have_count(3)
    expect(shown.locator(".agentpool-hits")).to_contain_text("plan.md:3")
    expect(notebook.cells.nth(3).locator("table")).to_be_hidden()
    photo("1-found", shown.first)
    row = shown.locator(".agentpool-hits .widget-hbox", has_text="without a fire")
    row.get_by_role("button").click()
    pool = kept("found")
    expect(row.get_by_role("button")).to_have_text("Inserted at 3")
    expect(row.get_by_role("button")).to_be_disabled()
    expect(shown.locator("button:enabled")).to_have_count(2)
    (message,) = pool.events(3)
    assert message.agent == "you"
    assert message.text.startswith("From critic#1 in found: The oven lease")
    notebook.run(4)
    expect(notebook.output(4)).to_contain_text("From critic#1 in found: The oven lease")
    shown.locator("summary").first.click()
    expect(shown.locator(".agentpool-hits details > div")).to_contain_text("<b>Nothing</b> of this is code: <img src=x")
    assert notebook.page.title() != "broken"
    photo("2-inserted", shown.first)


@pytest.mark.nightly
def test_in_the_dark_theme(dark, open_notebook, photo):
    notebook = ask(open_notebook, "dark", f"%similar {LEASE}", "print(_)")
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    notebook.run(3)
    notebook.output(3).get_by_role("button").first.click()
    expect(notebook.output(3).get_by_role("button").first).to_contain_text("Inserted at")
    photo("1-dark", notebook.output(3).first)
    notebook.run(4)
    expect(notebook.output(4)).to_contain_text("planner#1 in dark")


def test_a_click_that_fails_says_why(open_notebook, photo):
    """In its row; once the pool is there again, the same button works."""
    notebook = ask(open_notebook, "lost", f"%similar {LEASE}", "%pool delete lost --yes", "%pool new lost")
    notebook.run(3)
    notebook.run(4)
    button = notebook.output(3).get_by_role("button").first
    button.click()
    expect(notebook.output(3).get_by_role("alert")).to_contain_text("lost")
    photo("1-failed", notebook.output(3).first)
    notebook.run(5)
    button.click()
    expect(button).to_have_text("Inserted at 0")
    expect(notebook.output(3).get_by_role("alert")).to_have_count(0)


def test_a_click_while_a_team_speaks(open_notebook, kept, server):
    """A cell that blocks holds no click up."""
    notebook = ask(open_notebook, "busy", f"%similar {LEASE}", team_cell("busy", THREE, server))
    notebook.run(3)
    notebook.start(4)
    grow(notebook.lane("planner"))
    notebook.output(3).get_by_role("button").first.click()
    expect(notebook.output(3).get_by_role("button").first).to_contain_text("Inserted at")
    expect(notebook.prompt(4)).to_have_text("[*]:")
    notebook.stop()
    notebook.ended(4)
    assert any(turn.text.startswith("From ") for turn in kept("busy").document().turns)


@pytest.mark.parametrize("front_end", ["lab", pytest.param("notebooks", marks=pytest.mark.nightly)])
def test_a_saved_notebook_shows_the_hits_without_a_kernel(open_notebook, photo, front_end):
    """The plain table, with every text; no button that would do nothing, and no word of a missing widget."""
    notebook = ask(open_notebook, f"saved-{front_end}", f"%similar {LEASE}", front_end=front_end)
    notebook.run(3)
    expect(notebook.output(3).get_by_role("button", name="Insert")).to_have_count(3)
    notebook.save()
    notebook.reload()
    expect(notebook.output(3).get_by_role("button", name="Insert")).to_have_count(3)
    notebook.open_without_kernel()
    expect(notebook.cells.nth(3).locator("table")).to_be_visible()
    expect(notebook.cells.nth(3).locator("table")).to_contain_text("without a fire")
    expect(notebook.cells.nth(3).get_by_text("widget")).to_be_hidden()
    photo("1-no-kernel", notebook.cells.nth(3))
    assert notebook.page.title() != "broken"
