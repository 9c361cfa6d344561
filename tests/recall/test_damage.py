"""An index that is damaged, cut off or made by others is made anew from the log, and says so."""

import json
import os
import sqlite3
import time
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import IndexUnavailableError
from agentpool_jupyter.recall import RecallIndex, similar
from agentpool_jupyter.recall.backends.index_file import stamped
from agentpool_jupyter.recall.backends.sqlite_backend import SqliteBackend
from tests.files import flip_bit, sql
from tests.programs import running

LEASE = "the oven lease comes first because nothing bakes without an oven"
COUNT = 40


@pytest.fixture
def path(pool, store):
    """The file of an index, closed, of a pool with some turns."""
    for number in range(COUNT):
        pool.post(f"{LEASE} says number {number}")
    with RecallIndex(pool.store) as index:
        assert len(similar(pool, LEASE, k=100, index=index)) == COUNT
    return stamped(store / "recall.index")


def rebuilt(pool):
    """Look everything up in a newly opened index and return its notes."""
    with RecallIndex(pool.store) as index:
        matches = similar(pool, LEASE, k=100, index=index)
        assert len(matches) == COUNT
        resembling = similar(pool, LEASE, k=100, question="resembles", index=index)
        assert len(resembling) == COUNT
        return matches.notes + resembling.notes


def test_a_sound_index_is_used_as_it_is(pool, path):
    assert rebuilt(pool) == []


def test_a_file_of_something_else(pool, path):
    path.write_bytes(b"no database at all " * 1000)
    (note,) = rebuilt(pool)
    assert "was damaged" in note
    assert f"{path.name}.old" in note
    assert path.with_name(f"{path.name}.old").read_bytes().startswith(b"no database")
    assert rebuilt(pool) == []


def test_a_file_cut_in_half(pool, path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "rebuilt from the log" in rebuilt(pool)[0]


def test_an_empty_file_is_filled(pool, path):
    path.write_bytes(b"")
    assert rebuilt(pool) == []


@pytest.mark.parametrize(("name", "value"), [("rensa", "0.4.1"), ("minhash", [128, 32, 4, 1]), ("format", 0)])
def test_another_stamp(pool, path, name, value):
    """Settings or versions that are not these: the note says which."""
    stamp = json.loads(sql(path, "SELECT stamp FROM about")[0][0]) | {name: value}
    sql(path, "UPDATE about SET stamp = ?", json.dumps(stamp, sort_keys=True))
    (note,) = rebuilt(pool)
    assert f"made with other settings or versions ({name} {value} and not" in note


@pytest.mark.parametrize("column", ["hashes", "body"])
def test_a_flipped_bit_inside_a_value(pool, path, column):
    """SQLite does not notice it; the checksum does."""
    flip_bit(path, "items", column, "id = 7")
    assert "does not match its checksum" in rebuilt(pool)[0]


@given(where=st.floats(0, 1, exclude_max=True), length=st.sampled_from([1, 4, 64, 4096]))
def test_any_damage_is_found_or_harmless(pool, path, where, length, tmp_path_factory):
    """Whatever bytes are overwritten: no wrong answer, and no error."""
    good = path.read_bytes()
    start = int(where * len(good))
    place = tmp_path_factory.mktemp("damaged") / "recall.index"
    stamped(place).write_bytes(
        good[:start] + bytes(byte ^ 0x5A for byte in good[start : start + length]) + good[start + length :]
    )
    with RecallIndex(pool.store, place) as index:
        matches = similar(pool, LEASE, k=100, index=index)
    assert {match.text for match in matches} == {f"{LEASE} says number {i}" for i in range(COUNT)}


def test_damage_that_shows_while_it_is_open(pool, path):
    """It is made anew in mid-use."""
    with RecallIndex(pool.store) as index:
        similar(pool, LEASE, index=index)
        sql(path, "UPDATE items SET body = x'00'")
        matches = similar(pool, LEASE, k=100, index=index)
        assert len(matches) == COUNT
        assert "rebuilt from the log" in matches.notes[0]


def test_a_deleted_file_is_made_anew(pool, path):
    path.unlink()
    assert rebuilt(pool) == []


def test_another_process_that_made_it_anew_is_not_undone(pool, path):
    """Of two that see the damage, the second takes the file that the first made."""
    with RecallIndex(pool.store) as one, RecallIndex(pool.store) as other:
        one.backend.clear("was damaged (a test)")
        assert len(similar(pool, LEASE, k=100, index=one)) == COUNT
        other.backend.clear("was damaged (a test)")
        assert len(other.backend) == COUNT
        assert len(similar(pool, LEASE, k=100, index=other)) == COUNT


def test_killed_in_the_middle_of_writing(pool, store):
    """What is there afterwards is whole, and the rest is taken in by the next."""
    for number in range(3000):
        pool.post(f"{LEASE} says number {number}")
    program = """
import sys, agentpool_jupyter as ap
from agentpool_jupyter.recall import similar
print("going", flush=True)
similar(ap.open_pool("bakery"), "the oven lease")
"""
    with running(program) as child:
        child.stdout.readline()
        path = stamped(store / "recall.index")
        while child.poll() is None and _items(path) < 500:
            pass
    with RecallIndex(pool.store) as index:
        assert 0 < len(index.backend) <= 3000
        matches = similar(pool, LEASE, k=4000, index=index)
        assert (len(matches), matches.notes, len(index.backend)) == (3000, [], 3000)


def _items(path):
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM items").fetchone()[0]
    except sqlite3.Error:
        return 0


def test_a_place_that_cannot_be_written(pool, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IndexUnavailableError, match="cannot make the folder"):
        RecallIndex(pool.store, tmp_path / "file" / "recall.index")


def test_a_closed_index_says_so(pool, tmp_path):
    backend = SqliteBackend(tmp_path / "recall.index")
    backend.close()
    backend.close()
    with pytest.raises(IndexUnavailableError, match="is closed; open it again"):
        len(backend)


def test_a_pool_with_records_that_are_no_events(store):
    """They are passed over, as everywhere."""
    with open_pool("odd") as pool:
        pool.append_records([b"\x00", b"{}", b'{"type": "thought", "id": "x"}'])
        pool.post(LEASE)
        assert len(similar(pool, LEASE)) == 1


def test_an_index_that_was_moved_away_is_written_to_no_more(pool, path):
    """Neither when something is put, nor when it is asked: what another process made is used instead."""
    with RecallIndex(pool.store) as one, RecallIndex(pool.store) as other:
        assert len(similar(pool, LEASE, k=100, index=other)) == COUNT
        one.backend.clear("was damaged (a test)")
        old = path.with_name(f"{path.name}.old")
        before = old.read_bytes()
        pool.post(f"{LEASE} says the last")
        assert len(similar(pool, LEASE, k=100, index=other)) == COUNT + 1
        assert len(similar(pool, LEASE, k=100, index=one)) == COUNT + 1
        assert len(one.backend) == len(other.backend) == COUNT + 1
        assert other.take_notes() == []
    assert old.read_bytes() == before


def test_an_index_that_is_deleted_while_it_is_open(pool, path):
    """It is made anew, and nothing goes into a file that has no name."""
    with RecallIndex(pool.store) as index:
        similar(pool, LEASE, index=index)
        path.unlink()
        matches = similar(pool, LEASE, k=100, index=index)
        assert (len(matches), path.exists()) == (COUNT, True)
        assert matches.notes == [f"the index {path} is gone: rebuilt from the log"]


def test_files_of_other_versions_are_left_alone_until_nobody_uses_them(pool, path):
    """As is what was set aside; a file that has just the name is never touched."""
    nominal = path.with_suffix("")
    fresh, old = (path.with_suffix(f".{digit * 12}") for digit in "01")
    aside = path.with_name(f"{path.name}.old")
    lookalike = path.with_suffix(".backup")
    long_ago = time.time() - 31 * 86_400
    for one in (fresh, old, aside, nominal, lookalike):
        one.write_bytes(path.read_bytes())
    for one in (old, aside, nominal, lookalike):
        os.utime(one, (long_ago, long_ago))
    assert rebuilt(pool) == []
    assert [one.exists() for one in (fresh, old, aside, nominal, lookalike)] == [True, False, False, False, True]
    nominal.write_text("my own notes")
    os.utime(nominal, (long_ago, long_ago))
    os.utime(path, (long_ago, long_ago))
    assert rebuilt(pool) == []
    assert nominal.exists()
    assert path.stat().st_mtime > long_ago + 86_400
