"""Kernels that are interrupted, and kernels that die."""

from playwright.sync_api import expect

from agentpool_jupyter.pool.events import RunFinished
from tests.teams import of_type

from .cells import THREE, team_cell
from .notebook_page import grow


def test_the_interrupt_button_stops_the_team(open_notebook, kept, server):
    notebook = open_notebook(team_cell("interrupted", THREE, server))
    notebook.start(1)
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    notebook.interrupt()
    notebook.ended(1)
    expect(notebook.cells.nth(1)).to_contain_text("KeyboardInterrupt")
    expect(notebook.picture(1)).to_contain_text("stopped")
    pool = kept("interrupted")
    assert [event.reason for event in of_type(pool, RunFinished)] == ["stopped"]
    assert {turn.status for turn in pool.document().turns} == {"cancelled"}


def test_a_run_whose_kernel_was_killed_is_attached_and_resumed(open_notebook, jupyter, kept, server):
    """Nothing that was shown is lost, what died is marked so, and what was finished is not asked for again."""
    later = ["%load_ext agentpool_jupyter", "%agents attach killed", "%agents resume killed"]
    notebook = open_notebook(team_cell("killed", THREE, server), *later)
    notebook.start(1)
    grow(notebook.lane("planner"), notebook.lane("treasurer"))
    shown = notebook.lane("planner").locator(".ap-turn-text").text_content()
    jupyter.kernel_process(notebook.name).kill()
    notebook.page.get_by_role("dialog").get_by_role("button", name="OK").click()

    notebook.run(2)
    notebook.run(3)
    expect(notebook.cells.nth(3)).to_contain_text("died with their process: planner#1, treasurer#1")
    attached = notebook.picture(3)
    expect(attached).to_contain_text("lost")
    expect(attached).to_contain_text(shown.strip())

    server.rate, server.tokens = 500, 30
    notebook.run(4)
    resumed = notebook.picture(4)
    expect(resumed).to_contain_text("finished")
    turns = kept("killed").document().turns
    statuses = {turn.name: turn.status for turn in turns}
    assert statuses["planner#1"] == statuses["treasurer#1"] == "failed"
    assert statuses["planner#2"] == statuses["treasurer#2"] == statuses["critic#1"] == "finished"
    for turn in turns:
        expect(resumed).to_contain_text(turn.text.strip())
