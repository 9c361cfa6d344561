"""JupyterLab and Notebook 7 on a server of their own, seen through Debian's Chromium."""

import json

import pytest
from playwright.sync_api import expect, sync_playwright

from agentpool_jupyter import open_pool
from tests.needs import lacking
from tests.openai_server import OpenAIServer

from .chromium import launch
from .notebook_page import NotebookPage
from .servers import jupyter_server

NOT_OURS = (
    # Notebook 7.6 without any extension: its @jupyterlab/shortcuts-extension hears of other settings before its own.
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",  # Notebook 7.6
    "Failed to load resource:",  # the browser itself, of requests by Jupyter: ours make none
)
"""Parts of what is said in the console without any extension, too."""


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)


expect.set_options(timeout=20_000)  # three workers share the machine


# Of the package, not of the session: Playwright's loop runs in this thread, where other tests start their own.
@pytest.fixture(scope="package")
def browser():
    """Chromium, started once."""
    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except FileNotFoundError as error:
            lacking(str(error))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def jupyter(tmp_path_factory):
    """A Jupyter server that all tests share."""
    with jupyter_server(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture
def server():
    """A model that speaks slowly and long: what is looked at in mid-run stays in mid-run."""
    with OpenAIServer(rate=25, tokens=3000) as server:
        yield server


@pytest.fixture
def page(browser, jupyter, tmp_path):
    """A page of its own; a test fails that leaves an error in the browser's console."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    context.set_default_timeout(30_000)
    said = []
    context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: said.append(str(error.error)))
    page = context.new_page()
    yield page
    page.screenshot(path=tmp_path / "at-the-end.png")  # pytest keeps it for the last runs
    context.close()
    assert [text for text in said if not any(known in text for known in NOT_OURS)] == []


@pytest.fixture(scope="module", autouse=True)
def _kernels(jupyter):
    """The tests of a module share a kernel, unless it is killed or left busy."""
    yield
    jupyter.end_kernels()


@pytest.fixture
def open_notebook(page, jupyter, request):
    """Open a notebook of these cells, with the extension loaded by a first one."""

    def open_cells(*cells, front_end="lab"):
        notebook = NotebookPage(page, jupyter, f"{request.node.name.partition('[')[0]}-{front_end}.ipynb", front_end)
        notebook.write(["%load_ext agentpool_jupyter", *cells])
        jupyter.give_kernel(notebook.name)
        notebook.open()
        notebook.run(0)
        return notebook

    return open_cells


@pytest.fixture
def keeps_widgets(jupyter):
    """JupyterLab saves the state of widgets with a notebook."""
    path = jupyter.settings / "@jupyter-widgets" / "jupyterlab-manager" / "plugin.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"saveState": True}))
    yield
    path.unlink()


@pytest.fixture
def panel(page):
    """Open the side panel of a notebook that is open."""

    def show():
        tab = page.locator(".lm-TabBar-tab[data-id='agentpool-panel']")
        expect(tab).to_be_visible()
        found = page.locator("#agentpool-panel")
        if not found.is_visible():
            tab.click()
        expect(found).to_be_visible()
        return found

    return show


@pytest.fixture
def photo(page, tmp_path):
    """Keep a picture of the page, or of a part of it, for whoever looks at the tests' folder."""

    def take(name, part=None):
        if part is not None:
            part.scroll_into_view_if_needed()
            page.mouse.move(0, 0)
        page.screenshot(path=tmp_path / f"{name}.png")

    return take


@pytest.fixture
def kept(jupyter):
    """Open a pool that a notebook of the server works in."""
    opened = []

    def open_kept(name):
        opened.append(open_pool(name, store=jupyter.store, create=False))
        return opened[-1]

    yield open_kept
    for pool in opened:
        pool.close()
