"""Makes the README's pictures anew, from real runs in a real JupyterLab: ``python notebooks/images/make.py [FOLDER]``.

It needs the package with ``[test,pictures]`` and Chromium, as the browser tests do, and takes a minute. The team is the
tour's, with its seed and the bundled model; look at what comes out before it is committed.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from PIL import Image
from playwright.sync_api import expect, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.browser.chromium import launch  # noqa: E402
from tests.browser.notebook_page import NotebookPage  # noqa: E402
from tests.browser.servers import jupyter_server  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.servers import JupyterServer

WIDTH, HEIGHT, TALL = 1100, 900, 1240
WIDE, QUALITY = 800, 60  # of the moving picture: pixels, and WebP's measure
SECONDS, FRAMES = 10, 60  # that it takes at most, however slow the machine, and that it has
LAST = 4_000  # milliseconds for which the end stays
SETTLED = 1_000  # milliseconds in which JupyterLab's own movements end
CLEAR = """
.jp-cell-toolbar, .jp-Notebook-footer, .ap-lab-store { display: none !important }
.jp-OutputArea-output:has(.agentpool-trace) { max-height: none !important }
"""


def cells_of(name: str) -> list[str]:
    """Return the code of a notebook's cells."""
    cells = nbformat.read(HERE.parent / f"{name}.ipynb", as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


class Studio:
    """A notebook in a browser, of which pictures are taken: in the light theme, without what is of no interest."""

    def __init__(self, page: Page, server: JupyterServer, name: str, cells: list[str], folder: Path) -> None:
        self.page, self.folder = page, folder
        self.notebook = NotebookPage(page, server, f"{name}.ipynb", "lab")
        self.notebook.write(cells)
        server.give_kernel(self.notebook.name)
        self.notebook.open()
        page.add_style_tag(content=CLEAR)
        page.keyboard.press("Control+b")  # the files
        self.cells = cells

    def place(self, begin: str) -> int:
        """Return the number of the cell that begins like this."""
        return next(number for number, cell in enumerate(self.cells) if cell.startswith(begin))

    def run_to(self, last: int) -> None:
        """Run cells from the first to this one."""
        for index in range(last + 1):
            self.notebook.start(index)
            self.notebook.ended(index, 180_000)

    def look_at(self, index: int) -> None:
        """Bring a cell's output to the top, and wait until nothing moves."""
        outputs = self.notebook.cells.nth(index).locator(".jp-Cell-outputWrapper")
        outputs.evaluate("output => output.scrollIntoView({block: 'start'})")
        self.page.mouse.move(WIDTH - 2, HEIGHT - 2)
        self.page.wait_for_timeout(SETTLED)

    def photo(self, index: int, name: str) -> None:
        """Take a picture of a cell with what it shows, as much as fits."""
        cell = self.notebook.cells.nth(index)
        cell.evaluate("cell => cell.scrollIntoView({block: 'start'})")
        self.page.mouse.move(WIDTH - 2, HEIGHT - 2)
        self.page.wait_for_timeout(SETTLED)
        self.page.screenshot(path=self.folder / name, clip=self._place_of(cell, TALL))

    def film(self, index: int, name: str) -> None:
        """Run a cell, and write what its widget shows as a moving picture."""
        prompt = self.notebook.prompt(index)
        widget = self.notebook.cells.nth(index).locator(".agentpool-widget")
        self.notebook.start(index)
        expect(widget).to_be_visible()
        self.look_at(index)
        clip = self._place_of(widget, HEIGHT)
        frames, end = [], None
        while end is None or time.monotonic() < end:
            frames.append((time.monotonic(), Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB")))
            if end is None and prompt.text_content() != "[*]:":
                end = time.monotonic() + 1
        write_film(frames, self.folder / name)

    def _place_of(self, part: Locator, most: int) -> Any:
        box = part.bounding_box()
        assert box is not None
        return {**box, "height": min(box["height"], most - box["y"] - 24)}  # above the status bar


def write_film(frames: list[tuple[float, Image.Image]], path: Path) -> None:
    """Write pictures as they followed each other, those that show nothing new left out, and endlessly repeated."""
    kept: list[tuple[float, Image.Image]] = []
    for at, frame in frames:
        small = frame.resize((WIDE, round(WIDE * frame.height / frame.width)), Image.Resampling.LANCZOS)
        if not kept or small.tobytes() != kept[-1][1].tobytes():
            kept.append((at, small))
    kept = kept[:: -(-len(kept) // FRAMES)] + kept[-1:]
    times = [at for at, _ in kept]
    pace = 1000 * min(1, SECONDS / (times[-1] - times[0]))
    lengths = [round(pace * (b - a)) for a, b in zip(times, times[1:], strict=False)] + [LAST]
    first, *rest = [frame for _, frame in kept]
    first.save(path, save_all=True, append_images=rest, duration=lengths, loop=0, quality=QUALITY, method=6)


def main(folder: Path) -> None:
    """Write all pictures into a folder."""
    with tempfile.TemporaryDirectory() as home, jupyter_server(Path(home)) as server, sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        first = Studio(page, server, "bakery", cells_of("01-first-team")[:2], folder)
        first.run_to(1)  # once for the model, whose server starts with its first run
        first.film(1, "team.webp")
        page.keyboard.press("Alt+Shift+A")
        first.look_at(1)
        page.wait_for_timeout(2 * SETTLED)
        page.screenshot(path=folder / "lab.png")
        tour = Studio(page, server, "tour", cells_of("00-tour"), folder)
        tour.run_to(tour.place("%trace"))
        page.set_viewport_size({"width": WIDTH, "height": TALL})
        tour.photo(tour.place("%diff"), "diff.png")
        tour.photo(tour.place("%trace"), "trace.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
