"""Several processes that make snapshots of one pool, and processes that are killed."""

import contextlib
import signal
import time
from contextlib import closing

import psutil
import pytest
from filelock import FileLock

from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool import open_pool as open_raw
from agentpool_jupyter.snapshots.file import SnapshotFile
from tests.programs import running, tell
from tests.snapshots.snapshots import SMALL, build, grow, insist_on_soundness, path_in, view

pytestmark = pytest.mark.usefixtures("temporary")


# Several processes -----------------------------------------------------------------------------------------------

_SNAPSHOT = """
import sys
from agentpool_jupyter import open_pool, snapshot
from agentpool_jupyter.snapshots.summary import Scale
from tests.snapshots.snapshots import grow

with open_pool(sys.argv[2], sys.argv[1], snapshot_every=0) as pool:
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        done = snapshot(pool, engine="inline", scale=Scale(64, 3))
        print(done.start, done.end, flush=True)
        if len(sys.argv) < 4:
            break
        grow(pool, 300, seed=pool.end)
"""
_INTAKE = """
import random, sys
from agentpool_jupyter.snapshots import intake
from agentpool_jupyter.snapshots.file import SnapshotFile
from agentpool_jupyter.snapshots.folder import current, making
from agentpool_jupyter.snapshots.schema import Anchor
from agentpool_jupyter.pool import open_pool
from agentpool_jupyter.snapshots.summary import Scale
from tests.snapshots.mapreduce import nodes
from tests.snapshots.snapshots import grow

scale = Scale(64, 3)
with open_pool(sys.argv[2], sys.argv[1]) as pool:
    folder = pool.store.derived(pool.name)
    while True:
        grow(pool, 150, seed=pool.end)
        path, end = current(folder), scale.full(pool.end)
        file = SnapshotFile(path) if path else None
        start, before = (file.anchor.end, list(file.unfinished(file.anchor.end))) if file else (0, [])
        found = nodes(pool.log.read(start, end), end, scale, random.Random(1), before)
        print(start, end, flush=True)
        if file:
            intake.add(file, found, Anchor.of(pool.log, end))
        else:
            with making(folder, scale) as new:
                intake.add(new, found, Anchor.of(pool.log, end))
"""


def test_two_processes_that_make_snapshots_at_once(made):
    """One waits for the other and finds nothing left to do."""
    store, where, said = made
    path_in(store).unlink()
    with contextlib.ExitStack() as stack:
        makers = [stack.enter_context(running(_SNAPSHOT, store, "bakery")) for _ in range(2)]
        assert [maker.stdout.readline() for maker in makers] == ["ready\n"] * 2
        tell(*makers)
        done = sorted(tuple(map(int, maker.stdout.readline().split())) for maker in makers)
        assert [maker.wait(60) for maker in makers] == [0, 0]
    with open_pool("bakery", store, snapshot_every=0) as pool:
        end = SMALL.full(pool.end)
        assert done == [(0, end), (end, end)]
        with closing(SnapshotFile(path_in(store))) as file:
            file.verify()
        assert view(pool, where) == said


def test_who_does_not_want_to_wait_is_told_so(made):
    store, *_ = made
    with (
        open_pool("bakery", store, snapshot_every=0) as pool,
        FileLock(path_in(store).with_name("snapshots.lock")),
        pytest.raises(UserError, match="another process makes snapshots of pool 'bakery'"),
    ):
        build(pool, patience=0.1)


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.nightly)])
def test_a_process_killed_while_it_adds_to_the_file_leaves_the_old_or_the_new(store, dice, kills):
    """At random moments, again and again on the same file."""
    with open_raw("bakery", store) as pool:
        pool.store.derived("bakery").mkdir()
    end = 0
    for _ in range(kills):
        with running(_INTAKE, store, "bakery") as maker:
            states = {end}
            for _ in range(dice.randrange(1, 4)):
                states |= set(map(int, maker.stdout.readline().split()))
            time.sleep(dice.uniform(0, 0.01))  # waits for nothing: a random moment is what this is about
            maker.kill()
            states |= {int(word) for line in maker.stdout for word in line.split()}
            assert maker.wait() == -signal.SIGKILL
        end = insist_on_soundness(store)
        assert end in states
    with open_pool("bakery", store, snapshot_every=0) as pool:
        done = build(pool)
        assert (done.start, done.end, done.note) == (end, SMALL.full(pool.end), "")
    insist_on_soundness(store)


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.nightly)])
def test_a_process_killed_while_it_makes_snapshots_leaves_the_old_or_the_new(store, dice, kills):
    """Its job ends with it, and so does its lock."""
    with open_raw("bakery", store) as pool:
        grow(pool, 600)
    for _ in range(kills):
        with running(_SNAPSHOT, store, "bakery", "again") as maker:
            assert maker.stdout.readline() == "ready\n"
            tell(maker)
            time.sleep(dice.uniform(0, 3))  # as above
            jobs = psutil.Process(maker.pid).children(recursive=True)
            maker.kill()
            assert maker.wait() == -signal.SIGKILL
            assert psutil.wait_procs(jobs, timeout=60)[1] == []
        before = insist_on_soundness(store)
    with open_pool("bakery", store, snapshot_every=0) as pool:
        assert build(pool, patience=60).start == before
    insist_on_soundness(store)
