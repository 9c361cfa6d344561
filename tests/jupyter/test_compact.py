"""``%pool compact``, and notebooks whose pool another process compacts, on SQLite and on Kafka."""

import pytest
from IPython.core.error import UsageError

import agentpool_jupyter as ap
from agentpool_jupyter.errors import LogMovedError
from agentpool_jupyter.history import compact
from agentpool_jupyter.jupyter.live.feed import Feed
from agentpool_jupyter.pool.events import Claim, Delta, Folded, RunFinished, RunStarted
from agentpool_jupyter.pool.runs import this_owner
from agentpool_jupyter.snapshots.summary import SCALE
from tests.history.test_compact import talk
from tests.openai_server import OpenAIServer
from tests.programs import output
from tests.teams import of_type, until

from .conftest import completed
from .test_feed import Screen, no_threads_of_feeds

_COMPACT = """
import sys
from agentpool_jupyter import open_pool
from agentpool_jupyter.history import compact

with open_pool("bakery", sys.argv[1], create=False) as pool:
    print(compact(pool, archive=False, delete_old="delete" in sys.argv).records)
"""
_OPENED = "pool 'bakery' was compacted or made anew meanwhile: opened it again\n"


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def place(request, monkeypatch):
    """The address of a store, which is the default one."""
    url = request.getfixturevalue("store" if request.param == "sqlite" else "kafka_url")
    monkeypatch.setenv("AGENTPOOL_STORE", str(url))
    return str(url)


@pytest.fixture
def told(place):
    """A pool with a long history."""
    with ap.open_pool("bakery", place) as pool:
        talk(pool)
        yield pool


def compact_elsewhere(place, *options):
    """Compact the pool in another process."""
    assert int(output(_COMPACT, place, *options)) > 0


def moves(place):
    """Whether a compaction there makes a new place, so that others must open the pool again."""
    return place.startswith("kafka")


# --- another process compacts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("delete",)], ids=["kept", "deleted"])
def test_a_notebook_goes_on_after_another_process_has_compacted_its_pool(told, shell, place, capsys, options):
    """It reads and writes as before; where it had to open the pool again, one line says so, once."""
    shell.run_line_magic("pool", "use bakery")
    before = shell.run_line_magic("pool", "").text
    capsys.readouterr()
    compact_elsewhere(place, *options)
    assert shell.run_line_magic("pool", "").text == before
    assert capsys.readouterr().out == (_OPENED if moves(place) else "")
    shell.run_line_magic("pool", "tag later")
    shell.run_line_magic("rollback", "ann#3")
    assert "later" in repr(shell.run_line_magic("pool", "log"))
    assert "opened it again" not in capsys.readouterr().out
    with ap.open_pool("bakery") as pool:
        assert "later" in pool.lineage.tags


def test_a_notebook_goes_on_after_another_pool_of_its_own_kernel_was_compacted(told, shell, place, capsys):
    """As when somebody opens the pool in Python and compacts it there."""
    shell.run_line_magic("pool", "use bakery")
    before = shell.run_line_magic("pool", "").text
    capsys.readouterr()
    assert compact(told, archive=False).records
    assert shell.run_line_magic("pool", "").text == before
    assert capsys.readouterr().out == (_OPENED if moves(place) else "")
    told.post("It goes on.")
    assert "It goes on." in shell.run_line_magic("pool", "").text


def test_it_can_be_compacted_twice(told, shell, place, capsys):
    """Every time anew."""
    shell.run_line_magic("pool", "use bakery")
    for _ in range(2):
        compact_elsewhere(place)
        with ap.open_pool("bakery") as pool:
            talk(pool, branch="more")
        capsys.readouterr()
        shell.run_line_magic("pool", "")
        assert capsys.readouterr().out == (_OPENED if moves(place) else "")


def test_runs_that_are_shown_take_the_pool_that_was_opened_again(told, shell, place, capsys):
    """``%agents status``, the run's variable and the next cell go on."""
    with OpenAIServer(tokens=5) as server:
        cell = f"task: Talk.\nturns: 1\nmodel: test\nbase_url: {server.base_url}\nagents: {{ann: Talks.}}"
        shell.run_cell_magic("agents", "bakery -o run --text", cell)
        run = shell.user_ns["run"]
        compact_elsewhere(place)
        assert shell.run_line_magic("agents", "status").rows[0][4] == "1"
        assert run.report().total.turns == 1
        run.pool.post("It goes on.")
        shell.run_cell_magic("agents", "bakery -o other --text", cell)
        assert shell.user_ns["other"].pool is run.pool
    assert capsys.readouterr().out.count(_OPENED) == moves(place)
    assert "It goes on." in shell.user_ns["other"].document().text


def test_completion_says_nothing_of_it(told, shell, place, capsys):
    """Typing is never disturbed."""
    shell.run_line_magic("pool", "use bakery")
    compact_elsewhere(place)
    capsys.readouterr()
    assert "ann#40" in completed(shell, "%rollback ")
    assert capsys.readouterr().out == ""


def test_what_follows_a_pool_ends_with_a_clear_word(told, place):
    """A run that never ended is shown: the screen says what happened and what to do. On SQLite it simply goes on."""
    told.append([RunStarted(id="open", run="r2", spec={"task": "x", "agents": [{"name": "ann", "role": "x"}]})])
    screen = Screen()
    feed, follower = Feed(told, "r2", screen), told.follow(told.end)
    compact_elsewhere(place)
    if moves(place):
        assert feed.ended.wait(30)
        assert screen.kept.run.status == "lost"
        assert screen.kept.run.reason == "its pool was compacted or deleted: `%agents attach bakery` shows it again"
        with pytest.raises(LogMovedError, match="open it again"):
            list(follower)
    else:
        told.append([RunFinished(id="end", run="r2", reason="turns")])
        assert next(follower).reason == "turns"
        assert feed.ended.wait(30)
        assert screen.kept.run.status == "finished"
    until(no_threads_of_feeds)


# --- the magic ------------------------------------------------------------------------------------------------------


def test_compact_says_what_it_saved_and_where_the_pool_is_as_it_was(told, shell, place, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    shell.run_line_magic("pool", "use bakery")
    before = shell.run_line_magic("pool", "").text
    done = shell.run_line_magic("pool", "compact")
    assert done.saved > done.before / 4  # of what may be compressed already
    assert "less), " in repr(done)
    assert f"as it was: {done.archive}" in repr(done)
    assert shell.run_line_magic("pool", "").text == before
    assert shell.run_line_magic("pool", f"import {done.archive} copy")
    assert shell.run_line_magic("pool", "copy").text == before
    assert "nothing to fold" in repr(shell.run_line_magic("pool", "compact bakery"))


def test_compact_without_an_archive_writes_none(told, shell, place, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    done = shell.run_line_magic("pool", "compact bakery --no-archive")
    assert (done.archive, done.records > 0) == (None, True)
    assert "as it was" not in repr(done)
    assert not list(tmp_path.rglob("*.jsonl.gz"))


def test_compact_stops_at_a_position(told, shell):
    """What came after it keeps every delta."""
    end = told.document().turn("ann#20").end
    done = shell.run_line_magic("pool", "compact bakery --at ann#20 --no-archive")
    assert done.limit == SCALE.full(end + 1)
    with ap.open_pool("bakery") as pool:
        assert max(event.offset for event in of_type(pool, Delta) if event.folded) < done.limit


def test_compact_is_refused_while_a_team_runs(told, shell):
    header = {"run": "r2", "branch": "main"}
    told.append([RunStarted(id="s", spec={}, **header)])
    told.append([Claim(id="c", owner=this_owner(), epoch=1, lease=60.0, **header)])
    end = told.end
    with pytest.raises(
        UsageError, match=r"run r2 is live in pool 'bakery' \(process \d+ on .*\): stop it first"
    ) as error:
        shell.run_line_magic("pool", "compact bakery")
    assert "\n" not in str(error.value)
    assert told.end == end
    assert not of_type(told, Folded)


def test_a_team_of_this_notebook_is_refused_and_then_compacted(told, shell, place, capsys):
    """What runs is named; after ``%agents stop`` it works, and what was shown can still be asked for."""
    with OpenAIServer(rate=20, tokens=1000) as server:
        cell = f"task: Talk.\nmodel: test\nmax_tokens: 900\nbase_url: {server.base_url}\nagents: {{ann: Talks.}}"
        shell.run_cell_magic("agents", "bakery --bg --text -o run", cell)
        until(lambda: shell.user_ns["run"].document().turns[-1].status == "running")
        with pytest.raises(UsageError, match="stop it first, with `%agents stop bakery`"):
            shell.run_line_magic("pool", "compact --no-archive")
        shell.run_line_magic("agents", "stop")
        done = shell.run_line_magic("pool", "compact --no-archive")
        assert (done.records > 0, done.moved) == (True, moves(place))
        assert shell.user_ns["run"].report().total.turns == 0
        shell.user_ns["run"].pool.post("It goes on.")
        assert "It goes on." in shell.run_line_magic("pool", "").text
    assert "opened it again" not in capsys.readouterr().out


@pytest.mark.kafka
@pytest.mark.parametrize("place", ["kafka"], indirect=True)
def test_the_old_topic_is_kept_and_named_or_deleted(told, shell, place):
    """With ``--delete-old`` nothing is kept, of this compaction and of those before it."""
    done = shell.run_line_magic("pool", "compact bakery --no-archive")
    assert "also kept: topic" in repr(done)
    with ap.open_pool("bakery") as pool:
        talk(pool, branch="more")
    done = shell.run_line_magic("pool", "compact bakery --no-archive --delete-old")
    assert (done.records > 0, done.kept) == (True, "")
    assert "also kept" not in repr(done)
