"""Snapshots of real pools: used without being asked for."""

import pytest

from agentpool_jupyter import open_pool, snapshot
from agentpool_jupyter.log import open_store
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool import open_pool as open_raw
from agentpool_jupyter.pool.settled import TurnList
from agentpool_jupyter.snapshots.summary import SCALE
from tests.snapshots.snapshots import SMALL, build, file_of, grow, of_the_log, path_in, view

pytestmark = pytest.mark.usefixtures("temporary")


# Used ------------------------------------------------------------------------------------------------------------


def spoil(log, below, *, but=0):
    """Make the log's own records below an offset say nothing, apart from one that tells which log it is."""
    with open_store(log.parent).open("bakery") as opened:
        opened.rewrite(lambda _: ((offset, b"{}") for offset in range(1, below) if offset != but))


def test_a_pool_answers_from_its_snapshots(store):
    """All that they cover: the log below them could as well say nothing."""
    with open_pool("bakery", snapshot_every=0) as pool:
        grow(pool, 20_000, moves=False)
        assert not isinstance(pool.document(15_000).turns, TurnList)
        done = snapshot(pool, engine="inline")
        assert (done.start, done.end, done.note) == (0, SCALE.full(pool.end), "")
        before, now = pool.document(12 * 1024 - 1), view(pool, [])
    spoil(store / "bakery.sqlite", done.end, but=done.end - 1)
    with open_pool("bakery", snapshot_every=0) as pool:
        assert isinstance(pool.document().turns, TurnList)
        assert view(pool, []) == now
        assert pool.document(Position(before.branch, 12 * 1024 - 1)) == before


@pytest.mark.kafka
def test_a_pool_on_kafka_answers_from_its_snapshots(kafka_store):
    """They are a folder of this machine, which goes with the pool."""
    with open_pool("bakery", kafka_store.url, snapshot_every=0) as pool:
        grow(pool, 1500)
        done = build(pool)
        assert done.end == SMALL.full(pool.end)
        where, said = of_the_log(pool)
        assert view(pool, where) == said
    with open_pool("bakery", kafka_store.url, snapshot_every=0) as pool:
        assert isinstance(pool.document(1000).turns, TurnList)
        assert view(pool, where) == said
        grow(pool, 300, seed=5)
        assert build(pool).start == done.end
        assert view(pool, where)[0][where[-1]] == said[0][where[-1]]
        path = file_of(pool)
        assert path.exists()
    kafka_store.delete("bakery")
    assert not path.exists()
    with open_pool("bakery", kafka_store.url, snapshot_every=0) as pool:
        assert len(pool.document()) == 0


def test_there_is_nothing_to_do_a_second_time(made):
    store, where, said = made
    with open_pool("bakery", store, snapshot_every=0) as pool:
        again = build(pool)
        assert (again.events, again.windows, again.log, again.note) == (0, {}, None, "")
        assert "nothing to do" in repr(again)
        assert view(pool, where) == said


def test_what_is_said_of_the_files_size_is_its_size(made):
    store, *_ = made
    path_in(store).unlink()
    with open_pool("bakery", store, snapshot_every=0) as pool:
        done = build(pool)
    assert done.size == pytest.approx(path_in(store).stat().st_size, rel=0.5)


def test_a_pool_made_again_under_the_same_name_knows_nothing_of_the_old_one(made):
    store, *_ = made
    with open_pool("bakery", store, snapshot_every=0) as pool:
        pool.document()
        pool.store.delete("bakery")
    assert path_in(store) is None
    with open_pool("bakery", store, snapshot_every=0) as pool:
        assert (len(pool.document()), pool.branches) == (0, ["main"])
        grow(pool, 300, moves=False)
        with open_raw("bakery", store) as raw:
            assert view(pool, [200]) == view(raw, [200])


def test_documents_outlive_their_pool(made):
    """Turns that nobody has looked at yet are still there after the pool is closed, and after the file is gone."""
    store, where, (found, *_) = made
    with open_pool("bakery", store, snapshot_every=0) as pool:
        documents = {place: pool.document(place) for place in where}
    path_in(store).unlink()
    for place, document in documents.items():
        assert list(document.attempts) == found[place][1]
