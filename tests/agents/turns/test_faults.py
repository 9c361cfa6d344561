"""Servers that fail in every way, budgets, stops and a full disk: what the pool says then."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agentpool_jupyter.errors import RunFailedError
from agentpool_jupyter.pool.events import Release, RunFinished, TurnFailed, TurnFinished, TurnStarted
from tests.openai_server import (
    Cut,
    Drip,
    Drop,
    ErrorChunk,
    Malformed,
    NoUsage,
    OpenAIServer,
    Refuse,
    Silence,
    expected,
)
from tests.teams import asked, of_type, play, said, speaks, team, until

KEY = "secret-key-of-a-test-0123456789"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Refuse(500), "server"),
        (Refuse(429), "rate_limit"),
        (Drop(), "connection"),
        (Cut(after=6), "cut"),
        (Cut(after=6, clean=True), "cut"),
        (Silence(after=6), "timeout"),
        (Silence(after=0), "timeout"),
        (Malformed(after=6), "malformed"),
        (ErrorChunk(after=6), "server"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value).replace("_", " "),
)
def test_a_failed_attempt_is_tried_again_and_leaves_no_trace_in_the_text(pool, fault, kind):
    """The document holds the second answer once; the history keeps the failed attempt with its reason."""
    with OpenAIServer(tokens=12) as server:
        server.fault(fault, times=1)
        run = play(pool, {"ann": "Talks."}, server, silence=1.0)
        answer = expected(server.requests[1].messages, tokens=12)
    document = run.document()
    (turn,) = document.turns
    (failed,) = of_type(pool, TurnFailed)
    assert (turn.name, turn.text, turn.status, turn.attempt) == ("ann#1", answer, "finished", 2)
    assert document.text.count(answer.strip()) == 1
    assert (failed.kind, failed.retriable, failed.attempt) == (kind, True, 1)
    assert [attempt.status for attempt in document.attempts] == ["failed", "finished"]
    assert (run.report().rows[0].turns, run.report().rows[0].failed) == (1, 1)
    assert run.reason == "turns"


def test_retry_after_is_honoured(pool):
    """The second request does not arrive before the time that the server named, and the pool says how long."""
    with OpenAIServer(tokens=5) as server:
        server.fault(Refuse(429, retry_after="1.5"), times=1)
        play(pool, {"ann": "Talks."}, server)
        first, second = server.requests
    assert second.arrived - first.ended >= 1.5
    assert of_type(pool, TurnFailed)[0].wait >= 1.5


def test_a_server_that_comes_back_is_asked_again(pool):
    with OpenAIServer(tokens=5) as server:
        server.go_away()
        run = team({"ann": "Talks."}, server).start(pool)
        until(lambda: of_type(pool, TurnFailed))
        server.come_back()
        run.wait(30)
    assert of_type(pool, TurnFailed)[0].kind == "connection"
    assert [turn.status for turn in run.document().turns] == ["finished"]


def test_a_slow_drip_is_waited_for(pool):
    """Silence is the time between two tokens, not that of the whole answer."""
    with OpenAIServer(tokens=6) as server:
        server.fault(Drip(6))
        run = play(pool, {"ann": "Talks."}, server, silence=0.5)
    assert not of_type(pool, TurnFailed)
    assert run.reason == "turns"


def test_a_partial_text_that_was_taken_back_is_nobodys_context(pool):
    """What a broken attempt had said is not read by those who speak after it."""
    with OpenAIServer(tokens=12) as server:
        server.fault(Cut(after=6), times=1)
        agents = {"ann": {"role": "Talks.", "listens": []}, "ben": {"role": "Answers.", "listens": ["ann"]}}
        play(pool, agents, server)
        (request,) = asked(server, "ben")
        whole = expected(server.requests[1].messages, tokens=12)
    assert request.messages[1]["content"].count("[ann#1") == 1
    assert whole.strip() in request.messages[1]["content"]


@pytest.mark.parametrize(("status", "kind"), [(401, "auth"), (400, "request"), (404, "request")])
def test_an_agent_that_fails_for_good_does_not_take_down_the_others(pool, status, kind):
    """It is asked once, its failure stands in the document, the report and the run, and the others finish."""
    with OpenAIServer(tokens=5) as server:
        server.fault(Refuse(status, message="no such luck"), contains=speaks("bad"))
        run = play(pool, {"bad": "Fails.", "ann": "Talks.", "ben": "Talks."}, server, turns=2)
        assert len(asked(server, "bad")) == 1
    turns = {turn.name: turn for turn in run.document().turns}
    assert {name for name, turn in turns.items() if turn.status == "finished"} == {"ann#1", "ann#2", "ben#1", "ben#2"}
    assert (turns["bad#1"].status, turns["bad#1"].reason) == ("failed", kind)
    assert "no such luck" in run.document().text
    assert (run.report().rows[0].turns, run.report().rows[0].failed) == (0, 1)
    assert run.status == "finished"
    assert "bad:" in run.detail


def test_a_run_in_which_nobody_could_speak_has_failed(pool):
    """``wait`` raises one line that names every agent's error."""
    with OpenAIServer() as server:
        server.fault(Refuse(401, message="who are you"))
        run = team({"ann": "Talks.", "ben": "Talks."}, server).start(pool)
        with pytest.raises(RunFailedError, match=r"ann: .*401.*; ben: .*401") as caught:
            run.wait(30)
    assert "\n" not in str(caught.value)
    assert run.status == "failed"
    assert of_type(pool, RunFinished)[0].reason == "failed"


def test_attempts_are_limited(pool):
    """The last attempt is not announced as one that is tried again."""
    with OpenAIServer() as server:
        server.fault(Refuse(503))
        run = play(pool, {"ann": "Talks."}, server, attempts=2)
        assert len(server.requests) == 2
    assert [(event.attempt, event.retriable) for event in of_type(pool, TurnFailed)] == [(1, True), (2, False)]
    assert [(turn.name, turn.status) for turn in run.document().turns] == [("ann#1", "failed")]


def test_fifty_agents_speak_at_once(pool):
    """Each gets its own answer, also where some requests fail at first."""
    with OpenAIServer(rate=15, tokens=20) as server:
        server.fault(Refuse(500), probability=0.5, times=10)
        run = play(pool, {f"agent{i}": "Talks." for i in range(50)}, server)
        answers = {expected(request.messages, tokens=20) for request in server.requests if request.status == 200}
        assert server.most_streams > 30
    turns = run.document().turns
    assert len(turns) == 50
    assert {turn.text for turn in turns} == answers
    assert run.reason == "turns"


@pytest.mark.parametrize("counts", [True, False], ids=["server counts", "server does not count"])
def test_the_token_budget_is_never_exceeded(pool, counts):
    """With many agents at once and failing servers, the run ends before the call that might not fit."""
    with OpenAIServer(tokens=30) as server:
        server.fault(Cut(after=3), probability=0.2)
        if not counts:
            server.fault(NoUsage())
        agents = {f"agent{i}": "Talks." for i in range(12)}
        run = play(pool, agents, server, turns=20, max_tokens=40, budget={"tokens": 8000}, attempts=20)
        taken = sum(sum(len(m["content"].split()) for m in r.messages) + r.sent for r in server.requests)
    assert taken <= run.document().usage.total <= 8000
    assert run.document().usage.total == run.report().total.prompt + run.report().total.completion
    assert run.reason == "budget"
    assert "budget of 8000 tokens" in run.detail
    assert "raise `budget" in run.detail
    assert run.status == "finished"


def test_a_budget_too_small_for_any_call_asks_nobody(pool):
    with OpenAIServer() as server:
        run = play(pool, {"ann": "Talks.", "ben": "Talks."}, server, budget={"tokens": 100})
        assert not server.requests
    assert run.reason == "budget"
    assert not of_type(pool, TurnStarted)


def test_keys_are_nowhere(pool, monkeypatch):
    """Neither in a stored record nor in anything that is displayed, also where a server repeats the key."""
    monkeypatch.setenv("TEST_KEY", KEY)
    with OpenAIServer(tokens=5) as server:
        server.fault(Refuse(401, message="your key {key} is wrong"), contains=speaks("bad"))
        run = play(pool, {"bad": "Fails.", "ann": "Talks."}, server, api_key_env="TEST_KEY")
        assert len(server.requests) == 2
    stored = b"".join(record.value for record in pool.log.read())
    shown = [run.report(), run, pool, run.document().text, run.team, run.detail, run.report()._repr_html_()]
    assert KEY.encode() not in stored
    assert not any(KEY in (text if isinstance(text, str) else repr(text)) for text in shown)
    assert b"your key *** is wrong" in stored


def test_stop_ends_all_streams(pool):
    """The server sees every client leave in mid-text; the turns are cancelled with their text, and the pool tells."""
    with OpenAIServer(rate=30, tokens=500) as server:
        run = team({f"agent{i}": "Talks." for i in range(5)}, server, max_tokens=500).start(pool)
        until(lambda: all(said(pool, f"agent{i}") for i in range(5)))
        assert run.status == "running"
        run.stop()
        assert server.until(lambda server: server.open_streams == 0)
        assert all(request.disconnected and request.sent < 500 for request in server.requests)
    turns = run.document().turns
    assert {turn.status for turn in turns} == {"cancelled"}
    assert all(turn.text and turn.usage.estimated for turn in turns)
    *_, finished, release = pool.events()
    assert isinstance(finished, RunFinished)
    assert isinstance(release, Release)
    assert (finished.reason, run.reason, run.status) == ("stopped", "stopped", "stopped")
    assert run.wait()


def test_stop_during_a_retry_does_not_wait_for_it(pool):
    with OpenAIServer() as server:
        server.fault(Refuse(429, retry_after="50"))
        run = team({"ann": "Talks."}, server).start(pool)
        until(lambda: of_type(pool, TurnFailed))
        run.stop()  # returns while the test may still run: the wait is a minute
    assert run.status == "stopped"


def test_stop_twice_and_after_the_end_is_fine(pool):
    with OpenAIServer(rate=30, tokens=100) as server:
        run = team({"ann": "Talks."}, server).start(pool)
        run.stop()
        run.stop()
        ended = play(pool, {"ann": "Talks."}, server, max_tokens=1)
        ended.stop()
    assert (run.status, ended.status) == ("stopped", "finished")
    assert [event.reason for event in of_type(pool, RunFinished)] == ["stopped", "turns"]


def test_stop_at_once_asks_nobody_or_cancels(pool):
    """Whether the run had begun to speak or not, nothing is left open."""
    with OpenAIServer(rate=30, tokens=100) as server:
        for _ in range(5):
            run = team({"ann": "Talks."}, server).start(pool)
            run.stop()
            assert run.reason == "stopped"
    begun = {event.turn for event in of_type(pool, TurnStarted)}
    assert begun == {event.turn for event in of_type(pool, TurnFinished)}
    assert all(turn.status == "cancelled" for turn in pool.document().turns)


_FULL_DISK = """
import os, resource, signal
from agentpool_jupyter import Team, open_pool
from agentpool_jupyter.errors import RunFailedError

def talk(document):
    return "x" * 200_000

team = Team.from_yaml(
    "task: t\\nturns: 50\\nagents:\\n  ann: {python: talk}\\n  ben: {python: talk}", functions={"talk": talk}
)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
pool = open_pool("bakery")
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
run = team.start(pool)
try:
    run.wait(60)
except RunFailedError as error:
    print(f"{run.status}: {error}")
pool.close()
"""


def test_a_full_disk_ends_the_run_with_one_clear_error(pool):
    """The limit on a file's size is the kernel's; what was acknowledged before can be read."""
    ended = subprocess.run([sys.executable, "-c", _FULL_DISK], capture_output=True, text=True, check=True, timeout=90)
    assert ended.stdout.startswith("failed: cannot use ")
    assert "check the disk" in ended.stdout
    assert ended.stdout.count("\n") == 1
    assert ended.stderr == ""
    assert pool.document().turns
    assert all(turn.text in ("", "x" * 200_000) for turn in pool.document().turns)
