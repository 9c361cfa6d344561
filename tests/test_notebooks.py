"""The notebooks run from top to bottom without a page, and their outputs can be read without a kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from agentpool_jupyter.agents.local_model import LocalModel
from agentpool_jupyter.errors import UserError

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture
def local_model():
    """The bundled model, held; skipped with the fix where it is not installed (a failure in CI)."""
    try:
        with LocalModel() as model:
            yield model
    except UserError as error:
        if os.environ.get("AGENTPOOL_REQUIRE_ALL") == "1":
            raise
        pytest.skip(str(error))


@pytest.mark.local_model
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_headless(notebook, tmp_path, local_model):
    """``jupyter execute`` succeeds, on real tokens of the bundled model, and every agent has its say."""
    subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", f"--output={tmp_path / 'out.ipynb'}", str(notebook)],
        check=True,
        capture_output=True,
        text=True,
        timeout=170,
    )
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    shown = [
        output["data"] for cell in cells if cell.source.startswith("%%agents") for output in cell.get("outputs", [])
    ]
    assert shown
    for data in shown:
        assert "application/vnd.jupyter.widget-view+json" not in data
        assert "agentpool-still" in "".join(data["text/html"])
        assert "finished" in "".join(data["text/plain"])
    first = "".join(shown[0]["text/plain"])
    assert all(f"[{agent}#" in first for agent in ("planner", "critic", "treasurer"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_notebook_shows_its_results(notebook):
    """The notebook as it is in the repository shows what its cells gave, without kernel or widget."""
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    html = "".join("".join(o["data"].get("text/html", "")) for c in cells for o in c.outputs if "data" in o)
    assert "agentpool-still" in html
    assert "/root" not in str(cells)
