"""A pool's file that is copied, put back, changed by others, or cannot be written."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

from agentpool_jupyter.errors import LogCorruptError, LogMovedError, StoreError, StoreWarning
from agentpool_jupyter.log import FILLER, open_store
from tests.files import sql
from tests.programs import start
from tests.small_disk import on_small_disk


def values(log):
    return [record.value for record in log.read()]


KILLED = """
import os, signal, shutil, sys
from agentpool_jupyter.log import open_store
folder, first, more = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open_store(folder).open("bakery") as log:
    for i in range(first):
        log.append([b"first %d" % i + b" " * 300])
shutil.copy(folder + "/bakery.sqlite", folder + "/backup")
log = open_store(folder).open("bakery")
for i in range(more):
    log.append([b"more %d" % i + b" " * 300])
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder, first, more):
    """Make a pool, a copy of its file, then more records; leave what a process leaves that is killed."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(first), str(more)], check=False)
    assert done.returncode == -signal.SIGKILL
    return folder / "bakery.sqlite"


def test_many_processes_make_the_same_pool_at_the_same_moment(tmp_path):
    """None of them is told that the file is locked."""
    for number in range(4):
        gate, go = os.pipe()
        answers, answer = os.pipe()
        children = []
        for i in range(8):
            if not (pid := os.fork()):
                os.close(go)
                os.read(gate, 1)  # until the parent lets go
                try:
                    with open_store(tmp_path).open(f"new{number}") as log:
                        log.append([b"%d" % i])
                except BaseException as error:  # noqa: BLE001 - told to the parent
                    os.write(answer, repr(error).encode())
                os._exit(0)
            children.append(pid)
        for end in (answer, go, gate):
            os.close(end)
        for pid in children:
            os.waitpid(pid, 0)
        with os.fdopen(answers) as said:
            assert said.read() == ""
        with open_store(tmp_path).open(f"new{number}") as log:
            assert sorted(values(log)) == sorted(b"%d" % i for i in range(8))


def test_a_copy_without_what_belongs_to_it_is_told(tmp_path):
    """And one that was made when nobody had the pool open is whole."""
    here, there = open_store(tmp_path / "here"), open_store(tmp_path / "there")
    (tmp_path / "there").mkdir()
    with here.open("bakery") as log:
        for i in range(20):
            log.append([b"%d" % i])
        shutil.copy(here.path("bakery"), there.path("bakery"))
        with pytest.warns(StoreWarning, match=r"copied or moved while it was in use, without bakery\.sqlite-wal"):
            copy = there.open("bakery")
        assert 1 <= copy.end() < 20
        copy.close()
        there.open("bakery").close()  # told once
    shutil.copy(here.path("bakery"), there.path("bakery"))
    with there.open("bakery") as copy:
        assert copy.end() == 20


@pytest.mark.parametrize("records", [5, 3_000])
@pytest.mark.parametrize("of", ["itself", "another pool", "one that is open"])
def test_a_copy_that_is_written_over_an_open_file_is_noticed(tmp_path, records, of):
    """The file's place on the disk stays the same, and SQLite mixes what it knows with what it reads."""
    store = open_store(tmp_path)
    source = "bakery" if of == "itself" else "other"
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(store.open(source))
        other.append([b"old %d" % i for i in range(records)])
        if of != "one that is open":
            other.close()
        shutil.copy(store.path(source), tmp_path / "copy")
        log = stack.enter_context(store.open("bakery"))
        log.append([b"new %d" % i for i in range(records)])
        follower = log.follow(log.end())
        if of != "itself":  # what is open began its session a moment later, maybe with the same number
            sql(tmp_path / "copy", f"PRAGMA user_version = {sql(tmp_path / 'copy', 'PRAGMA user_version')[0][0] ^ 1}")
        subprocess.run(["cp", tmp_path / "copy", store.path("bakery")], check=True)
        for act in (lambda: log.append([b"more"]), log.end, lambda: list(log.read()), lambda: next(follower)):
            with pytest.raises(LogMovedError, match="was written over while it was open"):
                act()


COMER = """
import sys
from agentpool_jupyter.log import open_store
for i in range(40):
    with open_store(sys.argv[1]).open("bakery") as log:
        log.append([b"%d" % i] * 70)
        log.end()
"""


def test_what_is_worked_in_in_part_is_not_taken_for_a_copy(tmp_path):
    """While somebody reads, a file can say that it is longer than it is: with what lies beside it, it is whole."""
    with open_store(tmp_path).open("bakery") as log:
        log.append([b"w"])
        log.append([b"x" * 3000 for _ in range(50)])
        with contextlib.closing(sqlite3.connect(log.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT max(offset) FROM records").fetchall()
            log.append([b"y"])  # the file's last page, which the reader must not see
            sql(log.path, "PRAGMA wal_checkpoint(PASSIVE)")
            with (
                pytest.raises(sqlite3.DatabaseError, match="malformed"),
                contextlib.closing(sqlite3.connect(f"{log.path.as_uri()}?mode=ro&immutable=1", uri=True)) as alone,
            ):
                alone.execute("PRAGMA user_version")
            assert log.append([b"z"]) == [52]
            with open_store(tmp_path).open("bakery") as other:
                assert values(other)[-2:] == [b"y", b"z"]


def test_processes_that_come_and_go_are_not_taken_for_a_copy(tmp_path):
    """Each session is noted in the file, which is packed and worked in meanwhile."""
    with open_store(tmp_path).open("bakery") as log, contextlib.ExitStack() as stack:
        children = [stack.enter_context(start(COMER, tmp_path)) for _ in range(3)]
        count = 0
        while any(child.poll() is None for child in children):
            log.append([b"mine"])
            count += 1
            assert [record.offset for record in log.read(0, count)] == list(range(count))
        assert [child.returncode for child in children] == [0] * 3
        assert log.end() == count + 3 * 40 * 70


UNCLOSED = """
import sys
from agentpool_jupyter.log import open_store
log = open_store(sys.argv[1]).open("x")
log.append([b"a"])
"""


def test_a_process_that_ends_without_closing_leaves_one_whole_file(tmp_path):
    subprocess.run([sys.executable, "-c", UNCLOSED, str(tmp_path)], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x.sqlite"]
    with open_store(tmp_path).open("x") as log:
        assert values(log) == [b"a"]


def test_what_a_killed_process_has_left_is_taken_up_without_a_word(tmp_path):
    path = killed(tmp_path, 5, 5)
    assert path.with_name("bakery.sqlite-wal").exists()
    with open_store(tmp_path).open("bakery") as log:
        assert log.end() == 10


@pytest.mark.parametrize(("first", "more"), [(600, 900), (20, 2_000)])
def test_a_file_that_is_put_back_beside_what_another_has_left_is_told(tmp_path, first, more):
    """Nothing is written into it: without what lies there it is whole."""
    path = killed(tmp_path, first, more)
    (tmp_path / "backup").replace(path)
    for _ in range(2):
        with pytest.raises(LogCorruptError, match=r"does not belong to bakery\.sqlite-wal.*: move that away"):
            open_store(tmp_path).open("bakery")
    path.with_name("bakery.sqlite-wal").unlink()
    with open_store(tmp_path).open("bakery") as log:
        assert log.end() == first


def test_a_file_that_is_put_back_before_what_continues_it_is_told(tmp_path):
    """What lies beside it is all that came later: nothing is lost, and maybe somebody wanted that."""
    path = killed(tmp_path, 20, 5)
    (tmp_path / "backup").replace(path)
    with (
        pytest.warns(StoreWarning, match="if you have put that back from a copy"),
        contextlib.closing(open_store(tmp_path).open("bakery")) as log,
    ):
        assert log.end() == 25


def test_a_file_that_is_put_back_while_the_old_one_is_open_is_told(tmp_path):
    """What lies beside it may not even say that it was in use."""
    store = open_store(tmp_path)
    with store.open("backup") as backup:
        backup.append([b"old %d" % i for i in range(5)])
    with store.open("bakery") as log:
        for i in range(20):
            log.append([b"new %d" % i])
        store.path("backup").replace(store.path("bakery"))
        with pytest.warns(StoreWarning, match="if you have put that back from a copy"):
            store.open("bakery").close()


def change(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


@pytest.fixture
def file(tmp_path):
    with open_store(tmp_path).open("bakery") as log:
        log.append([b"%d" % i for i in range(10)])
    return tmp_path / "bakery.sqlite"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("CREATE TRIGGER spy AFTER INSERT ON records BEGIN DELETE FROM records; END", "it has trigger spy"),
        ("CREATE VIEW looks AS SELECT 1", "it has view looks"),
        ("CREATE TABLE more (x)", "another program"),
    ],
)
def test_what_acts_by_itself_in_a_file_is_refused(file, statement, told):
    change(file, statement)
    with pytest.raises(StoreError, match=told):
        open_store(file.parent).open("bakery")


def test_what_others_took_out_is_a_place_that_says_nothing(file):
    """So that offsets stay dense for all that stands above."""
    change(file, "DELETE FROM records WHERE offset IN (0, 4, 5)")
    with open_store(file.parent).open("bakery") as log:
        assert [record.offset for record in log.read()] == list(range(10))
        assert [record.offset for record in log.read() if record.value == FILLER] == [0, 4, 5]
        assert values(log)[6] == b"6"
        assert [record.offset for record in log.read(4, 6)] == [4, 5]
        assert [record.offset for record in next(log.follow(4))] == list(range(4, 10))
        assert log.append([b"next"]) == [10]


def test_other_types_than_ours_are_read_as_ours(file):
    change(
        file,
        "UPDATE records SET value = 'text', time = 'soon' WHERE offset = 3",
        "UPDATE records SET value = 7 WHERE offset = 4",
    )
    with open_store(file.parent).open("bakery") as log:
        assert [(r.time, r.value) for r in log.read(3, 4)] == [(0, b"text")]
        assert values(log)[4] == b"7"


def test_an_offset_beyond_all_bounds_is_refused(file):
    change(file, "UPDATE records SET offset = 1000000000000 WHERE offset = 9")
    with pytest.raises(LogCorruptError, match="it has an offset 1000000000000"):
        open_store(file.parent).open("bakery")


READ_ONLY = """
import os, shutil, subprocess, sys, tempfile
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()
import agentpool_jupyter as ap
from agentpool_jupyter.errors import LogError
folder = sys.argv[1]
with ap.open_pool("closed", folder, snapshot_every=0) as pool:
    pool.log.append([b'{"type":"message","id":"%d","text":"read me, whoever may"}' % i for i in range(1_100)])
    ap.snapshot(pool, engine="inline")
pid = os.fork()
if not pid:
    pool = ap.open_pool("killed", folder, snapshot_every=0)
    pool.post("the last words")
    os._exit(0)
os.waitpid(pid, 0)
os.unlink(folder + "/killed.sqlite-shm")
subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
with ap.open_pool("closed", folder) as pool:
    print(len(pool.document().turns), len(pool.document(at=1_050).turns), ap.list_pools(folder))
    print(len(ap.similar(pool, "read me, whoever may be there")))
    try:
        pool.post("no")
    except LogError as error:
        print(error)
with ap.open_pool("killed", folder) as pool:
    print(pool.document().turns[0].text)
"""


def test_a_disk_that_can_only_be_read_is_read(tmp_path):
    said = on_small_disk(tmp_path, READ_ONLY, size="30m")
    assert said[:2] == ["1100 1051 ['closed', 'killed']", "5"]
    assert "closed.sqlite can only be read" in said[2]
    assert said[3] == "the last words"
