"""Who speaks when, what each turn had seen, and why a run ends."""

import hashlib
import itertools
import json

import pytest

from agentpool_jupyter.errors import RunActiveError
from agentpool_jupyter.pool.events import Delta, Message, RunFinished, RunStarted, TurnFinished, TurnStarted
from tests.openai_server import Drip, OpenAIServer, Silence, expected
from tests.programs import at_once, start, tell
from tests.teams import asked, of_type, play, prompt, said, speaks, team, until


def test_agents_speak_at_once(pool):
    """Nobody waits for the other: both begin before either has ended, and their text alternates in the log."""
    with OpenAIServer(rate=60, tokens=30) as server:
        play(pool, {"ann": "Drafts.", "ben": "Drafts too."}, server)
    begun = [event.offset for event in of_type(pool, TurnStarted)]
    ended = [event.offset for event in of_type(pool, TurnFinished)]
    speakers = [event.agent for event in of_type(pool, Delta)]
    assert server.most_streams == 2
    assert max(begun) < min(ended)
    assert len(list(itertools.groupby(speakers))) > 4


def test_the_document_is_what_the_server_said(pool, server):
    """No token is lost, doubled or moved, and usage is what the server counted."""
    run = play(pool, {"ann": "Drafts.", "ben": "Checks."}, server, turns=2)
    answers = sorted(expected(request.messages, tokens=40) for request in server.requests)
    turns = run.document().turns
    assert sorted(turn.text for turn in turns) == answers
    assert {turn.name for turn in turns} == {"ann#1", "ann#2", "ben#1", "ben#2"}
    assert all(turn.usage.completion == 40 for turn in turns)
    assert run.reason == "turns"
    assert run.status == "finished"


def test_a_turn_sees_what_others_are_still_saying(pool, server):
    """A person's word wakes the quick agent, whose prompt then holds the slow one's unfinished sentence."""
    server.fault(Drip(30), contains=speaks("slow"))
    agents = {"slow": "Thinks long.", "quick": {"role": "Answers.", "listens": ["slow", "task"]}}
    run = team(agents, server, turns=2).start(pool)
    until(lambda: said(pool, "slow", 10))
    pool.post("What do you have so far?")
    run.wait(60)
    slow = expected(asked(server, "slow")[0].messages, tokens=40)
    partial = prompt(asked(server, "quick")[1])
    head, _, rest = partial.partition("[slow#1 (still speaking)]\n  ")
    seen = rest.partition("\n\n")[0]
    assert "[you#1]\n  What do you have so far?" in head + rest
    assert 0 < len(seen) < len(slow.strip())
    assert slow.startswith(seen)


def test_a_persons_word_in_mid_run_is_answered(pool, server):
    """Agents that had nothing left to react to, but turns, speak again."""
    server.fault(Drip(40), contains=speaks("slow"))
    agents = {"slow": {"role": "Thinks.", "listens": []}, "quick": {"role": "Answers.", "listens": []}}
    run = team(agents, server, turns=2).start(pool)
    until(lambda: said(pool, "slow"))
    message = pool.post("Mind the rent.")
    run.wait(60)
    again = [event for event in of_type(pool, TurnStarted) if event.seen > message.offset]
    assert sorted(event.agent for event in again) == ["quick", "slow"]
    assert all("Mind the rent." in prompt(asked(server, name)[1]) for name in ("slow", "quick"))
    assert run.reason == "turns"


def test_listens_makes_a_pipeline(pool, server):
    """Each stage starts after the one before has ended, hears that one only, and the run ends when all is quiet."""
    agents = {
        "draft": {"role": "Drafts.", "listens": []},
        "check": {"role": "Checks.", "listens": ["draft"]},
        "polish": {"role": "Polishes.", "listens": ["check"]},
    }
    run = play(pool, agents, server, turns=3)
    prompts = {name: [prompt(request) for request in asked(server, name)] for name in agents}
    turns = {turn.name: turn for turn in run.document().turns}
    assert list(turns) == ["draft#1", "check#1", "polish#1"]
    assert turns["check#1"].seen > turns["draft#1"].end
    assert turns["polish#1"].seen > turns["check#1"].end
    assert turns["draft#1"].text.strip() in prompts["check"][0]
    assert turns["check#1"].text.strip() in prompts["polish"][0]
    assert "[draft#1]" not in prompts["polish"][0]
    assert run.reason == "quiescent"


def test_each_agent_has_its_own_number_of_turns(pool, server):
    run = play(pool, {"ann": {"role": "Talks.", "turns": 3}, "ben": "Listens."}, server, turns=1)
    assert sorted(turn.name for turn in run.document().turns) == ["ann#1", "ann#2", "ben#1"]
    assert run.reason == "quiescent"


def test_the_time_budget_ends_a_run(pool, server):
    """A server that never ends its answer does not hold the run beyond its budget; what was said stays."""
    server.fault(Silence(after=5))
    run = play(pool, {"ann": "Talks."}, server, budget={"seconds": 0.7})
    begun = expected(server.requests[0].messages, tokens=5)
    (turn,) = run.document().turns
    assert run.reason == "timeout"
    assert "0.7 s" in run.detail
    assert (turn.text, turn.status) == (begun, "cancelled")


def test_every_event_says_whose_it_is(pool, server):
    """Run and branch stand on all events of a run, the agent on all events of a turn."""
    run = play(pool, {"ann": "Talks.", "ben": "Talks."}, server)
    events = list(pool.events())
    assert {(event.run, event.branch) for event in events} == {(run.id, "main")}
    assert {event.agent for event in events if hasattr(event, "turn")} == {"ann", "ben"}
    assert len({event.id for event in events}) == len(events)


def test_a_turn_records_its_exact_prompt_and_what_it_had_seen(pool, server):
    """The digest is that of the messages which the server received, as canonical JSON."""
    play(pool, {"ann": "Says «ja» & more.", "ben": "Talks."}, server, turns=2)
    sent = {
        hashlib.sha256(
            json.dumps(request.messages, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        ).hexdigest()
        for request in server.requests
    }
    begun = of_type(pool, TurnStarted)
    assert {event.digest for event in begun} == sent
    assert all(0 < event.seen <= event.offset for event in begun)
    second = [event for event in begun if event.context.get("read")]
    assert second
    assert all(set(event.context["read"]) <= {"ann", "ben"} for event in second)


def test_a_second_run_goes_on_with_the_document_and_counts_its_own_turns(pool, server):
    """Earlier turns are read, not counted: names go on, turns and the report begin at nothing."""
    first = play(pool, {"ann": "Talks."}, server)
    second = play(pool, {"ann": "Talks."}, server)
    assert "[ann#1 (you)]" in prompt(server.requests[1])
    assert [turn.name for turn in pool.document().turns] == ["ann#1", "ann#2"]
    assert [turn.run for turn in pool.document().turns] == [first.id, second.id]
    assert (first.report().total.turns, second.report().total.turns) == (1, 1)


def test_a_rollback_in_mid_run_ends_it_and_stays_clean(pool):
    """Late tokens stay on the line that was left; the document that was restored never shows them."""
    pool.post("Before.")
    with OpenAIServer(rate=40, tokens=200) as server:
        run = team({"ann": "Talks long."}, server, max_tokens=200).start(pool)
        until(lambda: said(pool, "ann"))
        branch = pool.rollback(0)
        run.wait(30)
    assert (run.reason, run.status) == ("moved", "stopped")
    assert [turn.text for turn in pool.document().turns] == ["Before."]
    assert pool.branch == branch
    left = pool.document("main").turns[-1]
    assert (left.agent, left.status, left.branch) == ("ann", "cancelled", "main")
    assert left.text
    assert {event.branch for event in pool.events() if event.run == run.id} == {"main"}


def test_a_rollback_right_after_the_start_is_noticed(pool):
    """Also where the run's own thread has not read the pool yet."""
    pool.post("Before.")
    with OpenAIServer(rate=40, tokens=200) as server:
        run = team({"ann": "Talks long."}, server, max_tokens=200).start(pool)
        pool.rollback(0)
        run.wait(30)
    assert run.reason == "moved"


def test_an_undo_ends_a_run_on_the_line_that_it_leaves(pool):
    pool.post("Before.")
    pool.post("A mistake.")
    branch = pool.rollback(0)
    with OpenAIServer(rate=40, tokens=200) as server:
        run = team({"ann": "Talks long."}, server, max_tokens=200).start(pool)
        assert run.branch == branch
        until(lambda: said(pool, "ann"))
        assert pool.undo() == "main"
        run.wait(30)
    assert run.reason == "moved"


def test_a_fork_that_nobody_switches_to_disturbs_no_run(pool):
    with OpenAIServer(rate=100, tokens=20) as server:
        run = team({"ann": "Talks."}, server).start(pool)
        until(lambda: said(pool, "ann"))
        pool.fork("idea")
        run.wait(30)
    assert run.reason == "turns"


def test_a_team_does_not_start_where_one_runs(pool):
    """The refusal names the run, and nothing is written."""
    with OpenAIServer(rate=20, tokens=100) as server:
        run = team({"ann": "Talks."}, server).start(pool)
        with pytest.raises(RunActiveError, match=run.id):
            team({"ben": "Talks."}, server).start(pool)
        run.stop()
    assert len(of_type(pool, RunStarted)) == 1


_CONTENDER = """
import sys
from agentpool_jupyter import Team, open_pool
from agentpool_jupyter.errors import RunActiveError

def work(document):
    sys.stdin.readline()
    return "done"

team = Team.from_yaml("task: t\\nturns: 1\\nagents: {ann: {python: work}}", functions={"work": work})
pool = open_pool("bakery")
print("ready", flush=True)
sys.stdin.readline()
try:
    run = team.start(pool)
except RunActiveError:
    print("refused", flush=True)
else:
    print("runs", flush=True)
    run.wait()
pool.close()
"""


def test_of_teams_started_at_once_in_several_processes_exactly_one_runs(pool):
    """The log's order decides; the others are told, and leave a word in the pool that they were refused."""
    processes = [start(_CONTENDER) for _ in range(3)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    tell(*processes)
    assert sorted(process.stdout.readline() for process in processes) == ["refused\n", "refused\n", "runs\n"]
    for process in processes:
        process.communicate("\n")
    assert [turn.text for turn in pool.document().turns] == ["done"]
    reasons = [event.reason for event in of_type(pool, RunFinished)]
    assert reasons.count("turns") == 1
    assert set(reasons) <= {"turns", "refused"}


def test_many_people_and_agents_write_at_once(pool):
    """A run takes in messages that come from several threads while its agents stream; none is lost."""
    with OpenAIServer(rate=200, tokens=40) as server:
        run = team({"ann": "Talks.", "ben": "Talks."}, server, turns=2).start(pool)
        at_once(*(lambda i=i: [pool.post(f"word {i}.{j}") for j in range(10)] for i in range(4)))
        run.wait(60)
    assert len(of_type(pool, Message)) == 40
    assert [event.offset for event in pool.events()] == list(range(pool.end))


def test_closing_the_pool_ends_its_run_with_one_clear_error(pool):
    with OpenAIServer(rate=20, tokens=200) as server:
        run = team({"ann": "Talks."}, server).start(pool)
        until(lambda: said(pool, "ann"))
        pool.close()
        with pytest.raises(Exception, match="closed") as caught:
            run.wait(30)
    assert "\n" not in str(caught.value)
