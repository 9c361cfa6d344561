"""What somebody sees who opens JupyterLab in the Binder image: its workspace, before and after the tour has run."""

import json
import shutil

import pytest
from jupyterlab_server.workspaces_handler import WorkspacesManager
from playwright.sync_api import expect

from tests.conftest import ROOT


@pytest.mark.nightly
def test_the_tour_is_left_and_its_team_right(page, jupyter, photo):
    """The saved picture stands beside the notebook before anything runs, and nothing has to be looked for."""
    shutil.copytree(ROOT / "notebooks", jupyter.folder / "notebooks")
    workspace = json.loads((ROOT / "binder" / "workspace.json").read_text())
    workspace["metadata"]["id"] = "first-sight"  # other tests have the default one
    WorkspacesManager(jupyter.settings.with_name("workspaces")).save("first-sight", json.dumps(workspace))
    page.goto(jupyter.address("lab", "").replace("lab/tree/", "lab/workspaces/first-sight").replace("&reset", ""))
    notebook = page.locator(".jp-NotebookPanel").filter(has_text="The tour")
    picture = page.locator(".jp-LinkedOutputView").filter(has_text="skeptic#1")
    expect(notebook.get_by_role("heading", name="The tour")).to_be_visible(timeout=60_000)
    expect(picture).to_contain_text("50 dollars for each", timeout=60_000)
    left, right = notebook.bounding_box(), picture.bounding_box()
    photo("first-sight")
    assert left["x"] + left["width"] <= right["x"]
    assert min(left["width"], right["width"]) > 400
