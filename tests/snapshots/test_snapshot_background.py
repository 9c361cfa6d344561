"""Snapshots that are made by themselves."""

import contextlib
import threading

import psutil
import pytest

from agentpool_jupyter import compact, open_pool, snapshot
from agentpool_jupyter.errors import SnapshotError, SnapshotWarning, UserError
from agentpool_jupyter.pool import open_pool as open_raw
from agentpool_jupyter.pool.events import Message, RunFinished, RunStarted
from agentpool_jupyter.pool.settled import TurnList
from agentpool_jupyter.snapshots.summary import SCALE
from tests.snapshots.snapshots import build, file_of, grow, insist_on_soundness, of_the_log, reach, reached, view
from tests.teams import until

pytestmark = pytest.mark.usefixtures("temporary")


# By themselves ---------------------------------------------------------------------------------------------------


def speak(pool, run, count):
    """A run that has ended, of about so many events."""
    header = {"branch": "main", "run": run}
    pool.append([RunStarted(id=pool.new_id(), **header)])
    grow(pool, count, moves=False)
    pool.append([RunFinished(id=pool.new_id(), reason="turns", **header)])


def builders():
    """The threads that build."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("agentpool-snapshots")]


def test_snapshots_are_made_after_a_run(store):
    """Nobody asks for them; a run that leaves less than a window makes none."""
    with open_pool("bakery") as pool:
        speak(pool, "r1", 300)
        assert (builders(), file_of(pool)) == ([], None)
        speak(pool, "r2", 1500)
        reached(pool, 1024)
        speak(pool, "r3", 1500)
        reached(pool, 3072)
        where, said = of_the_log(pool)
        assert view(pool, where) == said
        assert isinstance(pool.document(3000).turns, TurnList)


def test_a_short_script_leaves_its_snapshots(store):
    """Closing waits for what is soon done, for which no process is started."""
    with open_pool("bakery") as pool:
        grow(pool, 3000)
        speak(pool, "r1", 100)
        end = pool.end
    assert (jobs(), reach(pool)) == ([], SCALE.full(end))
    insist_on_soundness(store)


def test_snapshots_are_made_every_so_many_events(store):
    with open_pool("bakery", snapshot_every=2000) as pool:
        grow(pool, 2500)
        reached(pool, 1024)
        grow(pool, 2500, seed=2)
        reached(pool, 3 * 1024)


def test_the_environment_says_how_often(store, monkeypatch):
    monkeypatch.setenv("AGENTPOOL_SNAPSHOT_EVERY", "1500")
    with open_pool("bakery") as pool:
        grow(pool, 1700)
        reached(pool, 1024)


def test_never_is_never(store, monkeypatch):
    """Neither after a run nor after many events."""
    with open_pool("bakery", snapshot_every=0) as pool:
        speak(pool, "r1", 11_000)
        assert builders() == []
    monkeypatch.setenv("AGENTPOOL_SNAPSHOT_EVERY", "0")
    with open_pool("bakery") as pool:
        speak(pool, "r2", 2000)
        assert builders() == []
    assert file_of(pool) is None


@pytest.mark.parametrize("value", ["often", "-1", "1.5", ""])
def test_a_bad_value_in_the_environment_is_told_before_anything_is_made(store, monkeypatch, value):
    monkeypatch.setenv("AGENTPOOL_SNAPSHOT_EVERY", value)
    with pytest.raises(UserError, match=rf"AGENTPOOL_SNAPSHOT_EVERY is '{value}': use a number of events, or 0"):
        open_pool("bakery")
    assert not (store / "bakery.sqlite").exists()


@pytest.mark.parametrize("value", [-1, "often"])
def test_a_bad_value_is_told(store, value):
    with pytest.raises(UserError, match=r"snapshot_every.*or 0 for never"):
        open_pool("bakery", snapshot_every=value).close()


def jobs():
    """The processes of jobs that this one has started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "agentpool_jupyter.jobs.child" in child.cmdline():
                found.append(child)
    return found


def test_closing_a_pool_ends_what_is_under_way(store, temporary):
    """In the middle of a job: no process, thread, temporary file or half a file is left, and writers never waited."""
    with open_raw("bakery", store) as raw:
        grow(raw, 20_000)
    with open_pool("bakery") as pool:
        pool.post("at last")
        until(jobs)
        assert pool.post("meanwhile").offset == pool.end - 1
        assert pool.document().turns[-1].text == "meanwhile"
        began, end = jobs(), pool.end
    psutil.wait_procs(began, timeout=20)
    assert not [child for child in began if child.is_running()]
    until(lambda: not builders())
    assert list(temporary.iterdir()) == []
    assert reach(pool) in (0, SCALE.full(end - 1), SCALE.full(end))
    insist_on_soundness(store)


def test_a_pool_whose_snapshots_are_up_to_date_starts_no_build(store):
    """However long it is: what was there before it was opened is not new."""
    with open_pool("bakery", snapshot_every=0) as pool:
        grow(pool, 3000)
        build(pool, scale=SCALE)
    with open_pool("bakery", snapshot_every=2000) as pool:
        pool.document()
        pool.post("one more")
        assert builders() == []


def test_a_folder_that_cannot_be_made_is_told_in_one_line(store):
    with open_pool("bakery", snapshot_every=0) as pool:
        pool.store.derived("bakery").write_text("in the way")
        with pytest.raises(UserError, match="cannot"):
            snapshot(pool, engine="inline")


def test_a_folder_that_cannot_be_made_is_nobodys_business_in_the_background(store):
    with open_pool("bakery", snapshot_every=1000) as pool:
        pool.store.derived("bakery").write_text("in the way")
        grow(pool, 1100)
    assert pool.snapshots.problem is not None


def test_snapshots_come_back_after_a_compaction(store):
    """They were made of what is no more; what is there is new to them."""
    with open_pool("bakery", snapshot_every=2000) as pool:
        grow(pool, 4000, moves=False)
        reached(pool, 2048)
        until(lambda: not builders())
        assert compact(pool, archive=False).records
        assert file_of(pool) is None
        pool.post("one more")
        reached(pool, 3072)


@pytest.mark.parametrize("damage", [lambda path: path.write_text("no snapshots"), lambda path: path.unlink()])
def test_what_is_wrong_with_snapshots_is_nobodys_business_who_writes(store, damage):
    """What is stored is stored, also where warnings are errors, as they are here."""
    with open_pool("bakery", snapshot_every=0) as pool:
        grow(pool, 300)
        build(pool)
        damage(file_of(pool))
    with open_pool("bakery", snapshot_every=100) as pool:
        end = pool.end
        pool.append([Message(**pool.header("main", agent="you"), text="hello")])
        assert pool.end == end + 1


def test_a_sound_file_that_could_not_be_used_for_a_moment_is_used_again(store):
    """Such as for want of file descriptors: ``%snapshot``, which the warning names, finds it sound, and that helps."""
    with open_pool("bakery", snapshot_every=0) as pool:
        grow(pool, 300)
        build(pool)
        assert isinstance(pool.document(200).turns, TurnList)
        with pytest.warns(SnapshotWarning, match="in passing"):
            pool.snapshots._pass_over(SnapshotError("in passing"))
        assert not isinstance(pool.document(200).turns, TurnList)
        build(pool)
        assert isinstance(pool.document(200).turns, TurnList)
