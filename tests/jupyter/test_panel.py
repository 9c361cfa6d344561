"""What a page of JupyterLab is told of pools and runs, and what it can have done; with a real kernel and its comm."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path

import msgspec
import pytest
from jupyter_client import KernelManager

from agentpool_jupyter import compact, open_pool
from agentpool_jupyter.jupyter.panel.census import Census
from agentpool_jupyter.jupyter.panel.wire import TARGET, FromPage, ToPage
from agentpool_jupyter.log import open_store
from tests.conftest import ROOT
from tests.openai_server import Asks, OpenAIServer, Says
from tests.teams import play, until

FIXTURES = sorted((Path(__file__).parent / "panel").glob("*.json"))
MINE = frozenset()


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_every_fixture_survives_a_round_trip(path):
    """Decoding and encoding gives the same JSON, so that nothing in a fixture is unknown here."""
    kind = ToPage if path.name.startswith("kernel-") else FromPage
    message = msgspec.json.decode(path.read_bytes(), type=kind)
    assert msgspec.to_builtins(message) == json.loads(path.read_text(encoding="utf-8"))


def test_every_kind_of_message_has_a_fixture():
    """A message that is added to the protocol needs a fixture for both sides."""
    kinds = {path.stem for path in FIXTURES}
    structs = {"page": FromPage.__args__, "kernel": ToPage.__args__}
    assert {f"{side}-{one.__struct_config__.tag}" for side, all_ in structs.items() for one in all_} == kinds


# The census -----------------------------------------------------------------------------------------------


def never():
    return False


@pytest.fixture
def census(store):
    census = Census(open_store())
    yield census
    census.close()


def listed(census):
    return {row.name: row for row in census.overview("bakery", MINE, never)[0].pools}


def test_a_pool_is_listed_with_what_it_took(server, store, census):
    """Tokens and cost are those of the report, the size is that of the file."""
    with open_pool("bakery") as pool, open_pool("empty"):
        run = play(pool, {"ann": "Drafts.", "ben": "Talks."}, server, price={"input": 1, "output": 2})
        overview, more = census.overview("bakery", frozenset([run.id]), never)
        total = run.report().total
    assert not more
    bakery, empty = overview.pools
    assert (bakery.name, bakery.current, bakery.state) == ("bakery", True, "finished")
    assert bakery.tokens == total.prompt + total.completion
    assert bakery.cost == pytest.approx(total.cost)
    assert bakery.size >= (store / "bakery.sqlite").stat().st_size > 0
    assert (empty.name, empty.state, empty.tokens) == ("empty", "empty", 0)
    (row,) = overview.runs
    assert (row.id, row.state, row.here, row.tokens) == (run.id, run.reason, True, bakery.tokens)
    assert (row.task, row.agents) == ("Plan a bakery.", ["ann", "ben"])


def test_a_look_that_is_over_says_that_there_is_more(pool, census):
    """And of a pool that was not read yet no more than is known."""
    pool.post("x")
    overview, more = census.overview("bakery", MINE, lambda: True)
    assert more
    assert (overview.pools[0].events, overview.pools[0].tokens, overview.pools[0].state) == (1, None, "")
    assert not census.overview("bakery", MINE, never)[1]


def test_pools_come_and_go(pool, census):
    """One that is deleted is no longer listed, one that is made anew is read anew."""
    pool.post("x")
    assert set(listed(census)) == {"bakery"}
    open_store().delete("bakery")
    open_pool("b").close()
    assert set(listed(census)) == {"b"}
    with open_pool("bakery") as again:
        again.post("x")
        again.post("y")
    assert (listed(census)["bakery"].events, listed(census)["bakery"].state) == (2, "said")


def test_a_pool_that_was_compacted_is_read_on(server, pool, census):
    """Its tokens stay what they were."""
    play(pool, {"ann": "Drafts."}, server)
    before = listed(census)["bakery"]
    compact(pool)
    listed(census)
    after = listed(census)["bakery"]
    assert (after.tokens, after.state) == (before.tokens, "finished")


# A kernel and a page --------------------------------------------------------------------------------------


class Page:
    """What JupyterLab's extension does: one comm to a kernel, through a subshell, so that a cell may block."""

    def __init__(self):
        self._manager = KernelManager()
        self._manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client = self._manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.client.control_channel.send(self.client.session.msg("create_subshell_request"))
        reply = self.client.get_control_msg(timeout=30)
        self._subshell = reply["content"]["subshell_id"]
        self.closed = False
        self._asks = 0

    def run(self, code):
        return self.client.execute_interactive(code, timeout=60, output_hook=lambda _: None)["content"]["status"]

    def open(self):
        self.comm, self.closed = uuid.uuid4().hex, False
        self._send("comm_open", {"comm_id": self.comm, "target_name": TARGET, "data": {}})

    def watch(self, **what):
        self._send("comm_msg", {"comm_id": self.comm, "data": {"kind": "watch", **what}})

    def ask(self, kind, **what):
        """Ask for something and return the answer."""
        self._asks += 1
        self._send("comm_msg", {"comm_id": self.comm, "data": {"kind": kind, "ask": self._asks, **what}})
        return self.wait(lambda message: message.get("ask") == self._asks)

    def wait(self, fits):
        """Wait for a message of the kernel that fits, and return it; those before it are forgotten."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["msg_type"] == "comm_close":
                self.closed = True
                return None
            if message["msg_type"] == "comm_msg" and fits(message["content"]["data"]):
                return message["content"]["data"]

    def _send(self, kind, content):
        message = self.client.session.msg(kind, content)
        message["header"]["subshell_id"] = self._subshell
        self.client.shell_channel.send(message)

    def close(self):
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """One kernel for all these tests, with a store of its own."""
    home = tmp_path_factory.mktemp("panel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTPOOL_STORE", str(home / "pools"))
        patch.setenv("IPYTHONDIR", str(home / "ipython"))
        patch.setenv("PYTHONPATH", str(ROOT))
        page = Page()
        page.home = home
        yield page
        page.close()


@pytest.fixture
def page(kernel):
    """A page whose kernel has the extension."""
    assert kernel.run("%load_ext agentpool_jupyter") == "ok"
    kernel.open()
    return kernel


def test_a_kernel_without_the_extension_closes_the_comm(kernel):
    """By which a page knows that it has to be loaded first; after that it is let in."""
    kernel.run("%unload_ext agentpool_jupyter")
    kernel.open()
    kernel.wait(lambda _: False)
    assert kernel.closed


def test_a_page_is_told_of_pools_as_they_change(page):
    """Once for each change, and nothing of what it does not watch."""
    page.watch(pools=True)
    first = page.wait(lambda message: message["kind"] == "overview")
    assert first["store"] == str(page.home / "pools")
    with open_pool("seen", page.home / "pools") as pool:
        pool.post("hello")
        page.wait(lambda message: message["kind"] == "overview" and [row["events"] for row in message["pools"]] == [1])
        page.watch(documents=["seen"])
        told = page.wait(lambda message: message["kind"] == "document")
        assert "hello" in told["parts"]["0"]
        pool.post("<b>again</b>")
        told = page.wait(lambda message: message["kind"] == "document")
        assert (list(told["parts"]), told["turns"]) == (["1"], 2)  # what it has is not sent again
        assert "&lt;b&gt;again" in told["parts"]["1"]
        pool.rollback(0)
        told = page.wait(lambda message: message["kind"] == "document")
        assert (told["parts"], told["turns"]) == ({}, 1)


def test_a_team_is_stopped_from_the_status_bar_while_its_cell_blocks(page):
    """The cell ends, and the status bar is empty again."""
    with OpenAIServer(rate=20, tokens=2000) as server:
        cell = f"task: Plan.\nbase_url: {server.base_url}\nmodel: test\nmax_tokens: 2000\nagents: {{ann: Talks.}}"
        page.client.execute(f"%%agents --text long\n{cell}")
        page.watch(running=True)
        running = page.wait(lambda message: message["kind"] == "running" and message["runs"])
        (run,) = running["runs"]
        assert (run["pool"], run["state"], run["here"]) == ("long", "running", True)
        told = page.ask("stop", pool="long", run=run["id"])
        assert (told["failed"], told["text"]) == (False, f"stopping run {run['id']} in pool 'long'")
        page.wait(lambda message: message["kind"] == "running" and not message["runs"])


def test_errands_are_run(page):
    """Tag, export, delete; a mistake is told, as everywhere, in a sentence."""
    with open_pool("errands", page.home / "pools") as pool:
        pool.post("hello")
    assert page.ask("tag", pool="errands", name="good")["text"].startswith("tag 'good' is right after offset 0 ")
    file = page.home / "errands.jsonl"
    assert page.ask("export", pool="errands", file=str(file))["text"] == f"wrote 2 records of pool 'errands' to {file}"
    again = page.ask("export", pool="errands", file=str(file))
    assert again["failed"]
    assert page.ask("delete", pool="errands")["text"] == "deleted pool 'errands'"
    gone = page.ask("delete", pool="errands")
    assert gone["failed"]
    assert "no pool 'errands'" in gone["text"]


def test_names_are_those_of_the_notebook(page):
    """Functions that cells define are tools, what they import is not."""
    page.run("def search_stock(item: str) -> str: 'Search.'\nfrom os.path import join\n_hidden = search_stock")
    names = page.ask("names")
    assert names["tools"] == ["search_stock"]
    assert names["models"][0] == "local"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("task: Bread.", 0, ""),
        ("task: Bread.\nagents:\n  ann: {listens: [ben]}", 4, "ann listens to 'ben', which is no agent of this team"),
        ("task: Bread.\nturns: {{later}}", 0, ""),
        ("task: Bread.\ngates: {pay: {ask: you}}", 0, "`gates` has 'pay', which is no tool of any agent"),
        ("Any text.", 0, ""),
        ("", 0, ""),
    ],
)
def test_a_cell_is_read_as_its_run_would(page, text, line, told):
    """Also what no schema can say; variables that are not there yet are no mistake."""
    answer = page.ask("check", text=f"%%agents x\n{text}")
    assert answer["line"] == line
    assert answer["text"].startswith(told)
    assert bool(answer["text"]) == bool(told)


def test_a_picture_is_asked_for_of_a_run_that_this_kernel_never_showed(page, server):
    """As after a restart: the pool has the run; what is no mark, and what is nowhere, is told."""
    with open_pool("pictured", page.home / "pools") as pool:
        run = play(pool, {"ann": "Drafts."}, server)
        said = pool.document().turn("ann#1").text.strip()
    mark = "agentpool-run-0123456789ab"
    now = page.ask("picture", pool="pictured", run=run.id, mark=mark)
    assert (now["kind"], now["ended"]) == ("pictured", True)
    assert said in now["html"]
    assert said in now["text"]
    assert now["html"].startswith(f'<div class="{mark}">')
    assert "is the mark of no picture" in page.ask("picture", pool="pictured", run=run.id, mark='"><script>')["text"]
    assert "has no run 'r'" in page.ask("picture", pool="pictured", run="r", mark=mark)["text"]
    assert page.ask("picture", pool="nowhere", run="r", mark=mark)["failed"]


def test_what_waits_is_approved(page):
    """It is listed with what will be done exactly, and done once a person agrees."""
    with OpenAIServer(rate=500, tokens=10) as server:
        server.fault(Asks((("order", {"item": "flour"}),), after=2))
        server.fault(Says("So it is."))
        agents = "agents: {ann: {role: Orders., tools: [order]}}\ngates: {order: {ask: [you]}}"
        cell = f"task: Plan.\nturns: 1\nbase_url: {server.base_url}\nmodel: test\n{agents}"
        page.run("def order(item: str) -> str:\n    'Order an item.'\n    return 'ordered ' + item")
        page.client.execute(f"%%agents --text asked\n{cell}")
        page.watch(pools=True)
        overview = page.wait(lambda message: message["kind"] == "overview" and message["waiting"])
        (row,) = overview["waiting"]
        assert (row["pool"], row["agents"], row["what"]) == ("asked", ["ann"], ['order(item="flour")'])
        told = page.ask("vote", pool="asked", seen=row["seen"], accept=True, text="Go on.")
        assert told["text"].startswith('agreed to order(item="flour")')
        page.wait(lambda message: message["kind"] == "overview" and not message["waiting"])
        with open_pool("asked", page.home / "pools") as pool:
            until(lambda: [effect.status for effect in pool.effects.values()] == ["done"])
