"""What a screen reader and a keyboard find, as axe judges it: nothing serious, in no state, in no colours."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.openai_server import Hold

from .cells import THREE, team_cell

LOOKED_AT = 10
"""Texts of which axe must have judged the contrast."""
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"


@pytest.fixture
def findings(page):
    """Ask axe about a part of the page in both colours; what is not serious is a matter of taste."""

    page.set_viewport_size({"width": 1366, "height": 1800})  # axe judges the contrast of what is in sight

    def found(place, *themes):
        told = []
        # JupyterLab's body is no pixel high, and axe takes all that is in it for hidden.
        page.add_style_tag(content="body { height: 100vh }")
        page.locator(place).scroll_into_view_if_needed()
        for theme in themes:
            page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
            expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
            expect(page.locator("#jupyterlab-splash")).to_have_count(0)
            judged = Axe().run(page, place, {"resultTypes": ["violations", "passes"]}).response
            seen = sum(len(rule["nodes"]) for rule in judged["passes"] if rule["id"] == "color-contrast")
            assert seen > LOOKED_AT, "axe took most of it for hidden"
            for rule in judged["violations"]:
                if rule["impact"] in ("serious", "critical"):
                    told += [
                        f"{theme}, {rule['id']}: {node['html']} {node['failureSummary']}" for node in rule["nodes"]
                    ]
        return told

    return found


def test_a_run_is_accessible_while_it_goes_on_and_at_its_end_and_so_is_the_panel(
    open_notebook, page, panel, server, findings
):
    """Running, in lanes, then as a document at an earlier moment; ended; the side panel."""
    server.rate, server.tokens = 500, 60
    hold = Hold(50)
    server.fault(hold, contains="Says what things cost")
    notebook = open_notebook(team_cell("accessible", THREE, server, turns=2))
    notebook.start(1)
    widget = ".jp-NotebookPanel .agentpool-widget"
    expect(notebook.lane("treasurer")).not_to_be_empty()
    found = findings(widget, LIGHT, DARK)
    page.get_by_role("button", name="Document").click()
    page.get_by_test_id("timeline").click()
    found += findings(widget, DARK)
    server.release(hold)
    notebook.ended(1)
    expect(notebook.status()).to_contain_text("finished")
    found += findings(widget, LIGHT)
    panel()
    expect(page.locator("[data-pool='accessible']")).to_be_visible()
    found += findings("#agentpool-panel", LIGHT, DARK)
    assert found == []
