"""The first notebook that anyone opens, on the bundled model."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import expect

from tests.conftest import ROOT
from tests.test_notebooks import local_model  # noqa: F401 - a fixture

from .notebook_page import NotebookPage


@pytest.mark.local_model
def test_run_all_succeeds(page, jupyter, local_model):  # noqa: F811 - the fixture
    notebook = NotebookPage(page, jupyter, "01-first-team.ipynb", "lab")
    shutil.copy(ROOT / "notebooks" / notebook.name, notebook.path)
    notebook.open()
    page.get_by_role("menuitem", name="Edit").click()
    page.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(page.get_by_test_id("lane-planner")).to_be_visible(timeout=60_000)
    last = notebook.cells.count() - 1
    notebook.ended(last, timeout=150_000)
    for index in range(last + 1):
        expect(notebook.prompt(index)).to_have_text(f"[{index + 1}]:")
    expect(page.locator(".agentpool-still")).to_have_count(2)
