"""What a server counts, what it does not, and what a run is charged."""

from __future__ import annotations

import pytest

from agentpool_jupyter import resume
from agentpool_jupyter.agents import Budget
from agentpool_jupyter.agents.models.gauge import Gauge, Load
from agentpool_jupyter.pool.events import TurnFailed, TurnFinished, Usage
from tests.openai_server import Counts, Cut, Deaf, ErrorChunk, Hold, OpenAIServer, expected
from tests.teams import asked, of_type, play, said, speaks, team, until

ANN = {"role": "Talks.", "listens": []}
PRICE = {"input": 1.0, "output": 10.0}


def truth(server, requests=None):
    """The tokens of requests: a word is one."""
    requests = server.requests if requests is None else requests
    return sum(sum(len(m["content"].split()) for m in r.messages) + r.sent for r in requests)


def test_reasoning_that_stands_in_the_total_alone_counts(pool):
    with OpenAIServer(tokens=5) as server:
        server.fault(Counts(reasoning=400))
        run = play(pool, {"ann": ANN, "ben": ANN}, server, turns=40, max_tokens=500, budget={"tokens": 6000})
        taken = truth(server) + 400 * len(server.requests)
    assert taken <= run.document().usage.total <= 6000


@pytest.mark.parametrize(
    "count", [Counts(0, 0), Counts(-100, -5), Counts(10**9, 10**9), Counts(completion=0)], ids=repr
)
def test_a_count_that_cannot_be_is_estimated(pool, count):
    """Marked, with its price, and as no other agent's trouble."""
    with OpenAIServer(tokens=20) as server:
        server.fault(count, contains=speaks("ann"))
        run = play(pool, {"ann": {**ANN, "price": PRICE}, "ben": ANN}, server)
        ann = truth(server, asked(server, "ann"))
    ann_row, ben_row = run.report().rows
    assert ann_row.estimated
    assert ann_row.prompt + ann_row.completion >= ann
    assert ann_row.cost > 0
    assert not ben_row.estimated
    assert "≤" in repr(run.report())


@pytest.mark.parametrize("fault", [Counts(every=True), None], ids=["in every chunk", "at the end"])
def test_an_exact_count_is_exact(pool, fault):
    with OpenAIServer(tokens=20) as server:
        if fault:
            server.fault(fault)
        run = play(pool, {"ann": ANN}, server)
        assert run.document().usage.total == truth(server)
    assert not run.report().total.estimated


@pytest.mark.parametrize("max_tokens", [20, 100])
def test_a_server_that_heeds_no_limit_is_left(pool, max_tokens):
    """Soon after the limit, by the size of what came; the turn ends as one at its limit does."""
    with OpenAIServer(tokens=5000, rate=2000) as server:
        server.fault(Deaf())
        run = play(pool, {"ann": ANN}, server, max_tokens=max_tokens, budget={"tokens": 2000})
        assert server.until(lambda server: server.open_streams == 0)
    (turn,) = run.document().turns
    assert turn.reason == "length"
    assert turn.usage.estimated
    assert len(turn.text.split()) <= 1.3 * max_tokens + 10
    assert run.document().usage.total <= 2000


def test_a_failed_attempt_counts_with_its_price(pool):
    """What came of it is estimated where the server did not say."""
    with OpenAIServer(tokens=20) as server:
        server.fault(Cut(after=6), times=1)
        run = play(pool, {"ann": {**ANN, "price": PRICE}}, server)
        taken = truth(server)
    (failed,), (ended,) = of_type(pool, TurnFailed), of_type(pool, TurnFinished)
    assert failed.usage.total + ended.usage.total == run.report().total.prompt + run.report().total.completion
    assert failed.usage.total + ended.usage.total >= taken
    assert run.report().total.cost == pytest.approx(failed.cost + ended.cost)


def test_cached_tokens_have_their_own_price(pool):
    price = {**PRICE, "cached": 0.1}
    with OpenAIServer(tokens=1) as server:
        run = play(pool, {"ann": {**ANN, "price": price}}, server)
    (turn,) = run.document().turns
    assert turn.cost == pytest.approx((turn.usage.prompt + 10) / 1e6)


# Estimates, against a truth that is known ----------------------------------------------------------------------


def test_what_is_stopped_is_settled_by_what_came(pool):
    """By the ratio that counted turns have taught: above the truth, and within 1.3 of it."""
    hold = Hold(after=60)
    with OpenAIServer(tokens=100) as server:
        server.fault(hold, contains=speaks("ben"))
        agents = {"ann": ANN, "ben": {"role": "Answers.", "listens": ["ann"]}}
        run = team(agents, server).start(pool)
        assert server.until(lambda server: len(asked(server, "ben")) == 1)
        until(lambda: said(pool, "ben", len(expected(asked(server, "ben")[0].messages, tokens=60))))
        run.stop()
        taken = truth(server, asked(server, "ben"))
    usage = pool.document().turn("ben#1").usage
    assert usage.estimated
    assert taken <= usage.total <= 1.3 * taken


def test_strides_without_counts_stay_within_the_truth(pool):
    """Where every third call breaks off, of which the server has counted most."""
    with OpenAIServer(tokens=200, prefill="continue") as server:
        for number in range(5, 20, 3):
            server.fault(ErrorChunk(after=5), nth=number)
        run = play(pool, {"ann": ANN}, server, stride=10, max_tokens=200, attempts=5)
        taken = truth(server)
    assert run.report().total.estimated
    assert taken <= run.document().usage.total <= 1.3 * taken


def test_what_is_set_aside_follows_what_was_counted(pool):
    """A budget holds many more calls than their bytes would allow, and is never exceeded."""
    with OpenAIServer(tokens=20) as server:
        server.fault(Cut(after=5), probability=0.1)
        agents = {f"a{i}": "Talks." for i in range(4)}
        run = play(pool, agents, server, turns=50, max_tokens=20, budget={"tokens": 8000}, attempts=20)
        taken = truth(server)
    assert run.reason == "budget"
    assert taken <= run.document().usage.total <= 8000
    assert run.document().usage.total >= 0.85 * 8000


def test_a_gauge_sets_aside_bytes_of_a_kind_that_it_does_not_know():
    """Digits and marks beyond the share it has seen are taken for a token each."""
    gauge = Gauge()
    assert gauge.prompt(Load.of("word " * 100)) == 500
    gauge.learn(prompt=Load.of("word " * 100), prompt_tokens=100, said=400, completion_tokens=80)
    assert gauge.prompt(Load.of("word " * 100), reserve=True) == 115
    assert gauge.prompt(Load.of("1234 " * 100), reserve=True) >= 400
    assert gauge.completion(100) == 23


def test_a_gauge_learns_what_a_server_adds():
    """More tokens than bytes are no tokenizer's: they stand in front of every prompt of that server."""
    gauge = Gauge()
    gauge.learn(prompt=Load(100, 0), prompt_tokens=900, said=100, completion_tokens=900)
    assert (gauge.prompt(Load(200, 0)), gauge.completion(100)) == (1000, 100)


@pytest.mark.parametrize("counts", [Counts(prompt=1000), Counts(reasoning=700)], ids=repr)
def test_what_a_server_takes_beyond_what_was_asked_is_set_aside_next_time(pool, counts):
    """A prompt that it adds, thoughts beyond the limit: only the first call can be a surprise."""
    with OpenAIServer(tokens=5) as server:
        server.fault(counts)
        run = play(pool, {"ann": "Talks.", "ben": "Talks."}, server, turns=40, max_tokens=50, budget={"tokens": 6000})
        assert len(server.requests) > 3
    assert run.reason == "budget"
    assert run.document().usage.total <= 6000


# More for a run that has ended -----------------------------------------------------------------------------------


def test_resume_with_more_goes_on(pool):
    """The budget is that of the whole run, with what it has taken."""
    with OpenAIServer(tokens=20) as server:
        run = play(pool, {"ann": "Talks.", "ben": "Talks."}, server, turns=50, budget={"tokens": 1500})
        assert run.reason == "budget"
        before = run.document().usage.total
        again = resume(pool, budget={"tokens": 3000}, turns=60)
        again.wait(60)
    assert (again.team.budget, again.team.turns) == (Budget(tokens=3000), 60)
    assert before < again.document().usage.total <= 3000
    assert again.reason == "budget"
    assert again.document().usage.total > 1500


def test_usages_add_up():
    assert (Usage(prompt=1, estimated=True) + Usage(completion=2)) == Usage(prompt=1, completion=2, estimated=True)
