"""Which runs a pool has, who holds them, and whether their owner is alive."""

import pytest

from agentpool_jupyter.pool.claims import LEASE
from agentpool_jupyter.pool.events import Claim, Heartbeat, Release, RunFinished, RunStarted, now_ms
from agentpool_jupyter.pool.runs import Runs, this_owner
from tests.programs import output

SPEC = {"task": "bread"}


def started(mark="s", **fields):
    return RunStarted(id=mark, run="r", spec=SPEC, **fields)


def claimed(owner=None, epoch=1, mark="c", lease=LEASE):
    return Claim(id=mark, run="r", owner=owner or this_owner(), epoch=epoch, lease=lease)


def test_a_run_is_known_from_its_start(pool):
    pool.append([RunFinished(id="x", run="other", reason="done"), started(branch="idea"), claimed()])
    assert list(pool.runs) == ["r"]
    run = pool.runs["r"]
    assert (run.start, run.branch, run.spec, run.epoch, run.alive()) == (1, "idea", SPEC, 1, True)
    assert pool.runs.alive() == [run]


@pytest.mark.parametrize(
    "end", [RunFinished(id="f", run="r", reason="done"), Release(id="f", run="r", owner="me", epoch=1)]
)
def test_a_run_that_ended_or_was_let_go_is_not_alive(pool, end):
    pool.append([started(), claimed(), end])
    assert not pool.runs["r"].alive()


def test_of_two_claims_of_one_epoch_the_first_holds(pool):
    pool.append([started(), claimed(mark="first"), claimed("elsewhere:1:2", mark="second")])
    assert pool.runs["r"].claim.id == "first"


def test_a_later_epoch_fences_off_the_earlier(pool):
    """What the first owner still lets go of is no longer its own."""
    pool.append([started(), claimed(mark="first"), claimed("elsewhere:1:2", epoch=2, mark="second")])
    pool.append([Release(id="late", run="r", owner=this_owner(), epoch=1)])
    run = pool.runs["r"]
    assert (run.claim.id, run.released, run.owner) == ("second", False, "process 1 on elsewhere")


def test_a_run_that_is_resumed_goes_on(pool):
    pool.append([started(), claimed(), RunFinished(id="f", run="r", reason="lost")])
    pool.append([started("again", resumed=True), claimed(epoch=2, mark="c2")])
    run = pool.runs["r"]
    assert (run.finished, run.start, run.alive()) == (None, 0, True)


def test_records_that_are_stored_again_change_nothing(pool):
    """A start that comes once more after the end does not bring a run back to life, nor an end stop its resumption."""
    begin, end = started(), RunFinished(id="f", run="r", reason="done")
    pool.append([begin, claimed(), end, begin])
    assert pool.runs["r"].finished.id == "f"
    pool.append([started("again", resumed=True), claimed(epoch=2, mark="c2"), end])
    assert pool.runs["r"].finished is None


def test_a_process_of_this_machine_that_died_is_dead_at_once(pool):
    """Without waiting for its lease."""
    owner = output("from agentpool_jupyter.pool.runs import this_owner; print(this_owner())")
    pool.append([started(), claimed(owner.strip())])
    assert not pool.runs["r"].alive()


def test_an_owner_elsewhere_is_alive_while_its_lease_lasts(pool):
    """Every sign of life counts, by the log's clock."""
    pool.append([started(), claimed("elsewhere:1:2")])
    assert pool.runs["r"].alive()
    runs = Runs()
    long_ago = now_ms() - int(2 * LEASE * 1000)
    for event in (started(time=long_ago), claimed("elsewhere:1:2")):
        runs.absorb(event)
    run = runs["r"]
    assert not run.alive()
    runs.absorb(Heartbeat(id="h", run="r", owner="elsewhere:1:2", epoch=1, time=now_ms()))
    assert run.alive()


@pytest.mark.parametrize("owner", ["", "somebody", "host:pid:1", "a:b:c:d", "host:1"])
def test_an_owner_that_another_program_named_does_not_stop_a_reader(pool, owner):
    pool.append([started(), Claim(id="c", run="r", owner=owner, epoch=1, lease=LEASE)])
    assert pool.runs.alive()
    assert pool.runs["r"].owner
