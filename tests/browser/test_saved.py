"""What stands in a notebook in the end: text as text, and the front end once."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from agentpool_jupyter import open_pool
from agentpool_jupyter.agents.runs.claims import stop_run
from tests.teams import until

from .cells import THREE, team_cell

_PRICES = "Flour is $5 a sack and rent is $9 a day, or \\(x\\)."
_LEAVES_OUT = "get_ipython().magics_manager.registry['AgentsMagics'].session._find_front_end().leave_out()"
"""As where no page has drawn anything yet; the next one has to ask."""
_SPEAKS = """%%agents money
task: Costs of $1 and $2?
turns: 1
agents:
  ann: {python: speak}
"""


@pytest.mark.parametrize("front_end", ["lab", pytest.param("notebooks", marks=pytest.mark.nightly)])
def test_amounts_of_dollars_are_no_formula(open_notebook, front_end, tmp_path):
    """In the final picture, the document, the diff and tables; elsewhere on the page formulas are drawn."""
    shown = ["%pool", "%diff 0", "%pool events", "%pool log", "%agents status"]
    formula = "from IPython.display import HTML\nHTML('From $5 to $9.')"
    notebook = open_notebook(f"speak = lambda document: {_PRICES!r}", formula, _SPEAKS, *shown, front_end=front_end)
    for index in range(1, 4 + len(shown)):
        notebook.run(index)
    expect(notebook.output(2).locator("mjx-container")).to_be_visible()
    for index in range(3, 4 + len(shown)):
        expect(notebook.output(index).locator("mjx-container")).to_have_count(0)
        notebook.cells.nth(index).scroll_into_view_if_needed()
        notebook.page.screenshot(path=tmp_path / f"{index}.png")
    for index in (3, 4, 5):
        expect(notebook.output(index).first).to_contain_text("Flour is $5 a sack and rent is $9 a day")


@pytest.mark.nightly
def test_a_notebook_holds_the_front_end_once(keeps_widgets, open_notebook, server, photo):
    """However many runs it shows; without a kernel each has its picture, and the graph where it is not trusted."""
    server.rate, server.tokens = 500, 10
    notebook = open_notebook(*(team_cell(f"saved-{i}", THREE, server) for i in range(3)), _LEAVES_OUT)
    notebook.run(4)
    for index in (1, 2, 3):
        notebook.run(index)
        expect(notebook.lane("planner").nth(index - 1)).not_to_be_empty()
        expect(notebook.picture(index)).to_contain_text("finished")
    notebook.save()
    until(lambda: notebook.path.read_text().rstrip().endswith("}"))  # the server writes in place
    saved = json.loads(notebook.path.read_text())["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]
    states = [json.dumps(model["state"]) for model in saved["state"].values()]
    assert sum('"snapshot"' in state for state in states) >= 3  # and those of other notebooks with this kernel
    assert sum(len(state) > 50_000 for state in states) == 1
    notebook.open_without_kernel()
    for index in (1, 2, 3):
        expect(notebook.picture(index)).to_be_visible()
    notebook.path.write_text(notebook.path.read_text().replace("finished", "changed"))  # by whom nobody knows
    notebook.page.reload()
    expect(notebook.picture(1)).to_contain_text("changed")
    drawn = notebook.picture(1).locator("img")
    expect(drawn).to_have_attribute("alt", re.compile("who read whom, in characters: .*planner → critic"))
    assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    photo("untrusted", notebook.picture(1))


def test_a_run_whose_page_was_reloaded_is_drawn_without_its_kernel(keeps_widgets, open_notebook, server):
    """The page has no picture of its end: the front end that was saved draws what was last shown."""
    notebook = open_notebook(team_cell("kept", THREE, server, "--bg"))
    notebook.run(1)
    expect(notebook.lane("planner")).not_to_be_empty()
    notebook.save()
    notebook.reload()
    expect(notebook.lane("planner")).not_to_be_empty()
    notebook.stop()
    expect(notebook.status()).to_contain_text("stopped")
    said = notebook.lane("planner").text_content()

    def kept():
        """The kernel has what is to be kept of a run a moment after its end."""
        notebook.save()
        return '\\"pool\\":\\"kept\\"' in notebook.path.read_text()

    until(kept)
    notebook.server.end_kernels()
    notebook.server.give_kernel(notebook.name)
    notebook.open()
    expect(notebook.lane("planner")).to_contain_text(said)


def test_the_file_holds_the_result_whoever_was_there_when_it_came(open_notebook, server):
    """A page that was reloaded in mid-run, and one that was not there when the run ended, save the result.

    What was saved before it says how one sees it.
    """
    notebook = open_notebook(*(team_cell(pool, THREE, server, "--bg") for pool in ("reloaded", "away")))
    notebook.run(1)
    expect(notebook.lane("planner").first).not_to_be_empty()
    notebook.save()
    assert "%agents attach reloaded" in held(notebook, 1)
    notebook.reload()
    expect(notebook.lane("planner").first).not_to_be_empty()
    notebook.stop()
    expect(notebook.status().first).to_contain_text("stopped")
    until(lambda: is_saved_with(notebook, 1, "· stopped"))
    assert "%agents attach" not in held(notebook, 1)

    notebook.run(2)
    expect(notebook.lane("planner").nth(1)).not_to_be_empty()
    notebook.save()
    notebook.page.goto("about:blank")
    with open_pool("away", store=notebook.server.store) as pool:
        (record,) = pool.runs.alive()
        stop_run(pool, record.id)
        said = pool.document().turn("planner#1").text.split()
    assert "%agents attach away" in held(notebook, 2)
    notebook.open()
    until(lambda: is_saved_with(notebook, 2, "· stopped"))
    assert " ".join(said) in " ".join(held(notebook, 2).split())


def held(notebook, index):
    """What the file holds of the picture of a cell's run, as text."""
    outputs = json.loads(notebook.path.read_text())["cells"][index]["outputs"]
    return "".join("".join(output["data"].get("text/plain", "")) for output in outputs)


def is_saved_with(notebook, index, text):
    """Save the notebook, and see whether that is in the file."""
    notebook.save()
    return text in held(notebook, index)
