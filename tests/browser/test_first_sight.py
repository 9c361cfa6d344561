"""What somebody sees who opens JupyterLab in the Binder image: its workspace, before and after the tour has run."""

import os
import shutil
import subprocess
import sys

from playwright.sync_api import expect

from tests.conftest import ROOT


def test_the_tour_is_left_and_its_team_right(page, jupyter, photo):
    """The saved picture stands beside the notebook before anything runs, and nothing has to be looked for."""
    shutil.copytree(ROOT / "notebooks", jupyter.folder / "notebooks")
    command = [sys.executable, "-m", "jupyter", "lab", "workspaces", "import", "--name=first-sight"]
    config = os.environ | {"JUPYTER_CONFIG_DIR": str(jupyter.settings.parents[1])}
    subprocess.run([*command, ROOT / "binder" / "workspace.json"], env=config, check=True, capture_output=True)
    page.goto(jupyter.address("lab", "").replace("lab/tree/", "lab/workspaces/first-sight").replace("&reset", ""))
    notebook = page.locator(".jp-NotebookPanel").filter(has_text="The tour")
    picture = page.locator(".jp-LinkedOutputView").filter(has_text="skeptic#1")
    expect(notebook.get_by_role("heading", name="The tour")).to_be_visible()
    expect(picture).to_contain_text("50 dollars for each")
    left, right = notebook.bounding_box(), picture.bounding_box()
    photo("first-sight")
    assert left["x"] + left["width"] <= right["x"]
    assert min(left["width"], right["width"]) > 400
