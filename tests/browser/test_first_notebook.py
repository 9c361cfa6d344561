"""The notebooks that people open first, run from top to bottom in JupyterLab, on the bundled model."""

from __future__ import annotations

import shutil

import nbformat
import pytest
from playwright.sync_api import expect

from tests.test_notebooks import NOTEBOOKS, local_model  # noqa: F401 - a fixture

from .notebook_page import NotebookPage


@pytest.mark.local_model
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_succeeds(page, jupyter, local_model, tmp_path, file):  # noqa: F811 - the fixture
    """Every cell has its number in order, none has failed, and every team ends as a still picture."""
    cells = [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    teams = [index for index, cell in enumerate(cells) if cell.source.startswith("%%agents")]
    notebook = NotebookPage(page, jupyter, file.name, "lab")
    shutil.copy(file, notebook.path)
    notebook.open()
    page.get_by_role("menuitem", name="Edit").click()
    page.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    if teams:
        expect(page.locator("[data-testid^=lane-]").first).to_be_visible(timeout=60_000)
    notebook.ended(len(cells) - 1, timeout=150_000)
    for index in range(len(cells)):
        expect(notebook.prompt(index)).to_have_text(f"[{index + 1}]:")
        notebook.cells.nth(index).scroll_into_view_if_needed()
        expect(notebook.output(index).locator(".jp-RenderedText[data-mime-type*=error]")).to_have_count(0)
        if index in teams:
            expect(notebook.output(index).locator(".agentpool-still")).to_be_visible()
        page.screenshot(path=tmp_path / f"cell-{index + 1:02}.png")
