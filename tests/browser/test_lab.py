"""The JupyterLab extension: pools beside the notebook, running teams in the status bar, help in cells."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from agentpool_jupyter import open_pool

from .cells import THREE, team_cell


@pytest.fixture(autouse=True)
def _quiet_console(page):
    """No test leaves an error in the browser's console."""
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield
    assert said == []


@pytest.fixture
def panel(page):
    """Open the side panel of a notebook that is open."""

    def show():
        tab = page.locator(".lm-TabBar-tab[data-id='agentpool-panel']")
        expect(tab).to_be_visible()
        found = page.locator("#agentpool-panel")
        if not found.is_visible():
            tab.click()
        expect(found).to_be_visible()
        return found

    return show


def test_the_panel_lists_pools_as_they_are(open_notebook, panel, kept, server, photo):
    """State, tokens and size are those of the log; a pool that somebody else makes comes by itself."""
    server.rate, server.tokens = 500, 30
    notebook = open_notebook(team_cell("listed", THREE, server, price={"input": 1000, "output": 2000}))
    side = panel()
    notebook.run(1)
    row = side.locator("[data-pool='listed']")
    expect(row.locator(".ap-lab-state")).to_have_text("done")
    total = sum(turn.usage.total for turn in kept("listed").document().turns)
    expect(row.locator(".ap-lab-detail")).to_contain_text(f"{total} tokens · $")
    with open_pool("of-somebody-else", store=notebook.server.store) as other:
        other.post("hello")
        expect(side.locator("[data-pool='of-somebody-else']")).to_contain_text("1 events")
    photo("panel")
