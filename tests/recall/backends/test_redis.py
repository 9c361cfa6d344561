"""An index in Redis: shared, and away at times."""

import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from agentpool_jupyter.errors import IndexUnavailableError, StoreError
from agentpool_jupyter.recall import RecallIndex, similar
from agentpool_jupyter.recall.backends.addresses import shown
from agentpool_jupyter.recall.backends.buckets import Buckets
from agentpool_jupyter.recall.backends.items import Item, pool_source
from agentpool_jupyter.recall.backends.redis_backend import RedisBackend
from agentpool_jupyter.recall.backends.redis_buckets import RedisBuckets
from agentpool_jupyter.recall.text.shingles import shingles
from tests.recall.conftest import found_by_processes
from tests.recall.redis_server import RedisServer

LEASE = "the oven lease comes first because nothing bakes without an oven"


@pytest.fixture
def own_server(tmp_path):
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def test_redis_goes_away_and_comes_back_empty(pool, own_server):
    """One line says so while it is away; afterwards all is read from the log again."""
    pool.post(LEASE)
    with RecallIndex(pool.store, own_server.url) as index:
        assert len(similar(pool, LEASE, index=index)) == 1
        own_server.stop()
        pool.post(f"{LEASE} again")
        with pytest.raises(IndexUnavailableError, match="check that Redis runs there") as caught:
            similar(pool, LEASE, index=index)
        assert caught.value.retriable
        own_server.start()
        assert len(similar(pool, LEASE, index=index)) == 2


def test_redis_is_away_from_the_beginning(pool, own_server):
    own_server.stop()
    with pytest.raises(IndexUnavailableError, match=f"redis://127.0.0.1:{own_server.port}/0 cannot be used"):
        RecallIndex(pool.store, own_server.url)


def test_processes_share_it(pool, redis_url, monkeypatch):
    """What one has taken in, another need not; each finds all."""
    monkeypatch.setenv("AGENTPOOL_INDEX", redis_url)
    for number in range(30):
        pool.post(f"{LEASE} says number {number}")
    assert found_by_processes(2, LEASE) == ["30", "30"]
    with RecallIndex(pool.store) as index:
        assert len(index.backend) == 30
        assert len(similar(pool, LEASE, k=100, index=index)) == 30


def test_an_index_of_other_settings_is_left_alone(redis_url, redis_client):
    """It is made anew beside it, once noted."""
    first = RedisBackend(redis_url, "store")
    redis_client.sadd(f"{first._store}:stamps", "another")
    redis_client.srem(f"{first._store}:stamps", first._space.rpartition(":")[2])
    second = RedisBackend(redis_url, "store")
    assert "made with other settings or versions" in second.notes[0]
    assert RedisBackend(redis_url, "store").notes == []


@pytest.mark.parametrize("harmed", ["items", "marks"])
def test_damage_in_redis(pool, redis_url, redis_client, harmed):
    """A body that cannot be read, or a key of another kind: made anew, and said."""
    pool.post(LEASE)
    with RecallIndex(pool.store, redis_url) as index:
        similar(pool, LEASE, index=index)
        if harmed == "items":
            redis_client.hset(index.backend._key("items"), 1, b"\xff")
        else:
            redis_client.set(index.backend._key("marks"), "no hash")
        matches = similar(pool, LEASE, index=index)
        assert len(matches) == 1
        assert "rebuilt from the log" in matches.notes[0]


def test_a_stamp_that_was_tampered_with(pool, redis_url, redis_client):
    with RecallIndex(pool.store, redis_url) as index:
        pool.post(LEASE)
        similar(pool, LEASE, index=index)
        redis_client.set(index.backend._key("stamp"), "else")
    with RecallIndex(pool.store, redis_url) as index:
        matches = similar(pool, LEASE, index=index)
        assert len(matches) == 1
        assert "rebuilt from the log" in matches.notes[0]


@pytest.mark.parametrize("least", [1, 3, 8, 12])
def test_its_buckets_count_as_those_in_memory_do(redis_server, redis_client, least):
    """Large buckets are not read in full, and nothing is missing."""
    chance = np.random.default_rng(least)
    memory = Buckets()
    there = RedisBuckets(redis_client, {"port": redis_server.port}, "test:")
    for key in range(12):
        texts = chance.choice(3000, chance.integers(1, 2000 if key > 4 else 30), replace=False).astype(np.uint32)
        memory.add(np.full(len(texts), key, dtype=np.uint32), texts)
        there.insert(key, texts.tolist())
    there.flush()
    asked = np.array([*range(12), 99], dtype=np.uint32)
    assert sorted(zip(*there.count(asked, least), strict=True)) == sorted(zip(*memory.count(asked, least), strict=True))
    assert sorted(there.find(asked)) == sorted(memory.find(asked))
    assert [len(found) for found in there.count(asked[:0])] == [0, 0]
    there.close()


@pytest.mark.parametrize("address", ["redis://localhost:port", "redis://h:1/0?socket_timeout=soon"])
def test_an_address_that_is_none(address):
    with pytest.raises(StoreError, match="no address of an index"):
        RedisBackend(address, "store")


def test_a_password_is_never_shown(redis_url, redis_server):
    with pytest.raises(IndexUnavailableError) as caught:
        RedisBackend(f"redis://me:secret@127.0.0.1:{redis_server.port}/0", "store")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("redis://localhost", "redis://localhost"),
        ("redis://me:secret@[::1]:6379/1", "redis://[::1]:6379/1"),
        ("rediss://h:1/0?password=secret&db=2", "rediss://h:1/0"),
        ("unix:///run/r.sock?db=0&password=secret", "unix:///run/r.sock"),
        ("unix://me:secret@/run/r.sock", "unix:///run/r.sock"),
        ("unix://me:sec/ret@/run/r.sock", "unix://…"),
        ("redis://:secret@", "redis://…"),
        ("redis://:a/secret@h/0", "redis://…"),
        ("redis://me:12/secret@h/0", "redis://…"),
        ("redis://me:12#secret@h/0", "redis://…"),
        ("redis://me:12?secret@h/0", "redis://…"),
        ("redis://me:secret", "redis://…"),
        ("redis://h/secret", "redis://…"),
        ("redis://[secret", "redis://…"),
    ],
)
def test_of_an_address_only_the_place_is_shown(address, expected):
    assert shown(address) == expected


@pytest.mark.parametrize("address", ["redis://:a/secret@127.0.0.1/0", "redis://:12/secret@127.0.0.1/0"])
def test_a_password_with_a_slash_is_refused_and_not_shown(address):
    with pytest.raises(StoreError, match="percent-encoded") as caught:
        RedisBackend(address, "store")
    assert "redis://…" in str(caught.value)
    assert "secret" not in "".join(traceback.format_exception(caught.value)).replace(address, "")


def test_questions_while_something_is_put(redis_url):
    """Putting closes and replaces the connection on which questions are asked: they take turns."""
    backend = RedisBackend(redis_url, "store")
    source = pool_source("bakery")
    backend.put(source, b"m", [Item(source=source, key="t0", text=LEASE)])
    query = shingles(LEASE)
    done = threading.Event()

    def put():
        for number in range(1, 150):
            backend.put(source, b"m", [Item(source=source, key=f"t{number}", text=f"{LEASE} says {number}")])
        done.set()

    with ThreadPoolExecutor(4) as threads:
        putting = threads.submit(put)

        def ask():
            while not done.is_set():
                assert len(backend.near(query))
                assert len(backend.sharing(query)[0])

        asking = [threads.submit(ask) for _ in range(3)]
        try:
            putting.result()
        finally:
            done.set()
        for one in asking:
            one.result()
    backend.close()
