"""Runs whose process died, slept or lives elsewhere."""

import contextlib
import threading
from functools import partial

import pytest

from agentpool_jupyter import open_pool, resume
from agentpool_jupyter.agents import stop_run
from agentpool_jupyter.agents.runs.claims import ask_to_stop, mark_lost
from agentpool_jupyter.errors import RunActiveError, UserError
from agentpool_jupyter.pool.events import Claim, Heartbeat, RunFinished, RunStarted, StopAsked, TurnFailed
from tests.openai_server import Drip, Hold, OpenAIServer
from tests.programs import at_once, running
from tests.teams import asked, of_type, play, prompt, said, speaks, team, until

_CHILD = """
import sys
import agentpool_jupyter.agents.runs.claims as claims
from agentpool_jupyter import open_pool
from tests.teams import team

claims.LEASE, url = float(sys.argv[1]), sys.argv[2]
agents = {"quick": {"role": "Talks.", "listens": []}, "slow": {"role": "Talks.", "listens": []}}
run = team(agents, turns=2, model="test", base_url=url).start(open_pool("bakery"))
print(run.id, flush=True)
try:
    run.wait()
finally:
    print(run.status, run.reason, flush=True)
"""


@contextlib.contextmanager
def elsewhere(server, lease=15.0):
    """A process with a run in which ``quick`` has spoken and ``slow`` is in mid-turn."""
    server.fault(Drip(15), contains=speaks("slow"), times=1)
    with running(_CHILD, lease, server.base_url) as process:
        process.run_id = process.stdout.readline().strip()
        with open_pool("bakery") as pool:
            until(lambda: said(pool, "quick", 100) and said(pool, "slow", 5))
            until(lambda: pool.document().turn("quick#1").status == "finished")
        yield process


@contextlib.contextmanager
def dead_run():
    """A server, and in the pool what a process left that was killed in mid-turn."""
    with OpenAIServer(tokens=30) as server:
        with elsewhere(server) as process:
            process.kill()
            process.wait()
        yield server


def test_a_live_run_is_seen_from_another_process_and_cannot_be_resumed(pool):
    with OpenAIServer(tokens=30) as server, elsewhere(server) as process:
        record = pool.runs[process.run_id]
        assert record.alive()
        assert record.owner.startswith(f"process {process.pid} on ")
        assert mark_lost(pool, record) == []
        with pytest.raises(RunActiveError, match=f"a team already runs .*process {process.pid}"):
            resume(pool)
        with pytest.raises(RunActiveError):
            play(pool, {"ann": "Talks."}, server)
        assert list(pool.runs) == [process.run_id]
        assert not pool.runs[process.run_id].finished


def test_a_killed_run_is_dead_at_once_and_its_open_turns_are_marked(pool):
    """No lease is waited for on the machine where it died; marking twice changes nothing."""
    with dead_run():
        (record,) = pool.runs.values()
        assert not record.alive()
        assert [turn.name for turn in mark_lost(pool, record)] == ["slow#1"]
        assert mark_lost(pool, pool.runs[record.id]) == []
    (failed,) = of_type(pool, TurnFailed)
    turns = {turn.name: turn for turn in pool.document().turns}
    assert (turns["quick#1"].status, turns["slow#1"].status) == ("finished", "failed")
    assert turns["slow#1"].text
    assert (failed.kind, failed.agent) == ("lost", "slow")
    assert "its process ended" in failed.error
    assert [event.reason for event in of_type(pool, RunFinished)] == ["lost"]


@pytest.mark.parametrize("marked", [False, True], ids=["at once", "after attach"])
def test_resume_takes_only_the_turns_that_had_not_finished(pool, marked):
    """The server is not asked for a finished turn again, and every agent ends with its number of turns."""
    with dead_run() as server:
        if marked:
            mark_lost(pool, pool.runs.latest())
        before = len(asked(server, "quick")), len(asked(server, "slow"))
        run = resume(pool)
        assert run.wait(30)
        after = len(asked(server, "quick")), len(asked(server, "slow"))
    turns = run.document().turns
    finished = [turn.agent for turn in turns if turn.status == "finished"]
    assert before == (1, 1)
    assert after == (1, 2)
    assert sorted(finished) == ["quick", "slow"]
    assert {turn.name: turn.status for turn in turns if turn.agent == "slow"} == {
        "slow#1": "failed",
        "slow#2": "finished",
    }
    assert [claim.epoch for claim in of_type(pool, Claim)] == ([1, 2, 3] if marked else [1, 2])  # who says it takes it
    assert {event.run for event in pool.events()} == {run.id}
    assert [event.resumed for event in of_type(pool, RunStarted)] == [False, True]
    assert {row.agent: (row.turns, row.failed) for row in run.report().rows} == {"quick": (1, 0), "slow": (1, 1)}
    assert run.reason == "quiescent"


def test_a_resumed_agent_knows_what_it_had_said(pool):
    """The text that broke off is in its context, marked as such, and so are the turns of the others that it hears."""
    with dead_run() as server:
        pool.post("Go on, please.")
        resume(pool).wait(30)
        again = prompt(asked(server, "slow")[1])
    assert "[slow#1 (you, broken off)]" in again
    assert "Go on, please." in again


def test_a_run_can_be_resumed_on_the_line_that_a_rollback_made(pool):
    """What stands on the pool's current line counts as done, and nothing else does."""
    with dead_run() as server:
        mark_lost(pool, pool.runs.latest())
        branch = pool.clear()
        run = resume(pool)
        run.wait(30)
        assert len(asked(server, "quick")) == 2
    assert run.branch == branch
    assert sorted((turn.name, turn.status) for turn in pool.document().turns) == [
        ("quick#1", "finished"),
        ("slow#1", "finished"),
    ]


def test_a_resumed_run_can_be_killed_and_resumed_again(pool):
    """Each time the epoch rises by one."""
    child = (
        "import sys; from agentpool_jupyter import open_pool, resume; run = resume(open_pool('bakery'));"
        "print(run.id, flush=True); run.wait()"
    )
    with dead_run() as server:
        server.fault(Drip(15), contains=speaks("slow"), times=1)
        with running(child) as process:
            process.stdout.readline()
            until(lambda: said(pool, "slow", 5) and pool.document().turn("slow#2") is not None)
            process.kill()
            process.wait()
        resume(pool).wait(30)
        assert len(asked(server, "quick")) == 1
    assert [claim.epoch for claim in of_type(pool, Claim)] == [1, 2, 3]
    assert [turn.status for turn in pool.document().turns if turn.agent == "slow"] == ["failed", "failed", "finished"]


def test_of_several_that_resume_at_once_exactly_one_goes_on(pool):
    """The others are told so; the finished turns are not repeated and no turn is taken twice."""
    outcomes = []

    def contend(other):
        barrier.wait()
        try:
            run = resume(other)
        except RunActiveError as error:
            outcomes.append(str(error))
        else:
            run.wait(30)
            outcomes.append(run.reason)

    with dead_run() as server, contextlib.ExitStack() as stack:
        server.fault(Drip(15), contains=speaks("slow"), times=1)  # nobody comes so late that it is over
        pools = [stack.enter_context(open_pool("bakery")) for _ in range(4)]
        barrier = threading.Barrier(len(pools))
        at_once(*(partial(contend, other) for other in pools))
        assert len(asked(server, "slow")) == 2
    refused = [outcome for outcome in outcomes if outcome != "quiescent"]
    assert len(refused) == 3
    assert all("taken up elsewhere" in outcome or "already runs" in outcome for outcome in refused)
    assert [turn.status for turn in pool.document().turns if turn.agent == "slow"] == ["failed", "finished"]


def test_the_late_end_of_a_former_owner_ends_nothing(pool):
    """A sleeper whose clock runs out as it wakes writes its end before it has read that it was replaced."""
    with dead_run() as server:
        (old,) = of_type(pool, Claim)
        server.fault(Drip(15), contains=speaks("slow"), times=1)
        run = resume(pool)
        header = pool.header("main", run.id)
        pool.append([RunFinished(**header, reason="timeout", epoch=old.epoch)])
        assert pool.runs[run.id].alive()
        with pytest.raises(RunActiveError):
            play(pool, {"ann": "Talks."}, server)
        run.wait(30)
    assert pool.runs[run.id].finished.reason == "quiescent"


def test_a_team_that_is_silent_stays_alive(pool, monkeypatch):
    """Heartbeats renew its lease, however long a turn says nothing."""
    monkeypatch.setattr("agentpool_jupyter.agents.runs.claims.LEASE", 0.5)
    release = threading.Event()
    run = team({"ann": {"python": "think"}}, functions={"think": lambda _: release.wait(60) and "ok"}).start(pool)
    until(lambda: len(of_type(pool, Heartbeat)) > 5)
    beats = of_type(pool, Heartbeat)
    assert beats[-1].time - beats[0].time > 500
    assert pool.runs[run.id].alive()
    release.set()
    run.wait(10)
    assert not pool.runs[run.id].alive()


def test_there_must_be_a_run_to_resume(pool, server):
    with pytest.raises(UserError, match="no team ever ran in pool 'bakery'"):
        resume(pool)
    run = play(pool, {"ann": "Talks."}, server)
    with pytest.raises(UserError, match=f"no run 'nothing'; there are: {run.id}"):
        resume(pool, "nothing")


def test_a_run_that_has_done_its_work_has_nothing_left_to_do(pool, server):
    first = play(pool, {"ann": "Talks."}, server)
    again = resume(pool)
    assert again.wait(30)
    assert len(server.requests) == 1
    assert again.id == first.id
    assert again.reason == "turns"


def test_a_stopped_run_goes_on(pool):
    """To stop is not to end for good: what was cancelled is taken anew."""
    with OpenAIServer(tokens=30) as server:
        server.fault(Drip(15), times=1)
        run = team({"ann": "Talks."}, server).start(pool)
        until(lambda: said(pool, "ann", 5))
        run.stop()
        assert resume(pool).wait(30)
    assert [turn.status for turn in pool.document().turns] == ["cancelled", "finished"]


def test_a_run_of_another_process_is_stopped_through_the_log(store):
    """And goes on here."""
    with OpenAIServer(tokens=30) as server, elsewhere(server) as process, open_pool("bakery") as pool:
        stopped = stop_run(pool)
        assert process.communicate(timeout=20)[0] == "stopped stopped\n"
        assert stopped.finished.reason == "stopped"
        assert "asked for it" in stopped.finished.detail
        with pytest.raises(UserError, match="no team runs in pool 'bakery'"):
            stop_run(pool)
        assert resume(pool).wait(30)


def test_who_holds_a_run_later_is_not_stopped_by_an_older_request(pool):
    """Also one that a process wrote which did not know yet that the run was taken up."""
    with OpenAIServer(tokens=10, rate=50) as server:
        run = team({"ann": "Talks."}, server).start(pool)
        until(lambda: said(pool, "ann", 5))
        before = pool.runs[run.id]
        ask_to_stop(pool, before)
        assert run.wait(30)
        assert run.reason == "stopped"
        again = resume(pool)
        pool.append([StopAsked(**pool.header("main"), target=run.id, epoch=1, owner="elsewhere:1:2")])
        assert again.wait(30)
    assert again.reason == "turns"


def test_one_agent_is_stopped_through_the_log_and_the_others_go_on(pool):
    """What it says is broken off, who hears it alone has nothing to hear, and in a resumed run it is there again."""
    with OpenAIServer(tokens=30) as server:
        server.fault(Hold(10), contains=speaks("ben"), times=1)
        agents = {
            "ann": {"role": "Talks.", "listens": []},
            "ben": {"role": "Talks.", "listens": []},
            "cleo": {"role": "Talks.", "listens": ["ben"]},
        }
        run = team(agents, server).start(pool)
        until(lambda: said(pool, "ben", 5))
        with pytest.raises(UserError, match="has no agent 'bob'; it has: ann, ben, cleo"):
            run.stop_agent("bob")
        run.stop_agent("ben")
        run.stop_agent("ben")
        assert run.wait(30)
        assert (run.status, run.reason) == ("finished", "quiescent")
        assert "ben: stopped, process" in run.detail
        assert {turn.name: turn.status for turn in pool.document().turns} == {"ann#1": "finished", "ben#1": "cancelled"}
        with pytest.raises(UserError, match="no team runs in pool 'bakery'"):
            run.stop_agent("ben")
        assert resume(pool).wait(30)
    assert {turn.name for turn in pool.document().turns if turn.status == "finished"} == {"ann#1", "ben#2", "cleo#1"}
