"""Pools with snapshots of small windows, and what can be seen of them."""

import contextlib
import random
import shutil
import tempfile
from contextlib import closing

import pytest

from agentpool_jupyter import open_pool, snapshot
from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool import open_pool as open_raw
from agentpool_jupyter.pool.events import Delta, TurnFinished, TurnStarted, Usage
from agentpool_jupyter.snapshots.file import SnapshotFile, open_sound
from agentpool_jupyter.snapshots.folder import current
from agentpool_jupyter.snapshots.summary import Scale
from tests.teams import until

SMALL = Scale(64, 3)


def grow(pool, count, *, seed=1, moves=True):
    """Let three agents at a time speak until ``count`` events are new; now and then somebody rolls back."""
    dice = random.Random(seed)
    stop = pool.end + count
    while pool.end < stop:
        branch, length = pool.branch, dice.randrange(3, 30)
        said = [
            {"branch": branch, "run": "r1", "agent": agent, "turn": pool.new_id()}
            for agent in dice.sample(["ann", "ben", "cy", "dee"], 3)
        ]
        events = [TurnStarted(id=pool.new_id(), model="m", seen=pool.end, **turn) for turn in said]
        events += [Delta(id=pool.new_id(), seq=i, text=f"w{i} é ", **turn) for i in range(length) for turn in said]
        events += [TurnFinished(id=pool.new_id(), deltas=length, usage=Usage(3, 4), **turn) for turn in said]
        pool.append(events)
        if moves and dice.random() < 0.05:
            pool.rollback(dice.randrange(pool.end))
            pool.post("no, otherwise")


def build(pool, **options):
    return snapshot(pool, **{"engine": "inline", "scale": SMALL} | options)


def view(pool, places):
    """What people can see of a pool, now and at places."""
    found = {}
    for place in [None, *places]:
        document = pool.document(place)
        facts = (document.at, document.branch, len(document), document.usage, document.unreadable)
        found[place] = (facts, list(document.attempts), list(document.turns))
    return found, pool.branch, pool.branches, pool.lengths(), list(pool.runs)


def places(pool):
    """Some positions on each branch: near windows' ends, and anywhere."""
    dice = random.Random(7)
    offsets = {SMALL.window - 1, SMALL.window, 3 * SMALL.window, 9 * SMALL.window - 1, pool.end - 1}
    offsets |= {dice.randrange(pool.end) for _ in range(4)}
    return [Position(branch, at) for branch in pool.branches for at in sorted(offsets) if at < pool.end]


def of_the_log(pool):
    """The places of a pool, and what its log alone says of them."""
    with open_raw(pool.name, pool.store.url) as raw:
        where = places(raw)
        return where, view(raw, where)


def file_of(pool):
    """The file that the pool's snapshots are in, None where there is none."""
    return current(pool.store.derived(pool.name))


def reach(pool):
    """Where the pool's snapshots end, read from the file itself; 0 where there are none."""
    path = file_of(pool)
    with contextlib.suppress(SnapshotError):
        return SnapshotFile(path).anchor.end if path else 0
    return 0


def reached(pool, end):
    until(lambda: reach(pool) >= end, timeout=90)


def path_in(store):
    """The file of the snapshots of the bakery in a store."""
    return current(store / "bakery.derived")


def insist_on_soundness(store):
    """The file is sound, of this log, and what it says is what the log says; return where it ends."""
    with open_pool("bakery", store, snapshot_every=0) as pool:
        if path := file_of(pool):
            with closing(open_sound(path, pool.log)) as file:
                file.verify()
        where, said = of_the_log(pool)
        some = random.Random(pool.end).sample(where, min(6, len(where)))
        assert view(pool, some) == ({place: said[0][place] for place in [None, *some]}, *said[1:])
    return reach(pool)


# Fixtures, also of other folders' tests ------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Folders of this test's own for temporary files and for what jobs say."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return folder


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A store with a pool that has snapshots of small windows, and records that were delivered again late."""
    folder = tmp_path_factory.mktemp("template")
    with open_pool("bakery", folder, snapshot_every=0) as pool:
        grow(pool, 900)
        late = list(pool.records(3, 200))
        pool.append_records(late)
        grow(pool, 500, seed=2)
        pool.append_records(late[40:70])
        assert build(pool).windows.keys() >= {0, 1, 2}
        return folder, *of_the_log(pool)


@pytest.fixture
def made(template, tmp_path):
    """A copy of the template: its store, its places and what the log says of them."""
    folder, *said = template
    store = tmp_path / "made"
    shutil.copytree(folder, store)
    return store, *said
