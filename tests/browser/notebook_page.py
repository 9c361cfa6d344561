"""A notebook in a browser, in the words of what a person does and sees there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Locator, Page, Response

    from .servers import JupyterServer

_PAINTED = """graph => [...graph.querySelectorAll("canvas")].some(canvas => canvas.width > 0 && canvas
    .getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(value => value !== 0))"""


class NotebookPage:
    """One notebook, open in JupyterLab (``lab``) or in Notebook 7 (``notebooks``)."""

    def __init__(self, page: Page, server: JupyterServer, name: str, front_end: str) -> None:
        self.page = page
        self.server = server
        self.name = name
        self.path = server.folder / name
        self._front_end = front_end
        self.cells = page.locator(".jp-NotebookPanel .jp-Notebook .jp-CodeCell")

    def write(self, cells: Sequence[str]) -> None:
        """Put a notebook where the server finds it."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        metadata = {"kernelspec": kernel}
        nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=metadata), self.path)

    def open(self) -> None:
        """Open the page and wait for its kernel."""
        self.page.goto(self.server.address(self._front_end, self.name))
        self._has_kernel()  # the indicator says `idle` also before
        expect(self.page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute(
            "data-status", "idle", timeout=60_000
        )

    def _has_kernel(self) -> None:
        expect(self.cells.first).to_be_visible(timeout=60_000)
        expect(self.page.locator(".jp-Toolbar-kernelName")).to_contain_text("Python 3", timeout=60_000)

    def start(self, index: int) -> None:
        """Run a cell, without waiting for it."""
        self.cells.nth(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def run(self, index: int) -> None:
        """Run a cell and wait for its end."""
        self.start(index)
        self.ended(index)

    def ended(self, index: int, timeout: float = 30_000) -> None:
        """Wait until a cell has a number, which it gets when it has ended."""
        expect(self.prompt(index)).to_have_text(re.compile(r"\[\d+\]:"), timeout=timeout)

    def prompt(self, index: int) -> Locator:
        """Return what stands before a cell: ``[*]:`` while it runs."""
        return self.cells.nth(index).locator(".jp-InputPrompt")

    def output(self, index: int) -> Locator:
        """Return what a cell shows."""
        return self.cells.nth(index).locator(".jp-OutputArea-output")

    def lane(self, agent: str) -> Locator:
        """Return the text of an agent's lane."""
        return lane_in(self.page.locator(".jp-NotebookPanel"), agent)

    def status(self) -> Locator:
        """Return the word that says how the run goes, in the widget or, where that cannot be shown, in the picture."""
        return self.page.locator(".jp-NotebookPanel .ap-status:visible")

    def picture(self, index: int) -> Locator:
        """Return the still picture of a cell's run: out of sight while its widget is there."""
        return self.cells.nth(index).locator(".agentpool-still")

    def graph_is_drawn(self) -> None:
        """Wait until there is something on the graph's canvas."""
        graph = self.page.get_by_test_id("graph")
        expect(graph).to_be_visible()
        self.page.wait_for_function(_PAINTED, arg=graph.element_handle())

    def say(self, text: str) -> None:
        """Write to the team in the widget's own line."""
        line = self.page.get_by_role("textbox", name="Say something to the team")
        line.fill(text)
        line.press("Enter")

    def stop(self) -> None:
        """Press the widget's button."""
        self.page.get_by_test_id("stop").click()

    def interrupt(self) -> None:
        """Press the notebook's own button."""
        self.page.locator("[data-command='notebook:interrupt-kernel']").click()

    def kernel_is_restarted(self) -> None:
        """Restart the kernel by the notebook's own button, and wait until it is there again."""
        self.page.locator("[data-command='kernelmenu:restart'], [data-command='notebook:restart-kernel']").first.click()
        self.page.get_by_role("dialog").get_by_role("button", name="Confirm Kernel Restart").click()
        expect(self.page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")

    def save(self) -> None:
        """Save the notebook as a person does, and wait until it is on the disk."""
        while True:  # the front end does nothing when it is asked while another save, its own say, is under way
            try:
                with self.page.expect_response(_is_checkpoint, timeout=5_000):
                    self.page.keyboard.press("Escape")
                    self.page.keyboard.press("Control+s")
            except PlaywrightTimeout:
                continue
            return

    def reload(self) -> None:
        """Reload the page in the browser, and wait until the notebook is there."""
        self.page.reload()
        self._has_kernel()

    def open_without_kernel(self) -> None:
        """Open the saved notebook as where no kernel is installed."""
        self.server.end_kernels()
        self.page.route("**/api/kernelspecs*", lambda route: route.fulfill(json={"default": "", "kernelspecs": {}}))
        self.page.goto(self.server.address(self._front_end, self.name))
        self.page.get_by_role("dialog").get_by_text("Select", exact=True).click()
        expect(self.page.locator(".jp-Toolbar-kernelName")).to_have_text("No Kernel")
        expect(self.cells.first).to_be_visible()


def _is_checkpoint(response: Response) -> bool:
    """A front end asks for a checkpoint when a save is done."""
    return response.request.method == "POST" and "/checkpoints" in response.url


def lane_in(place: Locator, agent: str) -> Locator:
    """Return the text of an agent's lane in one of several views."""
    return place.get_by_test_id(f"lane-{agent}").locator(".ap-turns")


def grow(*lanes: Locator) -> None:
    """Wait until the text of all these lanes has grown, counted from now."""
    before = [len(lane.text_content() or "") for lane in lanes]
    for lane, length in zip(lanes, before, strict=True):
        expect(lane).to_have_text(re.compile(rf"[\s\S]{{{length + 20},}}"), timeout=20_000)
