"""A turn in strides: the agent stops, reads the pool again, and goes on with its own sentence."""

from __future__ import annotations

import hashlib
import json

import pytest

from agentpool_jupyter.agents.models.continuation import GO_ON
from agentpool_jupyter.agents.models.trial import PROBE
from agentpool_jupyter.pool.events import Delta, TurnContinued, TurnFailed, TurnFinished, TurnStarted
from tests.openai_server import Cut, ErrorChunk, NoUsage, OpenAIServer, Refuse, expected
from tests.teams import asked, of_type, play, prompt, said, speaks, team, until

ALONE = {"ann": {"role": "Talks.", "listens": []}}


def turn_requests(server):
    """All but the trial of how the server goes on."""
    return [request for request in server.requests if request.messages != list(PROBE)]


def digest(messages):
    canonical = json.dumps(messages, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


# One turn, one text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefill", ["continue", "repeat", "flagged"])
@pytest.mark.parametrize("stride", [1, 7, 13, 40, 1000])
def test_in_an_unchanged_pool_the_text_is_that_of_an_unbroken_turn(pool, prefill, stride):
    """Nothing is said twice, nothing left out, and the document shows one turn."""
    with OpenAIServer(tokens=40, prefill=prefill) as server:
        run = play(pool, ALONE, server, stride=stride)
        whole = expected(server.requests[0].messages, tokens=40)
    (turn,) = run.document().turns
    assert (turn.text, turn.status, turn.reason) == (whole, "finished", "stop")
    assert len(of_type(pool, TurnContinued)) == (40 - 1) // stride
    assert [event.seq for event in of_type(pool, Delta)] == list(range(of_type(pool, TurnFinished)[0].deltas))
    assert run.reason == "turns"


@pytest.mark.parametrize("prefill", ["ignore", "refuse"])
def test_a_server_that_starts_anew_is_asked_in_words(pool, prefill):
    """Behind its own text; every stride says more, of one turn."""
    with OpenAIServer(tokens=10, prefill=prefill) as server:
        run = play(pool, ALONE, server, stride=4, max_tokens=12)
        requests = turn_requests(server)
    (turn,) = run.document().turns
    assert [[m["role"] for m in request.messages] for request in requests] == [
        ["system", "user"],
        *[["system", "user", "assistant", "user"]] * 2,
    ]
    assert all(request.messages[3]["content"] == GO_ON for request in requests[1:])
    assert requests[2].messages[2]["content"].startswith(requests[1].messages[2]["content"])
    assert turn.text.split() == [word for r in requests for word in expected(r.messages, tokens=4).split()]
    assert {event.way for event in of_type(pool, TurnContinued)} == {"message"}
    assert turn.reason == "length"


def test_which_way_is_recorded_and_tried_once(pool):
    """For all agents of one server, however many go on at once."""
    with OpenAIServer(tokens=20, prefill="flagged") as server:
        play(pool, {f"a{i}": {"role": "Talks.", "listens": []} for i in range(4)}, server, stride=6)
        tried = [request for request in server.requests if request.messages == list(PROBE)]
        flags = [request.body.get("continue_final_message") for request in turn_requests(server)]
    assert len(tried) == 2
    assert sorted(map(str, flags)) == ["None"] * 4 + ["True"] * 12
    assert {event.way for event in of_type(pool, TurnContinued)} == {"flagged"}


def test_a_refusal_in_mid_turn_changes_the_way(pool):
    """What looked like a server that goes on, and refuses after all, is asked in words; nothing is lost."""
    with OpenAIServer(tokens=12, prefill="continue") as server:
        server.fault(Refuse(400, message="no prefill today"), nth=3)
        run = play(pool, ALONE, server, stride=4, max_tokens=12)
    (turn,) = run.document().turns
    assert [event.way for event in of_type(pool, TurnContinued)] == ["prefill", "prefill", "message"]
    assert "no prefill today" in of_type(pool, TurnContinued)[2].error
    assert turn.status == "finished"


def test_without_a_stride_nothing_is_tried(pool):
    with OpenAIServer(tokens=40, prefill="continue") as server:
        play(pool, ALONE, server, max_tokens=20)
    assert len(server.requests) == 1
    assert of_type(pool, TurnContinued) == []


# What it reads on its way -------------------------------------------------------------------------------------


def test_what_is_said_meanwhile_is_read_in_mid_sentence(pool):
    """The next stride's prompt has a person's word; the agent's own unfinished turn is not in it twice."""
    with OpenAIServer(tokens=60, rate=60, prefill="continue") as server:
        run = team(ALONE, server, stride=10).start(pool)
        until(lambda: said(pool, "ann"))
        message = pool.post("Mind the rent.")
        run.wait(60)
        requests = turn_requests(server)
    read = [request for request in requests if "Mind the rent." in prompt(request)]
    assert "Mind the rent." not in prompt(requests[0])
    assert read
    assert not any("ann#1" in prompt(request) for request in requests)
    assert all(request.messages[-1]["role"] == "assistant" for request in requests[1:])
    events = of_type(pool, TurnContinued)
    assert [event.seen for event in events] == sorted(event.seen for event in events)
    assert [event.seen > message.offset for event in events].count(True) == len(read)
    assert len([turn for turn in pool.document().turns if turn.agent == "ann"]) == 1


def test_two_agents_think_in_parallel_over_one_pool(pool):
    """Each reads, while it speaks, what the other is saying at that time."""
    with OpenAIServer(tokens=60, rate=60, prefill="continue") as server:
        play(pool, {"ann": "Talks.", "ben": "Talks too."}, server, stride=10, max_tokens=60)
        prompts = {name: [prompt(r) for r in asked(server, name)] for name in ("ann", "ben")}
    assert any("[ben#1 (still speaking)]" in text for text in prompts["ann"])
    assert any("[ann#1 (still speaking)]" in text for text in prompts["ben"])


def test_each_reading_is_recorded(pool):
    """What it had seen, of what its prompt was made, and the digest of exactly what the server got."""
    with OpenAIServer(tokens=30, prefill="repeat") as server:
        play(pool, ALONE, server, stride=8)
        digests = [digest(request.messages) for request in turn_requests(server)]
    (begun,), continued, (ended,) = (of_type(pool, kind) for kind in (TurnStarted, TurnContinued, TurnFinished))
    assert [begun.digest, *(event.digest for event in continued)] == digests
    assert {event.turn for event in continued} == {begun.turn}
    assert all(begun.seen < event.seen <= event.offset for event in continued)
    assert ended.seen == continued[-1].seen
    assert [event.context["sizes"]["own"] > 0 for event in continued] == [True] * 3
    written = [sum(isinstance(e, Delta) and e.offset < event.offset for e in pool.events()) for event in continued]
    assert [event.deltas for event in continued] == written
    texts = [event.text for event in of_type(pool, Delta)]
    assert [event.chars for event in continued] == [len("".join(texts[: event.deltas])) for event in continued]


def test_who_has_read_on_its_way_is_not_woken_by_what_it_read(pool):
    """A word that was read in mid-turn is not news afterwards."""
    with OpenAIServer(tokens=60, rate=60, prefill="continue") as server:
        run = team(ALONE, server, stride=10, turns=5).start(pool)
        until(lambda: said(pool, "ann"))
        pool.post("Mind the rent.")
        run.wait(60)
    assert [turn.name for turn in pool.document().turns if turn.agent == "ann"] == ["ann#1"]
    assert run.reason == "quiescent"


# What it takes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefill", ["continue", "repeat", "ignore"])
def test_max_tokens_holds_for_the_whole_turn(pool, prefill):
    """Not for each stride; the last one is shorter."""
    with OpenAIServer(tokens=1000, prefill=prefill) as server:
        run = play(pool, ALONE, server, stride=8, max_tokens=30)
        asked_for = [request.max_tokens for request in turn_requests(server)]
    (turn,) = run.document().turns
    assert asked_for == [8, 8, 8, 6]
    assert len(turn.text.split()) == 30
    assert turn.reason == "length"


def test_usage_is_the_sum_over_strides(pool):
    """And over the trial of the server; the report shares it out."""
    with OpenAIServer(tokens=30, prefill="repeat") as server:
        run = play(pool, ALONE, server, stride=8)
        prompts = sum(len(m["content"].split()) for request in server.requests for m in request.messages)
        trial = next(r for r in server.requests if r.messages == list(PROBE))
    (turn,) = run.document().turns
    assert turn.usage.prompt == prompts
    assert turn.usage.completion == 30 + trial.sent - trial.again
    (row,) = run.report().rows
    assert 0 < row.own < row.prompt
    assert row.task + row.own == row.prompt


def test_without_counts_the_bounds_count(pool):
    with OpenAIServer(tokens=30, prefill="continue") as server:
        server.fault(NoUsage())
        run = play(pool, ALONE, server, stride=8)
        prompts = sum(len(m["content"]) for request in server.requests for m in request.messages)
    (turn,) = run.document().turns
    assert turn.usage.estimated
    assert turn.usage.prompt >= prompts
    assert len(turn.text.split()) == 30


def test_the_budget_is_reserved_for_each_stride(pool):
    """A stride that does not fit ends the run before it is asked for, and what was said stays."""
    with OpenAIServer(tokens=1000, prefill="continue") as server:
        run = play(pool, ALONE, server, stride=20, max_tokens=1000, budget={"tokens": 1500})
        assert len(turn_requests(server)) >= 2
    (turn,) = run.document().turns
    assert (run.reason, turn.status) == ("budget", "cancelled")
    assert run.document().usage.total <= 1500
    assert turn.text.strip()


def test_a_stopped_run_keeps_what_was_said(pool):
    with OpenAIServer(tokens=1000, rate=60, prefill="continue") as server:
        run = team(ALONE, server, stride=5, max_tokens=1000).start(pool)
        until(lambda: len(of_type(pool, TurnContinued)) > 1)
        run.stop()
        assert server.until(lambda server: server.open_streams == 0)
    (turn,) = run.document().turns
    assert (run.reason, turn.status) == ("stopped", "cancelled")
    assert expected(server.requests[0].messages, tokens=1000).startswith(turn.text)
    assert turn.usage.estimated


# Where its server fails ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Cut(after=3), ErrorChunk(after=3), Refuse(503), Refuse(429, retry_after="0.01")])
def test_a_failed_stride_goes_on_from_the_text_so_far(pool, fault):
    """Nothing is said twice, of one turn: what a broken stream had said stays, and the record says what happened."""
    with OpenAIServer(tokens=40, prefill="continue") as server:
        server.fault(fault, nth=3)
        run = play(pool, ALONE, server, stride=8)
        whole = expected(server.requests[0].messages, tokens=40)
    (turn,) = run.document().attempts
    assert (turn.text, turn.status) == (whole, "finished")
    assert of_type(pool, TurnFailed) == []
    assert [bool(event.error) for event in of_type(pool, TurnContinued)].count(True) == 1


def test_a_failure_before_the_first_word_is_another_attempt(pool):
    """As without strides."""
    with OpenAIServer(tokens=20, prefill="continue") as server:
        server.fault(Refuse(503, retry_after="0.01"), times=1)
        run = play(pool, ALONE, server, stride=8)
    assert [turn.status for turn in run.document().attempts] == ["failed", "finished"]
    assert len(run.document().turns) == 1


def test_a_server_that_stays_away_ends_the_turn_with_what_was_said(pool):
    with OpenAIServer(tokens=40, prefill="continue") as server:
        server.fault(Refuse(503, retry_after="0.01"), nth=3)
        server.fault(Refuse(503, retry_after="0.01"), nth=4)
        run = play(pool, ALONE, server, stride=8, attempts=2)
        whole = expected(server.requests[0].messages, tokens=40)
    (turn,) = run.document().turns
    assert turn.status == "failed"
    assert turn.text.strip()
    assert whole.startswith(turn.text)
    assert len(server.requests) == 5


def test_a_stride_that_breaks_off_is_charged_what_came(pool):
    """By the ratio that the strides before have taught, so that the turn can say the rest."""
    with OpenAIServer(tokens=40, prefill="continue") as server:
        server.fault(Cut(after=5), nth=2)
        run = play(pool, ALONE, server, stride=8, max_tokens=16)
    (turn,) = run.document().attempts
    assert (turn.status, turn.reason) == ("finished", "length")
    assert 15 <= len(turn.text.split()) <= 16


def test_a_model_that_thinks_through_a_stride_is_given_the_rest_at_once(pool):
    """Else it would think the same again and again and never say a word."""
    with OpenAIServer(tokens=0, reasoning=3) as server:
        run = play(pool, ALONE, server, stride=8)
    assert run.document().turns == []
    assert len(server.requests) == 1


def test_an_agent_may_have_a_stride_of_its_own(pool):
    agents = {"ann": {"role": "Talks.", "stride": 5, "listens": []}, "ben": {"role": "Talks.", "listens": []}}
    with OpenAIServer(tokens=20, prefill="continue") as server:
        play(pool, agents, server)
        assert [len(asked(server, name)) for name in ("ann", "ben")] == [4, 1]
    assert {event.agent for event in of_type(pool, TurnContinued)} == {"ann"}
    assert speaks("ann")
