"""The JupyterLab extension: pools beside the notebook, running teams in the status bar, help in cells."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from agentpool_jupyter import open_pool
from agentpool_jupyter.log import open_store
from agentpool_jupyter.pool.events import RunFinished, Vote
from tests.conftest import ROOT
from tests.openai_server import Asks, Says
from tests.teams import of_type, until

from .cells import THREE, team_cell
from .notebook_page import NotebookPage, grow


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


def test_a_kernel_without_agents_is_told_and_loads_them(page, jupyter, panel, photo):
    """Also one that loads them in a cell, and one that is restarted."""
    notebook = NotebookPage(page, jupyter, "absent.ipynb", "lab")
    notebook.write(["1 + 1", "%load_ext agentpool_jupyter"])
    notebook.open()
    side = panel()
    notice = side.get_by_role("status")
    expect(notice).to_contain_text("The kernel of absent.ipynb has no agents yet: run %load_ext agentpool_jupyter")
    photo("absent")
    side.get_by_role("button", name="Load agents").click()
    expect(notice).to_have_text("absent.ipynb")
    page.keyboard.press("Escape")
    notebook.kernel_is_restarted()
    expect(notice).to_contain_text("has no agents yet")
    notebook.run(1)
    expect(notice).to_have_text("absent.ipynb")


def test_the_status_bar_stops_a_team_while_its_cell_blocks(open_notebook, kept, server, photo):
    """Its place keeps its width."""
    notebook = open_notebook(team_cell("stopped", THREE, server))
    item = notebook.page.locator(".ap-lab-status")
    expect(item).to_have_text("No team runs")
    width = item.bounding_box()["width"]
    notebook.start(1)
    expect(item).to_have_text("stopped runs")
    grow(notebook.lane("planner"))
    assert item.bounding_box()["width"] == width
    photo("status")
    item.get_by_role("button", name="Stop the team in stopped").click()
    notebook.ended(1)
    expect(item).to_have_text("No team runs")
    assert [event.reason for event in of_type(kept("stopped"), RunFinished)] == ["stopped"]


def test_what_waits_is_approved_in_the_panel(open_notebook, panel, kept, server, photo):
    """With what will be done exactly; the reason is part of the vote."""
    server.rate = 500
    server.fault(Asks((("order", {"item": "<b>flour</b>", "count": 3}),), after=5))
    server.fault(Says("So it is."))
    tool = "def order(item: str, count: int) -> str:\n    'Order an item.'\n    return f'ordered {count} {item}'"
    agents = {"planner": {"role": "Plans.", "tools": ["order"]}}
    notebook = open_notebook(tool, team_cell("asked-beside", agents, server, gates={"order": {"ask": ["you"]}}))
    side = panel()
    notebook.run(1)
    notebook.start(2)
    what = 'order(item="<b>flour</b>", count=3)'
    question = side.locator(".ap-lab-waiting")
    expect(question.locator("code")).to_have_text(what)
    expect(side.locator("[data-pool='asked-beside'] .ap-lab-state")).to_have_text("waits for you")
    question.get_by_role("textbox").fill("Bread is good.")
    photo("waiting")
    question.get_by_role("button", name="Approve").click()
    notebook.ended(2)
    expect(question).to_have_count(0)
    (vote,) = of_type(kept("asked-beside"), Vote)
    assert (vote.agent, vote.accept, vote.text) == ("you", True, "Bread is good.")


def test_pools_are_tagged_exported_and_deleted(open_notebook, panel, page):
    """Deleting asks first, and what was answered is told."""
    notebook = open_notebook("1 + 1")
    with open_pool("doomed", store=notebook.server.store) as pool:
        pool.post("hello")
    side = panel()
    row = side.locator("[data-pool='doomed']")
    row.get_by_role("button", name="Tag doomed").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("good")
    page.get_by_role("dialog").get_by_role("button", name="Tag").click()
    told = page.locator(".Toastify__toast")
    expect(told.filter(has_text="tag 'good' is right after offset 0")).to_be_visible()
    row.get_by_role("button", name="Export doomed").click()
    page.get_by_role("dialog").get_by_role("button", name="Export").click()
    expect(told.filter(has_text="wrote 2 records")).to_be_visible()
    row.get_by_role("button", name="Delete doomed").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(row).to_be_visible()
    row.get_by_role("button", name="Delete doomed").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    assert "doomed" not in open_store(notebook.server.store).names()


def test_notebook_document_timeline_and_graph_stand_side_by_side(open_notebook, server, photo, page):
    """All grow as the pool does, and stand there again in a page that is reloaded; cells are told nothing of it."""
    notebook = open_notebook(team_cell("beside", THREE, server))
    notebook.start(1)
    grow(notebook.lane("planner"))
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+Shift+D")
    document = page.locator(".ap-lab-document")
    expect(document).to_contain_text("planner#1")
    grow(document)
    timeline = page.locator(".ap-lab-part[data-part=timeline]").get_by_test_id("timeline")
    graph = page.locator(".ap-lab-part[data-part=graph]").get_by_test_id("graph")
    expect(timeline.locator(".ap-row[data-agent=planner] .ap-bar-turn")).to_be_visible()
    expect(graph).to_be_visible()
    expect(page.locator(".ap-lab-part").get_by_test_id("lane-planner").filter(visible=True)).to_have_count(0)
    stand = [place.bounding_box() for place in (notebook.cells.first, document, timeline, graph)]
    assert all(stand[0]["x"] + stand[0]["width"] <= right["x"] + 1 for right in stand[1:])
    assert all(above["y"] + above["height"] <= below["y"] + 1 for above, below in itertools.pairwise(stand[1:]))
    with open_pool("beside", store=notebook.server.store) as pool:
        pool.post("<img src=x onerror='window.broken = 1'> is text")
    expect(document).to_contain_text("<img src=x onerror='window.broken = 1'> is text")
    photo("side-by-side")
    page.locator(".ap-lab-status").get_by_role("button").click()
    notebook.ended(1)
    assert page.evaluate("window.broken") is None
    notebook.save()
    assert [cell.metadata for cell in nbformat.read(notebook.path, as_version=4).cells] == [{}, {}]
    page.goto(notebook.server.address("lab", notebook.name).removesuffix("&reset"))
    for place in (document, timeline, graph):
        expect(place).to_be_visible()


@pytest.mark.nightly  # at times JupyterLab never hears of a cell that runs in a kernel which it was given
def test_the_status_bar_knows_the_teams_of_all_notebooks_that_are_open(open_notebook, jupyter, server, page):
    """Also of one behind the one in front, and stops them all."""
    first = open_notebook(team_cell("in-front", THREE, server))
    second = NotebookPage(page, jupyter, "behind.ipynb", "lab")
    second.write(["%load_ext agentpool_jupyter", team_cell("behind", THREE, server, "--bg")])
    first.start(1)
    jupyter.give_kernel(second.name)
    page.keyboard.press("Escape")
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.get_by_role("menuitem", name="Open from Path…").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("behind.ipynb")
    page.keyboard.press("Enter")
    shown = page.locator(".jp-NotebookPanel").filter(has_text="%%agents behind")
    second.cells = shown.locator(".jp-CodeCell")
    # How the kernel is may stay unknown to the page until it is asked for something.
    expect(shown.locator(".jp-Toolbar-kernelName")).to_contain_text("Python 3", timeout=60_000)
    second.start(0)
    second.ended(0, timeout=60_000)
    second.run(1)
    item = page.locator(".ap-lab-status")
    expect(item).to_have_text("2 teams run")
    item.get_by_role("button", name="Stop all teams").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop all").click()
    expect(item).to_have_text("No team runs")


def test_the_launchers_card_opens_a_notebook_with_a_team(page, jupyter, photo):
    page.goto(f"{jupyter.url}lab?token=browser-tests&reset")
    page.locator(".jp-LauncherCard").get_by_text("Team of Agents").click()
    expect(page.locator(".jp-NotebookPanel .jp-CodeCell")).to_have_count(3)
    expect(page.locator(".jp-Toolbar-kernelName")).to_contain_text("Python 3")
    expect(page.locator(".jp-NotebookPanel .jp-CodeCell").nth(1)).to_contain_text("%%agents first")
    photo("template")


def test_a_cell_of_a_team_is_helped_with(open_notebook, page, photo):
    """Colours of YAML, an underlined error that says what to write, what a key means, and keys and names to choose."""
    tool = "def search_stock(item: str) -> str:\n    'Search.'\n    return item"
    text = "%%agents helped\ntask: Plan for a bakery.\nturn: 2\nagents:\n  planner: Plans and counts.\n  critic:\n    "
    notebook = open_notebook(tool, text, "for_ = [1]\nfor_", "%%agents\ntask: x\nagents:\n  ann: {listens: [ben]}")
    notebook.run(1)
    cell = notebook.cells.nth(2)
    expect(cell.locator(".cm-lintRange-error")).to_have_text("turn")
    cell.locator(".cm-lintRange-error").hover()
    expect(page.locator(".cm-tooltip")).to_contain_text("unknown key 'turn' for a team; did you mean 'turns'?")
    photo("underlined")
    expect(notebook.cells.nth(3).locator(".cm-lintRange-error")).to_have_count(0)
    # What no schema can say, the kernel's parser does: only it knows who is there.
    expect(notebook.cells.nth(4).locator(".cm-lintRange-error")).to_have_text("ann: {listens: [ben]}")
    # To Python `for` and `and` are words of its own.
    assert "for" not in cell.locator(".cm-line span").all_text_contents()

    cell.get_by_text("agents", exact=True).hover()
    expect(page.locator(".ap-lab-tip")).to_contain_text("Who works on it")
    photo("meaning")
    cell.locator(".cm-line").last.click()
    page.keyboard.press("End")
    page.keyboard.type("li")
    page.keyboard.press("Tab")
    items = page.locator(".jp-Completer-item")
    expect(items).to_have_text("klistenskey")
    page.keyboard.press("Enter")
    expect(cell.locator(".cm-line").last).to_have_text("    listens: ")
    page.keyboard.type("[")
    page.keyboard.press("Tab")
    expect(items.filter(has_text="planner")).to_be_visible()
    photo("completed")
    assert items.locator(".jp-Completer-match").all_text_contents()[:4] == ["task", "everyone", "planner", "critic"]
    page.keyboard.press("Escape")
    page.keyboard.type("planner]\n")
    page.keyboard.type("tools: [sea")
    page.keyboard.press("Tab")
    expect(items.first).to_have_text(re.compile("search_stock"))
    page.keyboard.press("Enter")
    expect(cell.locator(".cm-line").last).to_contain_text("tools: [search_stock")


@pytest.mark.nightly
def test_help_can_be_switched_off(open_notebook, page, jupyter, photo):
    """In JupyterLab's own settings."""
    file = jupyter.settings / "agentpool-jupyter" / "plugin.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('{"cellHelp": false, "statusBar": false}')
    try:
        notebook = open_notebook("%%agents\ntask: x\nturn: 2")
        notebook.cells.nth(1).locator(".cm-content").click()
        page.keyboard.type(" ")
        expect(page.locator(".ap-lab-status")).to_be_hidden()
        expect(notebook.cells.nth(1).locator(".cm-lintRange-error")).to_have_count(0)
        page.goto(f"{jupyter.url}lab?token=browser-tests&reset")
        page.get_by_role("menuitem", name="Settings", exact=True).click()
        page.get_by_role("menuitem", name="Settings Editor").click()
        page.locator(".jp-PluginList-entry").filter(has_text="Agents").click()
        expect(page.locator(".jp-SettingsForm")).to_contain_text("Help in cells of %%agents")
        expect(page.locator(".jp-SettingsForm select")).to_have_value(re.compile("0|split-right"))
        photo("settings")
    finally:
        file.unlink()


@pytest.mark.nightly
def test_the_panel_is_there_in_notebook_7_too(open_notebook, page, server, photo):
    """As far as it has the places: the panel, help in cells, and no status bar."""
    notebook = open_notebook(team_cell("in-seven", THREE, server), "%%agents\ntask: x\nturn: 2", front_end="notebooks")
    expect(notebook.cells.nth(2).locator(".cm-lintRange-error")).to_have_text("turn")
    notebook.start(1)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Shift+C")
    page.keyboard.type("Show Pools and Runs")
    page.keyboard.press("Enter")
    side = page.locator("#agentpool-panel")
    side.get_by_role("button", name="Stop the team in in-seven").click()
    notebook.ended(1)
    photo("notebook-7")


@pytest.mark.nightly
def test_the_panel_is_readable_in_the_dark_and_at_800_pixels(open_notebook, jupyter, panel, server, photo):
    """Colours are the theme's own."""
    theme = jupyter.settings / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    theme.write_text('{"theme": "JupyterLab Dark"}')
    try:
        notebook = open_notebook(team_cell("dark", THREE, server))
        notebook.page.set_viewport_size({"width": 800, "height": 700})
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
        side = panel()
        notebook.start(1)
        stop = side.get_by_role("button", name="Stop the team in dark")
        expect(stop).to_be_visible()
        photo("dark")
        assert side.evaluate("node => node.scrollWidth <= node.clientWidth")
        stop.click()
        notebook.ended(1)
    finally:
        theme.unlink()


def test_all_front_ends_together_are_small():
    """Gzipped, as servers send them."""
    folders = ("labextension/lab/dist/static", "agentpool_jupyter/jupyter/live/static")
    built = [path for folder in folders for path in Path(ROOT, folder).iterdir()]
    assert len(built) >= 4
    assert sum(len(gzip.compress(path.read_bytes())) for path in built) < 400_000


def test_a_panel_that_cannot_be_seen_asks_for_nothing(page, open_notebook, panel):
    """The kernel looks around for it only while it is shown."""
    said = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: said.extend(_watches(frame))))
    open_notebook("1 + 1")
    side = panel()
    expect(side.locator(".ap-lab-store")).to_be_visible()
    assert said[-1]["pools"] is True
    page.locator(".lm-TabBar-tab[data-id='agentpool-panel']").click()
    expect(side).to_be_hidden()
    until(lambda: page.evaluate("true") and said[-1]["pools"] is False)
    panel()
    until(lambda: page.evaluate("true") and said[-1]["pools"] is True)


def _watches(frame):
    """What a page says that it can see, in a frame of its kernel's socket."""
    text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
    return [json.loads(found) for found in re.findall(r'\{"kind":"watch"[^}]*\}', text)]
