"""The embedded log."""

import contextlib
import multiprocessing
import shutil
import signal
import sqlite3
import subprocess

import pytest

from agentpool_jupyter.errors import (
    LogClosedError,
    LogCorruptError,
    LogMovedError,
    LogUnavailableError,
    StoreError,
    UserError,
)
from agentpool_jupyter.log import Record, open_store
from agentpool_jupyter.log.sqlite import SqliteStore
from tests.files import sql
from tests.programs import start, tell
from tests.small_disk import on_small_disk

from .conformance import LogConformance


class TestSqliteLog(LogConformance):
    @pytest.fixture
    def store(self, tmp_path):
        return open_store(tmp_path)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "bakery.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LogCorruptError, match="is damaged"):
        open_store(tmp_path).open("bakery")


@pytest.mark.parametrize("made", ["CREATE TABLE theirs (x)", "PRAGMA application_id = 7"], ids=["table", "id"])
def test_another_programs_database_is_left_alone(tmp_path, made):
    """Byte for byte: the journal's mode is kept in the file."""
    path = tmp_path / "bakery.sqlite"
    sql(path, made)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        open_store(tmp_path).open("bakery")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the folder"):
        open_store(tmp_path / "file" / "pools").open("bakery")


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "bakery.sqlite").mkdir()
    with pytest.raises(LogUnavailableError, match="check the disk"):
        open_store(tmp_path).open("bakery")


@pytest.mark.parametrize("again", [False, True], ids=["deleted", "deleted and made anew"])
def test_text_for_a_pool_that_another_process_has_deleted_is_not_lost_in_silence(tmp_path, again):
    """The open file would take it, and nobody could read it ever after."""
    store = open_store(tmp_path)
    with store.open("bakery") as log:
        log.append([b"a"])
        store.delete("bakery")
        if again:
            store.open("bakery").close()
        for act in (lambda: log.append([b"b"]), log.end, lambda: list(log.read())):
            with pytest.raises(LogMovedError, match=r"deleted, or made anew.*open the pool again"):
                act()


def test_a_follower_of_a_pool_that_another_process_has_deleted_is_told(tmp_path):
    """It would wait for ever."""
    store = open_store(tmp_path)
    with store.open("bakery") as log:
        log.append([b"a"])
        follower = log.follow()
        assert [record.value for record in next(follower)] == [b"a"]
        store.delete("bakery")
        with pytest.raises(LogMovedError, match=r"deleted, or made anew.*open the pool again"):
            next(follower)


def test_addresses(tmp_path, monkeypatch):
    assert open_store(f"sqlite://{tmp_path}").url == str(tmp_path)
    monkeypatch.setenv("AGENTPOOL_STORE", str(tmp_path / "env"))
    assert isinstance(open_store(), SqliteStore)
    assert open_store().url == str(tmp_path / "env")
    with pytest.raises(StoreError, match="unknown kind of store 'redis'"):
        open_store("redis://somewhere")


def _append_in_child(log, results):
    try:
        log.append([b"child"])
    except LogClosedError as error:
        results.put(str(error))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forking a threaded process is what this is about
def test_a_forked_child_must_open_its_own(tmp_path):
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    with open_store(tmp_path).open("bakery") as log:
        child = context.Process(target=_append_in_child, args=(log, results))
        child.start()
        child.join()
        assert "open the pool again here" in results.get()
        assert log.end() == 0


# --- what a pool that is no more has left ---------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
from agentpool_jupyter.log import open_store
log = open_store(sys.argv[1]).open("bakery")
for i in range(5):
    log.append([b"dead %d" % i])
os.kill(os.getpid(), signal.SIGKILL)
"""
_DELETER = """
import os, sys
from agentpool_jupyter.log import open_store
left = int(sys.argv[2])

def die(event, arguments):
    global left
    if event == "os.remove":
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(die)
open_store(sys.argv[1]).delete("bakery")
"""
_EIGHT = [Record(offset, 1000 + offset, b"new %d" % offset) for offset in range(8)]


def _leave_a_log_of_a_killed_process(folder):
    with start(_KILLED, folder) as process:
        assert process.wait(60) == -signal.SIGKILL
    assert (folder / "bakery.sqlite-wal").stat().st_size
    return folder / "bakery.sqlite"


def test_copies_are_not_mixed_with_what_a_killed_process_has_left_beside_its_file(tmp_path):
    """Where somebody has removed the file, and that only."""
    _leave_a_log_of_a_killed_process(tmp_path).unlink()
    store = open_store(tmp_path)
    store.restore("bakery", _EIGHT)
    with store.open("bakery") as log:
        assert list(log.read()) == _EIGHT


@pytest.mark.parametrize("removals", range(4))
def test_a_deletion_that_is_killed_never_leaves_records_beside_a_file_that_is_gone(tmp_path, removals):
    """After so many of its removals; it can be done again."""
    path = _leave_a_log_of_a_killed_process(tmp_path)
    with start(_DELETER, tmp_path, removals) as process:
        assert process.wait(60) in {0, 9}
    store = open_store(tmp_path)
    if path.exists():
        store.delete("bakery")
    assert list(tmp_path.iterdir()) == []


def test_a_pool_that_is_made_while_copies_are_stored_is_kept(tmp_path):
    store = open_store(tmp_path)

    def records():
        yield _EIGHT[0]
        with store.open("bakery") as log:
            log.append([b"theirs"])
        yield from _EIGHT[1:]

    with pytest.raises(UserError, match="another process made pool 'bakery' meanwhile: choose another name"):
        store.restore("bakery", records())
    with store.open("bakery") as log:
        assert [record.value for record in log.read()] == [b"theirs"]
    assert [path.name for path in tmp_path.iterdir()] == ["bakery.sqlite"]


def test_copies_are_stored_on_disks_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    store = open_store(tmp_path)
    store.restore("bakery", _EIGHT)
    with store.open("bakery") as log:
        assert list(log.read()) == _EIGHT


_FILLER = """
import os, sys
from agentpool_jupyter.errors import LogUnavailableError
from agentpool_jupyter.log import Record, open_store
store = open_store(sys.argv[1])
try:
    # Once more than half of the disk: the write-ahead log has room for it, the file beside it has none.
    store.restore("bakery", (Record(offset, 1, os.urandom(20_000)) for offset in range(100)))
except LogUnavailableError as error:
    print(error)
print(os.listdir(sys.argv[1]))
store.restore("bakery", [Record(0, 1, b"there is room for this")])
"""


def test_copies_for_which_the_disk_has_no_room_are_not_there(tmp_path):
    """Nor reported as stored, though they found room in the write-ahead log."""
    error, left = on_small_disk(tmp_path, _FILLER)
    assert "check the disk" in error
    assert left == "[]"


# --- rewriting --------------------------------------------------------------------------------------------------

_REWRITER = """
import sys
from agentpool_jupyter.log import open_store
with open_store(sys.argv[1]).open("bakery") as log:
    def changes(read):
        for record in read():
            yield record.offset, b"new"
            if record.offset == int(sys.argv[2]):
                print("half", flush=True)
                sys.stdin.readline()
    log.rewrite(changes)
    print("done", flush=True)
"""


def _kill(process):
    process.kill()
    process.communicate()


def test_a_rewrite_that_is_killed_half_way_has_changed_nothing(tmp_path):
    """Others read the old values meanwhile, and write again afterwards."""
    with open_store(tmp_path).open("bakery") as log:
        log.append([b"old" * 100] * 5000)
        rewriter = start(_REWRITER, tmp_path, 4500)
        assert rewriter.stdout.readline() == "half\n"
        assert {record.value for record in log.read()} == {b"old" * 100}
        _kill(rewriter)
        assert log.append([b"after"]) == [5000]
    with open_store(tmp_path).open("bakery") as log:
        assert {record.value for record in log.read(0, 5000)} == {b"old" * 100}


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.nightly)])
def test_a_rewrite_that_is_killed_at_any_moment_is_there_whole_or_not_at_all(tmp_path, dice, kills):
    """Also while the space is given back; one more rewrite completes it."""
    seen = set()
    for i in range(kills):
        folder = tmp_path / str(i)
        with open_store(folder).open("bakery") as log:
            log.append([b"old" * 1000] * 4000)
        rewriter = start(_REWRITER, folder, 0)
        assert rewriter.stdout.readline() == "half\n"
        tell(rewriter)
        with contextlib.suppress(subprocess.TimeoutExpired):
            rewriter.wait(dice.uniform(0, 0.25))
        _kill(rewriter)
        with open_store(folder).open("bakery") as log:
            values = [record.value for record in log.read()]
            assert len(values) == 4000
            assert len(set(values)) == 1
            seen.add(values[0][:3])
            assert log.append([b"after"]) == [4000]
            log.rewrite(lambda read: [(r.offset, b"new") for r in read() if r.offset < 4000])
            assert {record.value for record in log.read(0, 4000)} == {b"new"}
        assert sql(folder / "bakery.sqlite", "PRAGMA integrity_check") == [("ok",)]
        shutil.rmtree(folder)
    assert seen <= {b"old", b"new"}


def test_a_rewrite_gives_the_space_back_to_the_disk(tmp_path):
    with open_store(tmp_path).open("bakery") as log:
        log.append([b"old" * 1000] * 1000)
        done = log.rewrite(lambda read: [(record.offset, b"new") for record in read()])
        size = sum(path.stat().st_size for path in tmp_path.iterdir() if path.suffix != ".sqlite-shm")
        assert done.before > 3_000_000
        assert done.after == size < 100_000


def test_a_rewrite_while_another_process_reads_for_long_is_done_all_the_same(tmp_path):
    """The reader keeps what it sees; the space comes back later."""
    with open_store(tmp_path).open("bakery") as log:
        log.append([b"old" * 100] * 100)
        with contextlib.closing(sqlite3.connect(tmp_path / "bakery.sqlite", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM records").fetchone() == (100,)
            log._writer.execute("PRAGMA busy_timeout = 100")
            assert log.rewrite(lambda read: [(record.offset, b"new") for record in read()]).records == 100
            assert reader.execute("SELECT DISTINCT value FROM records").fetchall() == [(b"old" * 100,)]
        assert {record.value for record in log.read()} == {b"new"}
