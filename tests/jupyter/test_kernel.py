"""Real kernels: the interrupt button, saved notebooks, and kernels that die."""

import json
import os
import signal
import subprocess
import sys

import nbformat
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient

from agentpool_jupyter.pool.events import RunFinished, RunStarted
from tests.openai_server import Drip, Hold, OpenAIServer
from tests.teams import asked, of_type, said, speaks, team, until

CELL = """%%agents bakery
task: Plan a bakery.
turns: 1
agents:
  ann: {role: Drafts., listens: []}
  ben: {role: Talks long., listens: []}
"""


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The model of all kernels; ``ben`` speaks slowly the first time."""
    with OpenAIServer(rate=500, tokens=30) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("AGENTPOOL_MODEL", "test")
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
        server.fault(Drip(5), contains=speaks("ben"), times=1)
        yield server


class Kernel:
    """A kernel and what its cells gave; messages are kept by the cell that they belong to."""

    def __init__(self):
        self._manager = KernelManager()
        self._manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self.messages = []
        assert self.run("%load_ext agentpool_jupyter")["status"] == "ok"

    @property
    def pid(self):
        return self._manager.provisioner.pid

    def start(self, code):
        """Send a cell and return its id."""
        return self._client.execute(code)

    def reply(self, cell):
        """Wait for a cell's end and return its reply."""
        while (reply := self._client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != cell:
            pass
        return reply["content"]

    def run(self, code):
        return self.reply(self.start(code))

    def read(self):
        """Take in what the kernel has published."""
        while self._client.iopub_channel.msg_ready():
            self.messages.append(self._client.get_iopub_msg(timeout=5))

    def of(self, cell, kind):
        self.read()
        return [
            m["content"] for m in self.messages if m["parent_header"].get("msg_id") == cell and m["msg_type"] == kind
        ]

    def text(self, cell):
        return "".join(content["text"] for content in self.of(cell, "stream"))

    def stills(self):
        """The still pictures of ends, below widgets."""
        return [html for html in self.pictures() if "data-run=" not in html]

    def pictures(self):
        """All still pictures that came after the first ones."""
        self.read()
        updates = [m["content"]["data"] for m in self.messages if m["msg_type"] == "update_display_data"]
        return [data["text/html"] for data in updates if "text/html" in data]

    def press_stop(self, cell):
        """What a page sends when the button of a cell's widget is pressed."""
        shown, _ = self.of(cell, "display_data")
        comm = shown["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
        data = {"method": "custom", "content": {"kind": "stop"}}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", {"comm_id": comm, "data": data}))

    def interrupt(self):
        self._manager.interrupt_kernel()

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        until(lambda: not self._manager.is_alive())

    def close(self):
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()


@pytest.fixture
def new_kernel(server):
    kernels = []

    def start():
        kernels.append(Kernel())
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


def speaking(pool):
    """Whether ``ann`` has finished and ``ben`` is in mid-turn."""
    ann = pool.document().turn("ann#1")
    return ann is not None and ann.status == "finished" and said(pool, "ben")


def test_interrupt_stops_the_team_and_the_pool_says_so(new_kernel, pool, server):
    """The streams end, long before all is said, and the cell does, too."""
    kernel = new_kernel()
    cell = kernel.start(CELL)
    until(lambda: speaking(pool))
    kernel.interrupt()
    until(lambda: of_type(pool, RunFinished))
    assert server.until(lambda server: server.open_streams == 0)
    assert asked(server, "ben")[0].disconnected
    reply = kernel.reply(cell)
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    assert of_type(pool, RunFinished)[0].reason == "stopped"
    assert pool.document().turn("ben#1").status == "cancelled"
    until(kernel.stills)
    assert "stopped" in kernel.stills()[0]
    assert kernel.run("1 + 1")["status"] == "ok"


def test_a_killed_kernels_run_is_attached_and_resumed_in_a_new_one(new_kernel, pool, server):
    """Turns that died are marked as such, and finished ones are not asked for again."""
    first = new_kernel()
    first.start(CELL)
    until(lambda: speaking(pool))
    first.kill()
    second = new_kernel()
    attach = second.start("%agents attach bakery")
    assert second.reply(attach)["status"] == "ok"
    until(lambda: "died with their process: ben#1" in second.text(attach))
    until(second.stills)
    assert pool.document().turn("ann#1").text.strip() in second.stills()[0]
    assert pool.document().turn("ben#1").status == "failed"
    assert second.run("%agents resume")["status"] == "ok"
    assert len(asked(server, "ann")) == 1
    assert [(turn.name, turn.status) for turn in pool.document().turns if turn.agent == "ben"] == [
        ("ben#1", "failed"),
        ("ben#2", "finished"),
    ]
    assert [event.reason for event in of_type(pool, RunFinished)] == ["lost", "turns"]


def test_a_second_kernel_may_watch_and_not_start(new_kernel, pool, server):
    """It sees the run live to its end, while a team of its own is refused."""
    held = Hold(8)
    server.fault(held, contains=speaks("cat"))
    run = team({"ann": "Drafts.", "cat": "Talks long."}, server).start(pool)
    kernel = new_kernel()
    until(lambda: said(pool, "cat"))
    refused = kernel.run(CELL)
    assert (refused["status"], refused["ename"]) == ("error", "UsageError")
    assert f"process {os.getpid()}" in refused["evalue"]
    attach = kernel.start("%agents attach bakery")
    assert kernel.reply(attach)["status"] == "ok"
    assert run.status == "running"
    assert "application/vnd.jupyter.widget-view+json" in kernel.of(attach, "display_data")[0]["data"]
    server.release(held)
    assert run.wait(30)
    until(kernel.stills)
    assert pool.document().turn("cat#1").text.strip() in kernel.stills()[0]
    assert len(of_type(pool, RunStarted)) == 1


def test_a_second_kernels_button_stops_the_run(new_kernel, pool, server):
    """It asks through the log, and who holds the run obeys."""
    server.rate, server.tokens = 20, 1000
    run = team({"ann": "Drafts."}, server, max_tokens=1000).start(pool)
    kernel = new_kernel()
    until(lambda: said(pool, "ann"))
    attach = kernel.start("%agents attach bakery")
    assert kernel.reply(attach)["status"] == "ok"
    kernel.press_stop(attach)
    assert run.wait(30)
    assert run.reason == "stopped"
    until(kernel.stills)
    assert f"process {kernel.pid} on " in kernel.stills()[0]


def test_what_a_background_team_says_stays_with_its_cell(new_kernel, pool):
    """Its lines, and what its functions print, belong to the cell that started it, whatever runs meanwhile."""
    kernel = new_kernel()
    kernel.run(
        "import threading\ngo, gone = threading.Event(), threading.Event()\n"
        "def check(document):\n    go.wait()\n    print('checking')\n    gone.set()\n    return 'checked'"
    )
    cell = CELL.replace("bakery\n", "bakery --bg --text\n", 1) + "  check: {python: check, listens: []}\n"
    begun = kernel.start(cell)
    assert kernel.reply(begun)["status"] == "ok"
    assert not of_type(pool, RunFinished)
    later = kernel.start("go.set(); gone.wait(); print('mine')")
    assert kernel.reply(later)["status"] == "ok"
    until(lambda: "— finished" in kernel.text(begun))
    assert kernel.text(later) == "mine\n"
    assert "ben#1 │" in kernel.text(begun)
    assert "checking\n" in kernel.text(begun)


def test_a_picture_is_kept_up_while_a_run_goes_on(new_kernel, pool, server):
    """What is saved in mid-run holds what was said by then, and says in words how one sees the rest."""
    kernel = new_kernel()
    hold = Hold(10)
    server.fault(hold, contains=speaks("ann"), times=1)
    cell = kernel.start(CELL)
    until(
        lambda: (
            said(pool, "ann", 20) and any(pool.document().turn("ann#1").text[:20] in one for one in kernel.pictures())
        )
    )
    assert "%agents attach bakery" in kernel.pictures()[-1]
    assert not kernel.stills()
    server.release(hold)
    assert kernel.reply(cell)["status"] == "ok"
    until(kernel.stills)
    assert pool.document().turn("ben#1").text.strip() in kernel.stills()[0]
    assert "%agents attach" not in kernel.stills()[0]
    assert len(kernel.stills()) == 1


def run_notebook(*cells):
    """Run cells in a fresh kernel and return their outputs, as they are saved."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


def test_a_saved_notebook_shows_the_document_without_a_kernel(server, pool):
    """Below the widget is HTML and text; nothing in it needs a widget, a script or this package."""
    _, (view, output), (again,) = run_notebook("%load_ext agentpool_jupyter", CELL, "%pool")
    assert view.data["text/plain"] == ""
    assert set(output.data) == {"text/html", "text/plain"}
    for turn in pool.document().turns:
        assert turn.text.strip() in output.data["text/html"]
        assert turn.text.strip() in output.data["text/plain"]
        assert turn.text.strip() in again.data["text/html"]
    assert "<script" not in output.data["text/html"]


def test_a_saved_notebook_shows_a_background_team_that_ended_before_the_last_cell(server, pool):
    cells = ["%load_ext agentpool_jupyter", CELL.replace("bakery", "bakery --bg -o work", 1), "work.wait()"]
    _, outputs, _ = run_notebook(*cells)
    _, output = outputs
    assert pool.document().turn("ben#1").text.strip() in output.data["text/html"]


def test_a_notebook_that_no_page_has_shown_holds_no_front_end(server, pool):
    """nbclient writes the state of all widgets into it: the run's, and no code that draws it."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in ("%load_ext agentpool_jupyter", CELL)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    (saved,) = notebook.metadata.widgets.values()
    assert len(saved["state"]) >= 2
    said = sum(len(turn.text) for turn in pool.document().turns)
    assert len(nbformat.writes(notebook)) - 3 * said < 60_000


def test_jupyter_execute_runs_a_notebook(server, pool, tmp_path):
    """Headless, and a failing team fails the command."""
    path = tmp_path / "one.ipynb"
    cells = [nbformat.v4.new_code_cell(text) for text in ("%load_ext agentpool_jupyter", CELL)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=90)
    _, output = json.loads(path.read_text(encoding="utf-8"))["cells"][1]["outputs"]
    assert pool.document().turn("ann#1").text.strip() in "".join(output["data"]["text/html"])
    server.go_away()
    cells[1].source = CELL.replace("turns: 1", "attempts: 1")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    failed = subprocess.run(command, check=False, capture_output=True, text=True, timeout=90)
    assert failed.returncode != 0
    assert "RunFailedError" in failed.stderr
