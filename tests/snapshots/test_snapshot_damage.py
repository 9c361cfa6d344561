"""Snapshots that are damaged, foreign or gone: told, passed over, and mended."""

import os
import random
import shutil

import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import SnapshotWarning
from agentpool_jupyter.pool.settled import TurnList
from agentpool_jupyter.snapshots.summary import Scale
from tests.files import sql
from tests.small_disk import on_small_disk
from tests.snapshots.snapshots import SMALL, build, file_of, grow, of_the_log, path_in, view

pytestmark = pytest.mark.usefixtures("temporary")


# Damaged ---------------------------------------------------------------------------------------------------------


def flip(column, where="1"):
    return lambda path: sql(
        path, f"UPDATE nodes SET {column} = substr({column}, 1, 20) || x'00ff' || substr({column}, 23) WHERE {where}"
    )


def run_sql(query):
    return lambda path: sql(path, query)


def truncated(path):
    os.truncate(path, path.stat().st_size // 2)


def garbled(path):
    """Pages beyond the first ones are overwritten."""
    data = bytearray(path.read_bytes())
    for place in range(4096 * 2, len(data) - 4096, 4096 * 3):
        data[place : place + 40] = b"\xff" * 40
    path.write_bytes(data)


def foreign(path):
    """The snapshots of another pool."""
    path.unlink()
    with open_pool("bakehouse", path.parents[1], snapshot_every=0) as other:
        grow(other, 400, seed=9)
        build(other)
        shutil.copy(file_of(other), path)


def another_database(path):
    path.unlink()
    sql(path, "CREATE TABLE nodes (x)")


DAMAGES = {
    "heads": flip("head"),
    "one head": flip("head", "level = 0 AND window = 3"),
    "bodies": flip("body"),
    "bodies and their checksums": run_sql("UPDATE nodes SET body = x'78', body_check = 1"),
    "nodes deleted": run_sql("DELETE FROM nodes WHERE level = 1"),
    "nodes moved": run_sql("UPDATE nodes SET window = window + 1000"),
    "chronicle": run_sql("UPDATE chronicle SET value = '{}'"),
    "chronicle deleted": run_sql("DELETE FROM chronicle WHERE offset > 300"),
    "chronicle moved": run_sql("UPDATE chronicle SET offset = offset + 100000"),
    "gaps deleted": run_sql("DELETE FROM gaps"),
    "ended deleted": run_sql("DELETE FROM ended"),
    "opened deleted": run_sql("DELETE FROM opened"),
    "table dropped": run_sql("DROP TABLE ended"),
    "another version": run_sql("UPDATE manifest SET value = 99 WHERE key = 'format'"),
    "another end": run_sql("UPDATE manifest SET value = value + 64 WHERE key = 'end'"),
    "another window": run_sql("UPDATE manifest SET value = 65 WHERE key = 'window'"),
    "end is a word": run_sql("UPDATE manifest SET value = 'x' WHERE key = 'end'"),
    "manifest deleted": run_sql("DELETE FROM manifest WHERE key = 'first'"),
    "no manifest": run_sql("DELETE FROM manifest"),
    "truncated": truncated,
    "empty": lambda path: os.truncate(path, 0),
    "pages": garbled,
    "garbage": lambda path: path.write_bytes(random.Random(1).randbytes(50_000)),
    "text": lambda path: path.write_text("once upon a time " * 1000),
    "another database": another_database,
    "another pool's": foreign,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_told_passed_over_and_mended(made, damage):
    """Every answer is the log's, at once and after the snapshots were made anew; nothing is told any more then."""
    store, where, said = made
    damage(path_in(store))
    with open_pool("bakery", store, snapshot_every=0) as pool:
        with pytest.warns(SnapshotWarning, match=r"the log is read instead.*makes it anew"):
            assert view(pool, where) == said
        mended = build(pool)
        assert mended.note
        assert "made anew" in repr(mended)
        assert (mended.start, mended.end) == (0, SMALL.full(pool.end))
        assert view(pool, where) == said
    with open_pool("bakery", store, snapshot_every=0) as pool:
        assert view(pool, where) == said
        assert isinstance(pool.document(1000).turns, TurnList)


def test_an_open_pool_uses_snapshots_again_once_they_are_mended(made):
    store, *_ = made
    sql(path_in(store), "DELETE FROM nodes")
    with open_pool("bakery", store, snapshot_every=0) as pool:
        with pytest.warns(SnapshotWarning):
            pool.document()
        build(pool)
        assert isinstance(pool.document(1000).turns, TurnList)


def test_a_file_that_is_gone_is_as_if_none_had_been_made(made):
    store, where, said = made
    path_in(store).unlink()
    with open_pool("bakery", store, snapshot_every=0) as pool:
        assert view(pool, where) == said
        assert build(pool).start == 0
        assert view(pool, where) == said


def test_another_pools_snapshots_in_a_pool_too_short_for_any(made):
    """There is nothing to put in their place, but they go."""
    store, *_ = made
    with open_pool("short", store, snapshot_every=0) as pool:
        pool.post("so far so good")
        shutil.copytree(path_in(store).parent, pool.store.derived("short"))
        with pytest.warns(SnapshotWarning, match="another log"):
            pool.document()
        assert "another log" in build(pool).note
    with open_pool("short", store, snapshot_every=0) as pool:
        assert pool.document().turns[0].text == "so far so good"


def gone(path):
    path.unlink()


def replaced(path):
    other = path.with_name("other")
    other.write_text("no snapshots")
    other.replace(path)


@pytest.mark.parametrize("damage", [gone, replaced, truncated, garbled, lambda path: os.truncate(path, 0)])
@pytest.mark.filterwarnings("ignore::agentpool_jupyter.errors.SnapshotWarning")
def test_a_pool_whose_file_is_damaged_while_it_is_open_goes_on(made, damage):
    """What it says of new events, and of old ones, is what the log says."""
    store, *_ = made
    with open_pool("bakery", store, snapshot_every=0) as pool:
        held = pool.document()
        damage(path_in(store))
        grow(pool, 200, seed=5)
        where, said = of_the_log(pool)
        assert view(pool, where) == said
        assert [turn.id for turn in held.turns] == [turn.id for turn in made[2][0][None][2]]


def test_a_file_that_is_made_anew_with_other_windows_while_it_is_used(made):
    """As another version would; also documents that are not loaded yet stay true."""
    store, where, said = made
    with open_pool("bakery", store, snapshot_every=0) as pool, open_pool("bakery", store, snapshot_every=0) as other:
        assert view(pool, where) == said
        held = {place: pool.document(place) for place in where}
        assert "windows were of 64" in build(other, scale=Scale(50, 4)).note
        assert view(pool, where) == said
        for place, document in held.items():
            assert list(document.attempts) == said[0][place][1]


_FULL = """
import os, sys
from pathlib import Path
from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.snapshots.schema import Anchor
from agentpool_jupyter.snapshots.folder import current, making
from agentpool_jupyter.snapshots.intake import add_node, adding
from agentpool_jupyter.snapshots.node import Node
from agentpool_jupyter.snapshots.summary import SCALE

folder = Path(sys.argv[1])

def make(size):
    with making(folder, SCALE) as file, adding(file, Anchor(1024, 0, 0)):
        add_node(file, Node(branch="main", level=0, window=0, head=b"", body=os.urandom(size), ended=[], opened=[]))

make(10)
before = current(folder)
try:
    make(1_900_000)
except SnapshotError as error:
    print(error)
print(current(folder) == before, sorted(path.suffix for path in folder.iterdir()))
"""


def test_snapshots_for_which_the_disk_has_no_room_leave_the_old_ones(tmp_path):
    """Though they found room in the write-ahead log; and nothing half done is left."""
    error, left = on_small_disk(tmp_path, _FULL)
    assert "cannot be used" in error or "could not be written" in error
    assert left == "True ['.sqlite']"
