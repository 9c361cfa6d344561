"""Teams that are rolled back in mid-run and go on from the new head."""

import contextlib
import signal

from agentpool_jupyter import resume
from agentpool_jupyter.agents.runs.claims import mark_lost
from agentpool_jupyter.agents.turns.budget import spent
from agentpool_jupyter.pool import Position
from agentpool_jupyter.pool.events import Delta, Head, RunFinished, TurnFinished
from tests.openai_server import Drip, OpenAIServer
from tests.teams import asked, of_type, play, prompt, said, speaks, team, until

from .test_resume import elsewhere

CHAIN = {
    "planner": {"role": "Drafts the plan.", "listens": ["task", "critic"]},
    "critic": {"role": "Names its weakest point.", "listens": ["planner"]},
    "treasurer": {"role": "Says what things cost.", "listens": []},
}
"""``planner`` and ``critic`` answer each other; ``treasurer`` speaks at once and to itself."""


@contextlib.contextmanager
def caught_in_mid_run(pool):
    """A server whose every token is unlike any other, and a run: planner#1 and critic#1 have ended, two still speak."""
    with OpenAIServer(rate=200, tokens=20, stamp=True) as server:
        server.fault(Drip(4), contains=speaks("treasurer"), times=1)
        server.fault(Drip(4), contains="[critic#1", times=1)  # planner#2, the first to read the critic
        run = team(CHAIN, server, turns=2).start(pool)
        until(lambda: (turn := pool.document().turn("planner#2")) and turn.text and said(pool, "treasurer", 5))
        yield server, run
        run.stop()


def tokens(turns):
    """All tokens of these turns; no two that a server sends are the same."""
    return {token for turn in turns for token in turn.text.split()}


def askers(server, requests):
    """Which agents these requests were made for."""
    return [next(agent for agent in CHAIN if request in asked(server, agent)) for request in requests]


def test_a_rollback_stops_every_stream_of_the_team(pool):
    """The run ends by itself, at the server too, and what was cut short is marked on the line that was left."""
    with caught_in_mid_run(pool) as (server, run):
        pool.rollback("planner#1")
        assert run.wait(20)
        assert server.until(lambda server: server.open_streams == 0)
    assert (run.status, run.reason) == ("stopped", "moved")
    cut = {turn.name: turn.status for turn in pool.document("main").turns}
    assert (cut["planner#2"], cut["treasurer#1"]) == ("cancelled", "cancelled")
    assert [(event.branch, event.reason) for event in of_type(pool, RunFinished)] == [("main", "moved")]


def test_what_was_finished_before_the_fork_is_never_asked_again(pool):
    """What was cut off is asked anew, each once, with prompts that know nothing of the line that was left."""
    with caught_in_mid_run(pool) as (server, run):
        branch = pool.rollback("planner#1")
        run.wait(20)
        before, kept = len(server.requests), pool.document().turn("planner#1").text
        left = tokens(pool.document("main").turns) - tokens(pool.document().turns)
        again = resume(pool)
        assert again.wait(30)
        new = server.requests[before:]
        asks = askers(server, new)

    assert (again.id, again.branch) == (run.id, branch)
    assert sorted(asks) == ["critic", "critic", "planner", "treasurer"]
    assert not [prompt(request) for request in new if left & set(prompt(request).split())]
    assert kept.split()[-1] in prompt(asked(server, "critic")[1])
    finished = [turn.name for turn in pool.document().turns if turn.status == "finished"]
    assert sorted(finished) == ["critic#1", "critic#2", "planner#1", "planner#2", "treasurer#2"]
    assert pool.document().turn("planner#1").text == kept
    assert pool.document().turn("treasurer#1").status == "cancelled"


def test_no_token_of_the_old_line_ever_shows_on_the_new_one(pool):
    """At no moment of the resumed run, and not after it."""
    with caught_in_mid_run(pool) as (_server, run):
        pool.rollback("planner#1")
        restored = pool.document()
        run.wait(20)
        left = tokens(pool.document("main").turns) - tokens(restored.turns)
        assert left
        resume(pool).wait(30)
    (head,) = of_type(pool, Head)
    for at in range(head.offset, pool.end):
        assert not left & tokens(pool.document(Position(pool.branch, at)).turns)
    assert not left & tokens(pool.document().turns)
    assert left <= tokens(pool.document("main").turns)


def test_a_finished_turn_after_the_position_is_taken_anew(pool):
    """critic#1 had ended, but after the position: on the new line it never spoke."""
    with caught_in_mid_run(pool) as (server, run):
        old = pool.document().turn("critic#1").text
        pool.rollback("planner#1")
        run.wait(20)
        resume(pool).wait(30)
        assert asked(server, "critic")[1].messages == asked(server, "critic")[0].messages
    assert pool.document().turn("critic#1").text != old
    assert pool.document("main").turn("critic#1").text == old


def test_a_rollback_after_what_was_finished_keeps_it_all(pool):
    """Only the turns that still spoke are asked again."""
    with caught_in_mid_run(pool) as (server, run):
        pool.rollback("critic#1")
        run.wait(20)
        before = len(server.requests)
        resume(pool).wait(30)
        new = askers(server, server.requests[before:])
    assert sorted(new) == ["critic", "planner", "treasurer"]
    counts = [turn.agent for turn in pool.document().turns if turn.status == "finished"]
    assert sorted(counts) == ["critic", "critic", "planner", "planner", "treasurer"]


def test_undo_brings_the_old_line_back_and_it_can_be_resumed_too(pool):
    """After undo the run goes on where the old line broke off; both lines end complete."""
    with caught_in_mid_run(pool) as (server, run):
        pool.rollback("planner#1")
        run.wait(20)
        resume(pool).wait(30)
        there = pool.branch
        line = pool.document()
        assert pool.undo() == "main"
        before = len(server.requests)
        resume(pool).wait(30)
        new = askers(server, server.requests[before:])
    assert sorted(new) == ["critic", "planner", "treasurer"]
    assert [(turn.name, turn.text, turn.status) for turn in pool.document(there).turns] == [
        (turn.name, turn.text, turn.status) for turn in line.turns
    ]
    assert pool.document().turn("planner#1").text == line.turn("planner#1").text
    assert pool.document().turn("critic#1").text != line.turn("critic#1").text


def test_what_a_sleeping_process_writes_late_stays_on_the_line_that_was_left(pool):
    """It was rolled back while it slept; when it wakes, it has text in hand that it still writes, then it ends."""
    with OpenAIServer(tokens=30) as server, elsewhere(server) as process:
        process.send_signal(signal.SIGSTOP)
        branch = pool.rollback("quick#1")
        restored = pool.document()
        last = pool.end - 1
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline().split() == ["stopped", "moved"]
        assert process.wait(20) == 0
        late = [event for event in pool.events(last + 1) if isinstance(event, Delta | TurnFinished)]
        assert late
        assert {event.branch for event in late} == {"main"}
        assert pool.document() == restored
        run = resume(pool)
        assert run.wait(30)
        assert (len(asked(server, "quick")), len(asked(server, "slow"))) == (1, 2)
    assert run.branch == branch
    assert [turn.status for turn in pool.document().turns if turn.agent == "slow"] == ["cancelled", "finished"]


def usages(pool):
    """What all turns of all lines took, each counted once."""
    return [event.usage.total for event in of_type(pool, TurnFinished) if event.usage]


def test_tokens_that_were_spent_on_a_line_that_was_left_are_spent(pool):
    """However often a run is rolled back and resumed, it never takes more than its budget."""
    limit = 3000
    with OpenAIServer(tokens=20) as server:
        run = play(pool, {"ann": "Talks.", "ben": "Talks."}, server, turns=2, max_tokens=20, budget={"tokens": limit})
        for _ in range(40):
            if run.reason == "budget":
                break
            pool.clear()
            run = resume(pool)
            run.wait(30)
    assert run.reason == "budget"
    assert f"the budget of {limit} tokens has {limit - sum(usages(pool))} left" in run.detail
    assert sum(usages(pool)) <= limit
    assert len(pool.branches) > 2


def test_what_stops_at_a_rollback_counts_as_it_was_counted(pool):
    """Those that were cut short have a count, on the line that was left; the resumed run begins with it."""
    with caught_in_mid_run(pool) as (_server, run):
        pool.rollback("planner#1")
        run.wait(20)
        cut = [turn for turn in pool.document("main").turns if turn.status == "cancelled"]
        assert all(turn.usage for turn in cut)
        assert spent(pool, run.id) == sum(usages(pool))


def test_a_turn_whose_process_died_counts_as_what_it_took_at_most(pool):
    """Nobody counted it: its prompt and its text are taken for tokens as another turn's were, with a margin."""
    with OpenAIServer(tokens=30) as server:
        with elsewhere(server) as process:
            process.kill()
            process.wait()
        (open_,) = [turn for turn in pool.document().turns if turn.status == "running"]
        (request,) = asked(server, open_.agent)
        taken = sum(len(message["content"].split()) for message in request.messages) + len(open_.text.split())
        counted = sum(usages(pool))
        assert counted + taken <= spent(pool, process.run_id) <= counted + 1.5 * taken
        before = spent(pool, process.run_id)
        mark_lost(pool, pool.runs[process.run_id])
        assert spent(pool, process.run_id) == before
