"""Exactly one holder: on both stores, with processes that are stopped, die, or claim at the same moment."""

import contextlib
import os
import signal
import threading
import time
from itertools import pairwise

import pytest

from agentpool_jupyter import open_pool, resume
from agentpool_jupyter.agents.runs import claims
from agentpool_jupyter.agents.runs.claims import take
from agentpool_jupyter.errors import LogUnavailableError, RunActiveError, RunFailedError
from agentpool_jupyter.pool.claims import is_late
from agentpool_jupyter.pool.events import Claim, Delta, Heartbeat, RunFinished, TurnFinished, TurnStarted
from agentpool_jupyter.pool.runs import this_owner
from tests.kafka_fixtures import running_broker
from tests.openai_server import Drip, Hold, OpenAIServer
from tests.programs import at_once, output, running
from tests.teams import of_type, speaks, team, until

_CHILD = """
import sys
import agentpool_jupyter.agents.runs.claims as claims
from agentpool_jupyter import open_pool
from agentpool_jupyter.errors import RunFailedError
from tests.teams import team

claims.LEASE = float(sys.argv[1])
pool = open_pool("bakery", sys.argv[3])
run = team({"slow": "Talks."}, turns=2, model="test", base_url=sys.argv[2]).start(pool)
print(run.id, flush=True)
try:
    run.wait()
except RunFailedError:
    pass
print(run.reason, flush=True)
"""

_DIES_IN_MID_TURN = """
import os, sys
from agentpool_jupyter import open_pool, resume
from agentpool_jupyter.pool.events import Delta
from tests.teams import of_type, team, until

pool = open_pool("bakery", sys.argv[1])
again = team({"slow": "Talks."}, attempts=3, model="test", base_url=sys.argv[2])
run = resume(pool, trust=True) if pool.runs else again.start(pool)
until(lambda: len({event.turn for event in of_type(pool, Delta)}) == int(sys.argv[3]))
os._exit(0)
"""

_DIES_BEFORE_ITS_FIRST_TURN = """
import os, sys
from agentpool_jupyter import open_pool
from agentpool_jupyter.agents.runs.claims import start_run
from tests.teams import team

spec = team({"ann": "Talks."}, model="test", base_url=sys.argv[2]).spec
start_run(open_pool("bakery", sys.argv[1]), "r1", "main", spec)
os._exit(0)
"""


@pytest.fixture
def short(monkeypatch):
    """Leases of half a second."""
    monkeypatch.setattr("agentpool_jupyter.agents.runs.claims.LEASE", 0.5)


def stop_between_writes(process, pool):
    """Stop a process; in the middle of a write it would keep the file of an embedded log locked."""
    while True:
        process.send_signal(signal.SIGSTOP)
        try:
            pool.post("Are you there?")
        except LogUnavailableError:
            process.send_signal(signal.SIGCONT)
        else:
            return


def words(pool):
    return {turn.name: turn.text for turn in pool.document().turns}


def test_the_late_words_of_a_process_that_was_stopped_change_nothing(url):
    """It is stopped for longer than its lease, the run is taken over, and it wakes in the middle of its sentence."""
    with OpenAIServer(tokens=30) as server, open_pool("bakery", url) as pool:
        server.fault(Drip(5), contains=speaks("slow"), times=1)
        with running(_CHILD, 3.0, server.base_url, url) as process:  # on a busy machine it would lose a shorter lease
            name = process.stdout.readline().strip()
            until(lambda: len(of_type(pool, Delta)) > 3)
            stop_between_writes(process, pool)
            until(lambda: not pool.runs[name].alive())
            hold = Hold(5)
            server.fault(hold, contains=speaks("slow"), times=1)
            run = resume(pool, trust=True)
            until(lambda: "slow#2" in words(pool))
            before, lost = words(pool)["slow#1"], pool.document().turn("slow#1").id
            process.send_signal(signal.SIGCONT)
            # It finds its claim superseded, or first that it is overdue.
            assert process.stdout.readline().strip() in ("lost", "failed")
            assert process.wait(20) == 0
            (first, *_, mine) = of_type(pool, Claim)
            assert pool.runs[name].claim.id == mine.id
            signs = [event for event in of_type(pool, Heartbeat) if event.offset > mine.offset]
            held = pool.runs.claims.holding(name)
            assert all(event.claim in (first.id, mine.id) for event in signs)
            assert held.sign.id not in {event.id for event in signs if event.claim == first.id}
            # Whether it still writes something, or stops before, is chance: this it would have written.
            header = pool.header("main", name, "slow", first.id) | {"turn": lost}
            pool.append([Delta(**header, seq=99, text="late"), TurnFinished(**header, deltas=100)])
            server.release(hold)
            assert run.wait(30)
        fences = pool.runs.claims.fences
        late = [event for event in of_type(pool, Delta) if is_late(event, fences)]
        assert {(event.claim, event.turn) for event in late} == {(first.id, lost)}
        assert words(pool)["slow#1"] == before
        said = [turn.status for turn in pool.document().turns if turn.agent == "slow"]
        assert said == ["failed", "finished"]
        with open_pool("bakery", url) as fresh:
            assert words(fresh) == words(pool)
            assert words(fresh)["slow#1"] == fresh.document(at=fresh.end - 1).turn("slow#1").text


@pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.nightly])], indirect=True
)
def test_the_turn_that_was_lost_is_asked_for_again_and_no_other(url):
    """The attempts are counted on, and a turn whose process always dies is given up in the end."""
    with OpenAIServer(tokens=10) as server, open_pool("bakery", url) as pool:
        for attempt in range(1, 4):
            server.fault(Hold(5), contains=speaks("slow"), times=1)
            output(_DIES_IN_MID_TURN, url, server.base_url, attempt)
            assert [event.attempt for event in of_type(pool, TurnStarted)] == list(range(1, attempt + 1))
        with pytest.raises(RunFailedError, match="ended in mid-turn 3 times"):
            resume(pool, trust=True).wait(30)
        assert len(server.requests) == 3


def test_of_a_hundred_that_claim_at_once_exactly_one_holds(url):
    """Whoever is refused is told so at once, and what they wrote counts for nothing."""
    won, refused = [], []
    with contextlib.ExitStack() as stack:
        pools = [stack.enter_context(open_pool("bakery", url)) for _ in range(10)]
        barrier = threading.Barrier(100)

        def contend(pool):
            barrier.wait()
            try:
                won.append(take(pool, "main", "r1"))
            except RunActiveError as error:
                refused.append(str(error))

        at_once(*[lambda pool=pool: contend(pool) for pool in pools for _ in range(10)])
        (claim,) = won
        assert len(refused) == 99
        for pool in pools:
            assert pool.runs.claims.holding("r1").claim.id == claim.id
        assert len(pools[0].runs.claims.fences) == len(of_type(pools[0], Claim)) - 1


def test_a_process_that_dies_between_its_claim_and_its_first_turn_holds_nobody_up(url):
    with OpenAIServer(tokens=10) as server, open_pool("bakery", url) as pool:
        output(_DIES_BEFORE_ITS_FIRST_TURN, url, server.base_url)
        run = resume(pool, trust=True)
        assert run.wait(30)
        assert [turn.status for turn in pool.document().turns] == ["finished"]
        assert [claim.epoch for claim in of_type(pool, Claim)] == [1, 2]


def test_a_call_of_four_leases_is_not_stolen(url, monkeypatch):
    """The heartbeat goes on while a model says nothing."""
    monkeypatch.setattr(claims, "LEASE", 1.5)  # longer than a busy machine holds a thread up
    with OpenAIServer(tokens=10) as server, open_pool("bakery", url) as pool, open_pool("bakery", url) as other:
        hold = Hold(0)
        server.fault(hold, times=1)
        run = team({"ann": "Talks."}, server).start(pool)
        until(lambda: len(server.requests) == 1)
        start = pool.runs[run.id].claim.time
        while of_type(pool, Heartbeat)[-1:] == [] or of_type(pool, Heartbeat)[-1].time < start + 6000:
            with pytest.raises(RunActiveError, match="already runs"):
                take(other, "main", run.id)
            time.sleep(0.1)
        server.release(hold)
        assert run.wait(30)
        assert [turn.status for turn in pool.document().turns] == ["finished"]
        assert [event.reason for event in of_type(pool, RunFinished)] == ["turns"]


def test_of_a_holder_on_another_machine_the_log_says_when_it_is_gone(url, short):
    """No clock but the log's is asked, and the first claim after a long silence is not enough."""
    with open_pool("bakery", url) as pool:
        pool.append([Claim(**pool.header("main", "r1"), owner="elsewhere:1:2", epoch=1, lease=0.5, fencing=True)])
        with pytest.raises(RunActiveError):
            take(pool, "main", "r1")
        until(lambda: _silent(pool))
        taken = take(pool, "main", "r1")
        assert (taken.owner, taken.epoch) == (this_owner(), 2)
        times = [claim.time for claim in of_type(pool, Claim)]
        assert (
            sum(min(later - before, 250) for before, later in pairwise(times)) >= 500
        )  # of no gap more than half a lease


def _silent(pool):
    pool.post("Time goes by.")
    (*_, last) = pool.events()
    return last.time - of_type(pool, Claim)[-1].time > 1000


@pytest.mark.kafka
def test_a_holder_that_cannot_renew_its_claim_stops_itself(tmp_path, short):
    """Its broker does not answer for longer than the lease: by then another may hold the run."""
    with OpenAIServer(tokens=10) as server, running_broker(tmp_path / "kafka") as status:
        hold = Hold(0)
        server.fault(hold)
        with open_pool("bakery", f"kafka://{status.address}") as pool:
            run = team({"ann": "Talks."}, server).start(pool)
            until(lambda: len(of_type(pool, Heartbeat)) > 1)
            os.kill(status.pid, signal.SIGSTOP)
            try:
                until(lambda: run.reason)
            finally:
                os.kill(status.pid, signal.SIGCONT)
            with pytest.raises(RunFailedError, match="could not be renewed"):
                run.wait(30)
