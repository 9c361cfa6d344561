"""The same logs give the same snapshots, byte for byte, on every engine; and what is there stays if a job fails."""

import os
import shutil
import signal
import threading
from contextlib import closing

import psutil
import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import EngineError, JobCancelledError, JobError
from agentpool_jupyter.snapshots.build import snapshot, snapshot_all
from agentpool_jupyter.snapshots.file import SnapshotFile
from agentpool_jupyter.snapshots.folder import current
from agentpool_jupyter.snapshots.summary import Scale
from tests.files import hidden
from tests.snapshots.test_snapshots import grow

pytestmark = [pytest.mark.timeout(500), pytest.mark.usefixtures("temporary")]
SMALL = Scale(64, 3)
NAMES = ("bakery", "bakehouse")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Two pools of 7,500 events each, with many branches, and what was delivered twice."""
    folder = tmp_path_factory.mktemp("pools")
    opened = [open_pool(name, folder, snapshot_every=0) for name in NAMES]
    for seed, pool in enumerate(opened):
        grow(pool, 4000, seed=seed)
        late = list(pool.records(100, 600))
        pool.append_records([*late, b"no event \xff", b"{}"])
        grow(pool, 3000, seed=seed + 10)
        assert len(pool.branches) > 4
    yield opened
    for pool in opened:
        pool.close()


def forget(pool):
    """Remove all snapshots of a pool."""
    shutil.rmtree(pool.store.derived(pool.name), ignore_errors=True)


def path_of(pool):
    return current(pool.store.derived(pool.name))


def contents(pool):
    """All that a pool's file holds, table by table."""
    with closing(SnapshotFile(path_of(pool))) as file:
        file.verify()
        return file.tables()


def left(pool):
    """The names of what lies in a pool's folder."""
    return {path.suffix for path in path_of(pool).parent.iterdir()}


def made_by(both, engine, options=None):
    """The files that an engine makes of both pools, from nothing."""
    for pool in both:
        forget(pool)
    results = snapshot_all(both, engine, options=options, scale=SMALL)
    assert [(done.pool, done.engine, done.start) for done in results] == [(name, engine, 0) for name in NAMES]
    assert all(done.end == SMALL.full(pool.end) for done, pool in zip(results, both, strict=True))
    return [contents(pool) for pool in both]


@pytest.fixture(scope="module")
def expected(both):
    """What the engine that is simplest makes: more levels than one climbing step reaches, and windows left out."""
    made = made_by(both, "inline")
    for tables in made:
        assert {level for _, level, *_ in tables["nodes"]} >= {0, 1, 2, 3, 4}
        assert all(tables[table] for table in ("gaps", "chronicle", "ended", "opened"))
    return made


def test_without_an_engine_the_same_is_made(both, expected):
    """In the thread that asks, where there is little to do."""
    for pool, tables in zip(both, expected, strict=True):
        forget(pool)
        snapshot(pool, scale=SMALL, few_here=True)
        assert contents(pool) == tables


@pytest.mark.parametrize(
    "shared_engine",
    ["local", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("spark", "hadoop"))],
    indirect=True,
)
def test_every_engine_makes_the_same_files(both, expected, shared_engine):
    assert made_by(both, *shared_engine) == expected


def test_one_pool_alone_gives_what_it_gives_among_others(both, expected):
    forget(both[1])
    snapshot(both[1], engine="inline", scale=SMALL)
    assert contents(both[1]) == expected[1]


# In several goes -------------------------------------------------------------------------------------------------


def test_a_second_run_reads_only_what_is_new(store):
    """What was read before could as well say nothing; the file is the one that a single run makes."""
    with open_pool("bakery", snapshot_every=0) as pool:
        grow(pool, 3000)
        first = snapshot(pool, "inline", scale=SMALL)
        grow(pool, 2500, seed=2)
        with hidden(store, 1, first.end - 2):
            second = snapshot(pool, "inline", scale=SMALL)
        assert (second.start, second.end) == (first.end, SMALL.full(pool.end))
        assert second.events == second.end - first.end
        assert second.note == ""
        in_two, windows = contents(pool), (first.windows, second.windows)
        forget(pool)
        whole = snapshot(pool, "inline", scale=SMALL)
        assert contents(pool) == in_two
        assert whole.windows == {level: sum(part.get(level, 0) for part in windows) for level in whole.windows}


def test_progress_is_told_for_all_steps(store):
    told = []
    with open_pool("bakery", snapshot_every=0) as pool:
        grow(pool, 6000)
        done = snapshot(pool, "inline", progress=told.append, scale=SMALL)
    assert {(now.step, now.steps) for now in told} == {(1, 3), (2, 3), (3, 3)}
    assert "Running step 3 of 3" in done.log.read_text()


# Broken off ------------------------------------------------------------------------------------------------------


@pytest.fixture
def later(store):
    """A pool with snapshots and much that is new since, and its file as it is."""
    with open_pool("bakery", snapshot_every=0) as pool:
        grow(pool, 1000)
        snapshot(pool, "inline", scale=SMALL)
        grow(pool, 4000, seed=2)
        yield pool, contents(pool)


def insist_on_the_old(pool, before):
    """The file is as it was, nothing lies beside it, and the next job makes it complete."""
    assert contents(pool) == before
    assert left(pool) <= {".lock", ".sqlite", ".sqlite-wal", ".sqlite-shm"}
    assert snapshot(pool, "inline", scale=SMALL).end == SMALL.full(pool.end)


def test_cancelling_in_the_middle_of_a_job(later):
    pool, before = later
    cancel = threading.Event()
    with pytest.raises(JobCancelledError, match="was told to stop") as caught:
        snapshot(pool, "inline", progress=lambda _: cancel.set(), cancel=cancel, scale=SMALL)
    assert caught.value.log.exists()
    insist_on_the_old(pool, before)


def kill_the_job(_):
    for child in psutil.Process().children():
        if "agentpool_jupyter.jobs.child" in child.cmdline():
            os.kill(child.pid, signal.SIGKILL)


def test_a_job_that_is_killed(later):
    pool, before = later
    with pytest.raises(JobError, match=r"process was killed \(SIGKILL\); see its log ") as caught:
        snapshot(pool, "inline", progress=kill_the_job, scale=SMALL)
    assert str(caught.value.log) in str(caught.value)
    assert caught.value.log.exists()
    insist_on_the_old(pool, before)


def test_a_job_that_its_engine_refuses(later):
    pool, before = later
    with pytest.raises(
        JobError, match=r"failed on local: .*unrecognized arguments: --colour=red; see its log "
    ) as caught:
        snapshot(pool, "local", options={"colour": "red"}, scale=SMALL)
    assert "--colour" in caught.value.log.read_text()
    insist_on_the_old(pool, before)


@pytest.mark.parametrize(
    ("engine", "options", "what"),
    [
        ("presto", {}, "no engine 'presto': choose one of inline, local"),
        ("hadoop", {}, "HADOOP_HOME=/nowhere holds no Hadoop"),
        ("spark", {"spark_master": "spark://127.0.0.1:1"}, "no Spark master answers at"),
    ],
)
def test_an_engine_that_is_not_there(later, monkeypatch, engine, options, what):
    monkeypatch.setenv("HADOOP_HOME", "/nowhere")
    pool, before = later
    with pytest.raises(EngineError, match=what):
        snapshot(pool, engine, options=options, scale=SMALL)
    insist_on_the_old(pool, before)
