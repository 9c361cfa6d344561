"""What is waited for, how long, and what is no silence."""

from __future__ import annotations

import pytest

from agentpool_jupyter.agents.models.refusals import retry_after
from agentpool_jupyter.pool.events import TurnFailed
from tests.openai_server import Ends, OpenAIServer, Refuse, Silence
from tests.teams import of_type, play, speaks

ANN = {"role": "Talks.", "listens": []}


@pytest.mark.parametrize(
    ("refusal", "fields"),
    [
        (Refuse(429, "limit of requests per day", retry_after="86399"), {}),
        (Refuse(429, "Rate limit reached. Please try again in 23h59m59s.", None), {}),
        (Refuse(503, "limit of requests per day", retry_after="40"), {"budget": {"seconds": 20}}),
    ],
    ids=["a day", "a day in words", "longer than the run may take"],
)
def test_who_asks_to_wait_too_long_has_failed(pool, refusal, fields):
    """At once, in the server's words and with the time that it named."""
    with OpenAIServer() as server:
        server.fault(refusal)
        run = play(pool, {"ann": ANN}, server, **fields)
        assert len(server.requests) == 1
    (failed,) = of_type(pool, TurnFailed)
    assert (failed.retriable, failed.wait) == (False, 0.0)
    assert refusal.message in failed.error
    assert "asks to wait" in failed.error
    assert run.status == "failed"


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ('{"error": {"message": "Please try again in 1.5s."}}', 1.5),
        ('{"error": {"message": "Please try again in 6m0.5s."}}', 360.5),
        ('{"error": {"message": "Please try again in 250ms."}}', 0.25),
        ('{"error": {"message": "Please retry after 7 seconds."}}', 7.0),
        ('{"error": {"details": [{"retryDelay": "4s"}]}}', 4.0),
        ('{"retry_after": 20}', 20.0),
        ('{"error": {"message": "Try later."}}', None),
        ("", None),
    ],
)
def test_a_delay_in_the_body_is_read(body, seconds):
    assert retry_after({}, body) == seconds


def test_a_header_goes_over_the_body():
    assert retry_after({"retry-after": "2"}, '{"retry_after": 20}') == 2.0


def test_a_model_that_is_loading_is_waited_for(pool):
    """It is no failed attempt."""
    with OpenAIServer(tokens=5) as server:
        server.fault(Refuse(503, "Loading model"), times=2)
        run = play(pool, {"ann": ANN}, server, attempts=1)
    assert run.reason == "turns"
    assert not of_type(pool, TurnFailed)


def test_waiting_in_the_servers_queue_is_no_silence(pool):
    """A server with one slot answers four agents one after the other, each within what counts as silence."""
    with OpenAIServer(tokens=20, rate=40, slots=1) as server:
        run = play(pool, {f"a{i}": ANN for i in range(4)}, server, silence=0.8)
        assert len(server.requests) == 4
    assert not of_type(pool, TurnFailed)
    assert len(run.document().turns) == 4


def test_a_server_that_answers_nobody_is_silent(pool):
    """And what may be meant is said."""
    with OpenAIServer() as server:
        server.fault(Silence(after=0))
        run = play(pool, {"ann": ANN, "ben": ANN}, server, silence=0.3, attempts=1)
    assert [event.kind for event in of_type(pool, TurnFailed)] == ["timeout", "timeout"]
    assert "say `parallel: N`" in run.detail


@pytest.mark.parametrize("where", ["team", "agent"])
def test_no_more_calls_at_once_than_parallel_says(pool, where):
    """All models of a server together; the smallest number that is named holds."""
    agents = {f"a{i}": {**ANN, "model": f"m{i % 2}"} for i in range(6)}
    fields = {"parallel": 2}
    if where == "agent":
        agents["a0"]["parallel"], fields = 2, {"parallel": 5}
    with OpenAIServer(tokens=10, rate=100) as server:
        run = play(pool, agents, server, **fields)
        assert server.most_streams == 2
    assert len(run.document().turns) == 6


def test_waiting_for_a_place_is_no_silence_and_costs_nothing(pool):
    with OpenAIServer(tokens=20, rate=40) as server:
        run = play(pool, {f"a{i}": ANN for i in range(3)}, server, parallel=1, silence=0.8)
        counted = sum(sum(len(m["content"].split()) for m in r.messages) + r.sent for r in server.requests)
    assert not of_type(pool, TurnFailed)
    assert run.document().usage.total == counted


def test_heartbeats_behind_the_end_do_not_hold_a_turn(pool):
    with OpenAIServer(tokens=5) as server:
        server.fault(Ends("stop", linger=True))
        run = play(pool, {"ann": ANN}, server, silence=1)
        assert server.until(lambda server: server.open_streams == 0)
    (turn,) = run.document().turns
    assert (turn.status, turn.usage.estimated) == ("finished", True)
    assert speaks("ann")
