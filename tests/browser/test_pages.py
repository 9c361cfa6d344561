"""One run in several pages, in pages that come and go, and in a page without a kernel."""

import json

import pytest
from playwright.sync_api import expect

from agentpool_jupyter.pool.events import RunFinished
from tests.teams import of_type, until

from .cells import THREE, team_cell
from .notebook_page import grow, lane_in


@pytest.fixture
def without_subshells(jupyter):
    """JupyterLab as other front ends are: a kernel that is busy gets no message of a widget."""
    path = jupyter.settings / "@jupyterlab" / "apputils-extension" / "kernels-settings.jupyterlab-settings"
    path.write_text(json.dumps({"commsOverSubshells": "disabled"}))
    yield
    path.unlink()


def test_a_page_that_is_reloaded_in_mid_run_catches_up(open_notebook, kept, server):
    """Each time it shows what was said meanwhile and goes on; once the run has ended it has everything."""
    notebook = open_notebook(team_cell("reloaded", THREE, server, "--bg"))
    notebook.run(1)
    planner, treasurer = notebook.lane("planner"), notebook.lane("treasurer")
    grow(planner, treasurer)
    notebook.save()
    for _ in range(3):
        before = planner.text_content()
        notebook.reload()
        expect(planner).to_contain_text(before)
        grow(planner, treasurer)
    notebook.stop()
    expect(notebook.status()).to_contain_text("stopped")
    turns = kept("reloaded").document().turns
    for turn in turns:
        expect(notebook.lane(turn.agent)).to_contain_text(turn.text.strip())


def test_a_page_that_is_reloaded_while_a_cell_blocks_shows_it_all_at_its_end(open_notebook, kept, server):
    """JupyterLab loads no widget of a kernel that is busy, but its interrupt button works."""
    notebook = open_notebook(team_cell("blocked", THREE, server))
    notebook.start(1)
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    notebook.save()
    notebook.reload()
    notebook.interrupt()
    expect(notebook.status()).to_contain_text("stopped")
    turns = kept("blocked").document().turns
    for turn in turns:
        expect(notebook.lane(turn.agent)).to_contain_text(turn.text.strip())


def test_a_second_view_shows_the_same(open_notebook, server):
    """Both go on, and both keep what was said when it has ended."""
    notebook = open_notebook(team_cell("twice", THREE, server))
    notebook.start(1)
    grow(notebook.lane("planner"))
    notebook.output(1).first.click(button="right", position={"x": 5, "y": 5})
    notebook.page.get_by_text("Create New View for Cell Output").click()
    second = notebook.page.locator(".jp-LinkedOutputView")
    expect(lane_in(second, "planner")).to_contain_text(notebook.lane("planner").text_content())
    grow(notebook.lane("planner"), notebook.lane("treasurer"), lane_in(second, "planner"), lane_in(second, "treasurer"))
    second.get_by_test_id("stop").click()
    for place in (second, notebook.output(1).first):
        expect(place.locator(".ap-status:visible")).to_contain_text("stopped")
    expect(lane_in(second, "planner")).to_have_text(notebook.lane("planner").text_content())


def test_a_saved_notebook_shows_the_document_without_a_kernel(open_notebook, kept, server):
    server.rate, server.tokens = 500, 30
    notebook = open_notebook(team_cell("saved", THREE, server))
    notebook.run(1)
    expect(notebook.status()).to_contain_text("finished")
    expect(notebook.picture(1)).to_be_hidden()
    notebook.save()
    notebook.open_without_kernel()
    still = notebook.picture(1)
    expect(still).to_be_visible()
    for turn in kept("saved").document().turns:
        expect(still).to_contain_text(turn.name)
        expect(still).to_contain_text(turn.text.strip())
    expect(notebook.output(1).filter(visible=True)).to_have_count(1)  # and no word of a missing widget


def test_a_front_end_without_subshells_still_shows_the_run(without_subshells, open_notebook, kept, server):
    """No question of the page comes through while the cell blocks: it is told all the same, and Interrupt stops it."""
    notebook = open_notebook(team_cell("subshells", THREE, server))
    notebook.start(1)
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    notebook.interrupt()
    notebook.ended(1)
    until(lambda: [event.reason for event in of_type(kept("subshells"), RunFinished)] == ["stopped"])


@pytest.mark.nightly
def test_attach_keeps_the_document_of_a_run_whose_page_was_reloaded(open_notebook, kept, server):
    """A reloaded page never gets the picture of the end; ``%agents attach`` puts it into the notebook after all."""
    notebook = open_notebook(team_cell("again", THREE, server, "--bg"), "%agents attach again")
    notebook.run(1)
    grow(notebook.lane("planner"))
    notebook.save()
    notebook.reload()
    notebook.stop()
    until(lambda: of_type(kept("again"), RunFinished))
    notebook.run(2)
    expect(notebook.picture(2)).to_contain_text("stopped")
    notebook.save()
    notebook.open_without_kernel()
    for turn in kept("again").document().turns:
        expect(notebook.picture(2)).to_be_visible()
        expect(notebook.picture(2)).to_contain_text(turn.text.strip())
