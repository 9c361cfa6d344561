"""The index that a job makes is the one that following the log makes, row for row, on every engine."""

import threading

import msgspec
import numpy as np
import pytest

from agentpool_jupyter import open_pool, similar
from agentpool_jupyter.errors import EngineError, IndexUnavailableError, JobCancelledError, JobError, UserError
from agentpool_jupyter.pool.events import Delta, TurnFailed, TurnFinished, TurnStarted
from agentpool_jupyter.recall import RecallIndex
from agentpool_jupyter.recall.backends.index_file import stamped
from agentpool_jupyter.recall.backends.items import pool_source
from agentpool_jupyter.recall.bulk.build import index_pools
from agentpool_jupyter.recall.text.passages import passages
from agentpool_jupyter.recall.text.shingles import shingles
from agentpool_jupyter.recall.turns import Mark
from tests.benchmarks import corpus
from tests.files import flip_bit, hidden, sql

pytestmark = [pytest.mark.timeout(500), pytest.mark.usefixtures("temporary")]
NAMES = ("bakery", "bakehouse")


@pytest.fixture(scope="module")
def texts():
    """Real text, some of it longer than a passage."""
    found = corpus.texts(400)
    return [*found, "\n\n".join(found[:5]), "one", "!?", "昼のパンと夜のパン"]


def talk(pool, texts, first=0, *, leave=()):
    """Let four agents say texts at the same time, with all that may happen to a turn; returns what is left open."""
    open_turns = []
    for start in range(0, len(texts), 4):
        events = []
        for number, text in enumerate(texts[start : start + 4], first + start):
            header = {"branch": pool.branch, "run": "r1", "agent": f"agent{number % 4}", "turn": f"t{number}"}
            pieces = [text[i : i + 300] for i in range(0, len(text), 300)]
            said = [TurnStarted(id=pool.new_id(), model="m", **header)]
            said += [Delta(id=pool.new_id(), seq=i, text=piece, **header) for i, piece in enumerate(pieces)]
            if number % 11 == 3:
                said.append(TurnFailed(id=pool.new_id(), error="away", **header))
            elif number % 13 == 4:
                said.append(TurnFinished(id=pool.new_id(), deltas=len(pieces), reason="cancelled", **header))
            elif number in leave:
                open_turns.append((header, len(pieces)))
            else:
                said.append(TurnFinished(id=pool.new_id(), deltas=len(pieces), **header))
            events.append(said)
        longest = max(map(len, events))
        pool.append([said[i] for i in range(longest) for said in events if i < len(said)])
        if start % 80 == 76:
            pool.post(f"a person says the {start}th thing about ovens")
        if start % 120 == 0 and start:
            pool.rollback(pool.end - 20)
    return open_turns


def finish(pool, open_turns):
    """End turns that were left open, with a last word each."""
    for header, count in open_turns:
        pool.append(
            [
                Delta(id=pool.new_id(), seq=count, text=" and that is all of it", **header),
                TurnFinished(id=pool.new_id(), deltas=count + 1, **header),
            ]
        )


@pytest.fixture(scope="module")
def both(tmp_path_factory, texts):
    """Two pools with branches, with what was delivered twice, what is no event, and turns under way."""
    folder = tmp_path_factory.mktemp("pools")
    opened = [open_pool(name, folder, snapshot_every=0) for name in NAMES]
    for number, pool in enumerate(opened):
        talk(pool, texts[number * 100 :], number, leave={40 + number, 202 + number})
        late = list(pool.records(100, 600))
        pool.append_records([*late, b"no event \xff", b"{}"])
        assert len(pool.branches) > 1
    yield opened
    for pool in opened:
        pool.close()


def rows(path):
    """All that an index holds and that does not depend on who made it."""
    return {table: sql(stamped(path), f"SELECT * FROM {table} ORDER BY 1") for table in ("about", "sources", "items")}


def by_hand(pools, path):
    """Let an index follow pools, event by event."""
    with RecallIndex(pools[0].store, path) as index:
        for pool in pools:
            index.follow(pool)
            index.mark(pool)  # stores how far it has read
    return path


@pytest.fixture(scope="module")
def expected(both, tmp_path_factory):
    """The rows of an index that has followed both pools."""
    found = rows(by_hand(both, tmp_path_factory.mktemp("expected") / "recall.index"))
    assert len(found["items"]) > 500
    marks = [msgspec.json.decode(mark, type=Mark) for *_, mark in found["sources"]]
    assert all(len(mark.closed) > 10 and len(mark.open) == 2 for mark in marks)
    return found


def made_by(both, path, engine, options=None):
    """The rows of an index that an engine makes of both pools, from nothing."""
    with RecallIndex(both[0].store, path) as index:
        done = index_pools(both, engine, options=options, index=index)
        assert [(one.pool, one.engine, one.start, one.end) for one in done] == [
            (pool.name, engine, 0, pool.end) for pool in both
        ]
        assert sum(one.passages for one in done) == len(index.backend)
    return rows(path)


def test_the_simplest_engine_makes_the_rows_that_following_makes(both, expected, tmp_path):
    assert made_by(both, tmp_path / "recall.index", "inline") == expected


@pytest.mark.parametrize(
    "shared_engine",
    [pytest.param(name, marks=pytest.mark.nightly) for name in ("local", "spark", "hadoop")],
    indirect=True,
)
def test_every_engine_makes_the_same_rows(both, expected, tmp_path, shared_engine):
    assert made_by(both, tmp_path / "recall.index", *shared_engine) == expected


# What is found ---------------------------------------------------------------------------------------------------


def answers(index, asked):
    """What an index says to both questions: candidates, by what they are, and not by their numbers."""
    found = []
    for text in asked:
        query = shingles(text)
        ids, shared = index.backend.sharing(query)
        named = dict(index.backend.fetch(ids.tolist()))
        near = index.backend.fetch(index.backend.near(query).tolist())
        close = {(item.source, item.key, item.part) for _, item in near}
        counts = {
            (named[one].source, named[one].key, named[one].part): count
            for one, count in zip(ids.tolist(), shared.tolist(), strict=True)
        }
        found.append((close, counts))
    return found


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_the_buckets_hold_what_following_puts_into_them(both, texts, tmp_path, kind, request):
    """In one file, and in Redis; asked by whoever made it and by who opens it later."""
    addresses = [tmp_path / "one.index", tmp_path / "other.index"]
    if kind == "redis":
        server = request.getfixturevalue("redis_url")
        addresses = [server, server.removesuffix("/0") + "/1"]
    by_hand(both, addresses[0])
    with RecallIndex(both[0].store, addresses[0]) as followed, RecallIndex(both[0].store, addresses[1]) as index:
        index_pools(both, "inline", index=index)
        expected = answers(followed, texts[::7])
        assert sum(len(close) for close, _ in expected) > 50
        assert answers(index, texts[::7]) == expected
        assert len(index.backend) == len(followed.backend)
        assert [index.backend.mark(pool_source(name)) for name in NAMES] == [
            followed.backend.mark(pool_source(name)) for name in NAMES
        ]
        with RecallIndex(both[0].store, addresses[1]) as again:
            assert answers(again, texts[::7]) == expected


@pytest.fixture
def pool(store):
    with open_pool("bakery", snapshot_every=0) as opened:
        yield opened


def test_the_index_follows_the_log_from_there_on(pool, texts, store):
    """What is said after the job is found, also in turns that were under way; nothing is read twice."""
    left = talk(pool, texts[:100], leave={18, 60})
    with RecallIndex(pool.store) as index:
        (done,) = index_pools([pool], "inline", index=index)
        before = len(index.backend)
        finish(pool, left)
        pool.post("the oven lease comes first because nothing bakes without an oven")
        found = similar(pool, "the oven lease comes first", index=index)
        assert [match.offset for match in found] == [pool.end - 1]
        assert [match.id for match in similar(pool, f"{texts[18]} and that is all of it", k=1, index=index)] == ["t18"]
        new = [list(passages(f"{texts[number]} and that is all of it")) for number in (18, 60)]
        assert len(index.backend) == before + sum(map(len, new)) + 1
        assert index_pools([pool], "inline", index=index)[0].events == 0
    assert "nothing to do" not in repr(done)
    assert rows(store / "recall.index")["items"] == rows(by_hand([pool], store / "other.index"))["items"]


def test_a_second_run_reads_only_what_is_new(pool, texts, store):
    """What was read before could as well say nothing, but for the turns that were under way."""
    left = talk(pool, texts[:100], leave={97, 98})
    with RecallIndex(pool.store) as index:
        (first,) = index_pools([pool], "inline", index=index)
        finish(pool, left)
        talk(pool, texts[100:160], 100)
        with hidden(store, 0, first.end // 2 - 1):
            (second,) = index_pools([pool], "inline", index=index)
    assert (second.start, second.end) == (first.end, pool.end)
    found = rows(store / "recall.index")
    assert 0 < second.passages < len(found["items"])
    assert found == rows(by_hand([pool], store / "other.index"))


def test_who_follows_while_the_job_runs_does_no_harm(pool, texts, store):
    """Whatever both have found is there once, and the mark is that of who has read further."""
    talk(pool, texts[:60])
    others = []

    def interfere(_):
        if not others:
            pool.post("the oven lease comes first because nothing bakes without an oven")
            with RecallIndex(pool.store) as other:
                other.follow(pool)
                others.append(len(other.backend))

    with RecallIndex(pool.store) as index:
        index_pools([pool], "inline", progress=interfere, index=index)
        assert [len(index.backend)] == others
        assert len(similar(pool, "the oven lease comes first", index=index)) == 1
        asked = [text for text in texts[:60:5] if len(text) < 1900]
        with RecallIndex(pool.store, by_hand([pool], store / "other.index")) as followed:
            assert answers(index, asked) == answers(followed, asked)
    assert rows(store / "recall.index") == rows(store / "other.index")


def test_another_open_index_goes_on_where_the_job_ended(pool, texts, store):
    """What the job has read could as well say nothing, but for the turns that were under way."""
    with RecallIndex(pool.store) as index:
        pool.post("the oven lease comes first because nothing bakes without an oven")
        assert len(similar(pool, "the oven lease comes first", index=index)) == 1
        left = talk(pool, texts[:100], leave={97})
        index_pools([pool], "inline")
        with hidden(store, 0, pool.end // 2 - 1):
            finish(pool, left)
            index.follow(pool)
            index.mark(pool)
    assert rows(store / "recall.index") == rows(by_hand([pool], store / "other.index"))


def test_an_index_that_is_emptied_while_the_job_runs(pool, texts):
    """It says so, and what is missing is there after the next question."""
    talk(pool, texts[:40])
    with RecallIndex(pool.store) as index:
        index_pools([pool], "inline", index=index)
        pool.post("the oven lease comes first because nothing bakes without an oven")
        with pytest.raises(IndexUnavailableError, match="was emptied while the job ran: index again"):
            index_pools([pool], "inline", progress=lambda _: index.backend.clear("was damaged (a test)"), index=index)
        index.follow(pool)
        assert len(index.backend) > 30


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_pools_in_which_nobody_has_finished_a_turn(store, pool, texts, kind, request):
    """One is empty; of the other only the mark is stored, and what is under way."""
    with open_pool("empty", store) as empty:
        pool.append_records([b"{}", b"no event \xff"])
        left = talk(pool, texts[2:3], 2, leave={2})
        pool.append_records(list(pool.records(2, 4)))
        with RecallIndex(pool.store, request.getfixturevalue("redis_url") if kind == "redis" else None) as index:
            done = index_pools([empty, pool], "inline", index=index)
            assert [(one.events > 2, one.passages) for one in done] == [(False, 0), (True, 0)]
            assert repr(done[0]) == "pool 'empty': nothing to do, the index reaches offset 0"
            assert list(index.mark(pool).open) == ["t2"]
            finish(pool, left)
            index_pools([empty, pool], "inline", index=index)
            assert [match.id for match in similar(pool, texts[2], k=1, index=index)] == ["t2"]


# Broken off ------------------------------------------------------------------------------------------------------


def test_cancelling_in_the_middle_of_a_job(pool, texts, store):
    """The index is as it was."""
    talk(pool, texts[:60])
    cancel = threading.Event()
    with RecallIndex(pool.store) as index:
        with pytest.raises(JobCancelledError, match="was told to stop"):
            index_pools([pool], "inline", progress=lambda _: cancel.set(), cancel=cancel, index=index)
        assert len(index.backend) == 0
        index_pools([pool], "inline", index=index)
    assert rows(store / "recall.index") == rows(by_hand([pool], store / "other.index"))


def test_a_job_that_its_engine_refuses(pool, texts):
    talk(pool, texts[:8])
    with pytest.raises(JobError, match="unrecognized arguments: --colour=red"):
        index_pools([pool], "local", options={"colour": "red"})


def test_an_engine_that_is_not_there(pool):
    with pytest.raises(EngineError, match="no engine 'presto'"):
        index_pools([pool], "presto")


def test_pools_of_several_stores(pool, tmp_path):
    with open_pool("bakery", tmp_path / "elsewhere") as other, pytest.raises(UserError, match="several stores"):
        index_pools([pool, other])


def test_a_damaged_array_of_buckets_is_found_and_all_is_made_anew(pool, texts, store):
    talk(pool, texts[:60])
    with RecallIndex(pool.store) as index:
        index_pools([pool], "inline", index=index)
    flip_bit(stamped(store / "recall.index"), "buckets", "postings", "kind = 'shingles'")
    with RecallIndex(pool.store) as index:
        found = similar(pool, texts[0], index=index)
        assert "does not match its checksum" in found.notes[0]
        assert found


def test_what_is_dropped_is_gone_with_its_buckets(pool, texts):
    talk(pool, texts[:60])
    with RecallIndex(pool.store) as index:
        index_pools([pool], "inline", index=index)
        index.backend.drop(pool_source("bakery"))
        assert len(index.backend) == 0
        ids, _ = index.backend.sharing(shingles(texts[0]))
        assert index.backend.fetch(ids.tolist()) == []
        assert np.array_equal(index.backend.near(shingles(texts[0])), [])
