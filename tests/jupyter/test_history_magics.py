"""The magics of time travel, in a real IPython shell."""

from pathlib import Path

import psutil
import pytest
from IPython.core.error import UsageError

import agentpool_jupyter as ap
from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.jupyter.magics import jobs
from agentpool_jupyter.jupyter.magics.usage import usage_errors
from agentpool_jupyter.jupyter.session import Session
from agentpool_jupyter.pool.events import TurnFinished, TurnStarted
from tests.files import flip_bit, sql

from .conftest import completed


@pytest.fixture
def told(pool, shell):
    for text in ("One.", "Two.", "Three."):
        pool.post(text)
    shell.run_line_magic("pool", "use bakery")
    return pool


def texts(pool):
    return [turn.text for turn in pool.document().turns]


def test_rollback_and_undo(told, shell):
    """A rollback shows what left, and undo brings it back."""
    moved = shell.run_line_magic("rollback", "you#1")
    assert texts(told) == ["One."]
    assert moved.diff.counts["removed"] == 2
    assert "%rollback --undo takes it back" in repr(moved)
    moved = shell.run_line_magic("rollback", "--undo")
    assert texts(told) == ["One.", "Two.", "Three."]
    assert moved.diff.counts["added"] == 2


def test_a_dry_run_changes_nothing(told, shell):
    end = told.end
    moved = shell.run_line_magic("rollback", "-2 --dry-run")
    assert "nothing was changed" in repr(moved)
    assert moved.diff.counts["removed"] == 2
    assert told.end == end


def test_a_dry_run_of_undo_changes_nothing(told, shell):
    shell.run_line_magic("rollback", "you#1")
    end = told.end
    moved = shell.run_line_magic("rollback", "--undo --dry-run")
    assert "nothing was changed; the head would be on branch 'main' again" in repr(moved)
    assert moved.diff.counts["added"] == 2
    assert (told.end, told.branch) == (end, "main-2")


def test_an_empty_pool_is_an_answer_and_not_an_error(shell):
    """What there is nothing of is said in a few words."""
    shell.run_line_magic("pool", "use empty")
    assert repr(shell.run_line_magic("pool", "log")) == "the pool is empty"
    assert repr(shell.run_line_magic("diff", "main")) == "main → now: both are empty"
    assert "has nothing to fold: only whole stretches of 1,024" in repr(shell.run_line_magic("pool", "compact"))
    for line, says in (("0", "has no offset 0: it is empty"), ("-1", "this line has no finished turn")):
        with pytest.raises(UsageError, match=says):
            shell.run_line_magic("rollback", line)


def test_effects_outside_the_pool_are_listed(told, shell):
    """A function that ran after the position is told, because it cannot be undone."""
    header = told.header("main", agent="checker")
    told.append(
        [
            TurnStarted(**header, turn="t", model="python:order_flour"),
            TurnFinished(**told.header("main", agent="checker"), turn="t", deltas=0),
        ]
    )
    moved = shell.run_line_magic("rollback", "you#3")
    assert [str(effect) for effect in moved.effects] == ["order_flour() was called (checker, offset 3)"]
    assert "not undone" in moved._repr_html_()
    assert shell.run_line_magic("rollback", "you#2").effects == []


def test_branches_are_made_listed_and_switched_to(told, shell):
    assert "made branch 'idea'" in repr(shell.run_line_magic("branch", "idea you#2"))
    assert texts(told) == ["One.", "Two.", "Three."]
    shell.run_line_magic("branch", "--switch idea")
    assert texts(told) == ["One.", "Two."]
    assert [row[:3] for row in shell.run_line_magic("branch", "").rows] == [
        ["", "main", ""],
        ["→", "idea", "main after 1"],
    ]


def test_tags_are_positions(told, shell):
    shell.run_line_magic("pool", "tag good --at you#2")
    told.post("Four.")
    assert shell.run_line_magic("diff", "good").counts["added"] == 2


def test_the_log_is_a_graph(told, shell):
    shell.run_line_magic("rollback", "you#2")
    assert "HEAD → main-2" in repr(shell.run_line_magic("pool", "log"))


def test_a_pool_travels_as_a_file(told, shell, tmp_path):
    shell.run_line_magic("pool", f"export {tmp_path / 'x.gz'}")
    made = repr(shell.run_line_magic("pool", f"import {tmp_path / 'x.gz'} copy"))
    assert made == "made pool 'copy' of 3 records; `%pool use copy` goes on with it"
    assert shell.run_line_magic("pool", "").pool == told.name  # the current one is as before
    with ap.open_pool("copy") as copy:
        assert texts(copy) == texts(told)


def test_an_export_is_not_written_over_a_file_unasked(told, shell, tmp_path):
    file = tmp_path / "x.gz"
    file.write_text("mine")
    with pytest.raises(UsageError, match=r"there is a file .* already: choose another name, or .*--overwrite"):
        shell.run_line_magic("pool", f"export {file}")
    assert file.read_text() == "mine"
    assert "wrote 3 records" in repr(shell.run_line_magic("pool", f"export {file} --overwrite"))


# Snapshots -----------------------------------------------------------------------------------------------------


def open_files(store):
    """The files of a store that this process has open."""
    return {file.path for file in psutil.Process().open_files() if file.path.startswith(str(store))}


@pytest.fixture
def others(told, store):
    """Five more pools beside the current one: a damaged one, a database of another program, three that are sound."""
    for name in ("attic", "barn", "cellar", "dairy"):
        with ap.open_pool(name, snapshot_every=0) as pool:
            for i in range(1100):
                pool.post(f"message {i} of {name}, which goes on for a while.")
                if name != "barn" and i == 40:
                    break
    flip_bit(store / "barn.sqlite", "packs", "data", "first = 0")
    sql(store / "errands.sqlite", "CREATE TABLE errands (what)")
    return ["attic", "bakery", "cellar", "dairy"]


def test_a_job_over_all_pools_tells_the_bad_ones_and_leaves_none_open(others, shell, store):
    """Those that were open before stay open."""
    before = open_files(store)
    built = shell.run_line_magic("snapshot", "--all --engine inline")
    assert [one.pool for one in built] == [*others, "errands", "barn"]
    *_, errands, barn = repr(built).splitlines()
    assert "pool 'errands' was passed over: " in errands
    assert "is a database of another program" in errands
    assert "pool 'barn' was passed over: " in barn
    assert "is damaged" in barn
    assert open_files(store) == before


def test_of_many_pools_some_are_open_at_a_time(told, shell, store, monkeypatch):
    """However many there are; each time a job takes care of those."""
    for number in range(7):
        with ap.open_pool(f"pool{number}", snapshot_every=0) as pool:
            pool.post("A message.")
    monkeypatch.setattr(jobs, "_TOGETHER", 2)
    opened = []
    for pools, passed_over in jobs.all_pools(Session(shell), str(store)):
        opened.append(([pool.name for pool in pools], len({Path(path).stem for path in open_files(store)})))
        assert passed_over == []
    names = ["bakery", *(f"pool{number}" for number in range(7))]
    assert [name for group, _ in opened for name in group] == names
    assert max(count for _, count in opened) <= 1 + 2
    assert [one.pool for one in shell.run_line_magic("snapshot", "--all --engine inline")] == names


def test_the_state_of_all_pools_tells_the_bad_ones(others, shell, store):
    with (store / "barn.sqlite").open("r+b") as file:
        file.seek(2 * 4096)  # where the table of records begins
        file.write(b"\xff" * 4096)
    before = open_files(store)
    rows = {row[0]: row[-1] for row in shell.run_line_magic("snapshot", "--all --status").rows}
    assert list(rows) == sorted([*others, "barn", "errands"])
    assert [rows[name] for name in others] == ["none yet"] * 4
    assert rows["barn"].startswith("cannot be opened: ")
    assert rows["errands"].startswith("cannot be opened: ")
    assert open_files(store) == before


def test_a_disk_without_room_is_told_in_one_line(told, shell):
    """Here no file may grow beyond some size, which a writer hears of in the same way."""
    resource = pytest.importorskip("resource")
    for i in range(1100):
        told.post(f"message {i}")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(UsageError, match=r"^File too large$"):
            shell.run_line_magic("snapshot", "--engine inline")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "1,024" in repr(shell.run_line_magic("snapshot", "--engine inline"))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (SnapshotError("the file is damaged"), "^the file is damaged$"),
        (PermissionError(13, "Permission denied", "/there"), "^Permission denied: /there$"),
        (OSError("no room"), "^no room$"),
    ],
)
def test_what_the_world_did_wrong_is_told_in_one_line(error, says):
    with pytest.raises(UsageError, match=says), usage_errors():
        raise error


@pytest.mark.parametrize(
    ("magic", "line", "says"),
    [
        ("rollback", "", "needs a position"),
        ("rollback", "you#9", "nearest: you#"),
        ("rollback", "-9", "cannot go 9 turns back: this line has 3 finished turns"),
        ("rollback", "99", "the last offset is 2"),
        ("rollback", "--undo", "nothing to undo"),
        ("rollback", "--undo 3", "takes no position"),
        ("rollback", "--undo --dry-run", "nothing to undo"),
        ("pool", "log -n 0", "at least one line"),
        ("pool", "nowhere", "no pool 'nowhere' .*`%pool use nowhere` makes it"),
        ("diff", "1 --pool nowhere", "`%pool use nowhere` makes it"),
        ("branch", "12", "cannot name a branch"),
        ("branch", "main", "is taken"),
        ("branch", "--switch nowhere", "no branch 'nowhere'"),
        ("branch", "a b c", "unrecognized arguments"),
        ("diff", "", "required: a"),
        ("pool", "tag", "needs a name"),
        ("pool", "export", "needs a file"),
        ("pool", "import", "takes a file"),
        ("pool", "import nowhere.gz", "there is no file"),
    ],
)
def test_mistakes_are_told_in_one_line(told, shell, magic, line, says):
    with pytest.raises(UsageError, match=says) as error:
        shell.run_line_magic(magic, line)
    assert "\n" not in str(error.value)


def test_positions_are_completed(told, shell):
    told.fork("idea")
    assert {"you#1", "you#3", "main", "idea"} <= completed(shell, "%rollback ")
