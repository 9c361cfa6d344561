"""Which step decided a run's failure, where that is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentpool_jupyter as ap
from agentpool_jupyter.errors import PoolNotFoundError, UserError
from agentpool_jupyter.tracing.blame.search import order, wilson
from tests.openai_server import OpenAIServer, Says
from tests.teams import play

NAMES = ["ann", "ben", "cleo", "dora", "emil"]


def chain(culprit):
    """A team in which each agent speaks after the one before; the culprit says something wrong, but only once."""
    left = [1]

    def speaks(name):
        def speak(document):
            if name == culprit and left:
                left.pop()
                return "poison"
            return f"{name} is fine"

        return speak

    agents = {
        name: {"python": name, "listens": [NAMES[place - 1]] if place else ["task"]} for place, name in enumerate(NAMES)
    }
    return agents, {name: speaks(name) for name in NAMES}


def good(document):
    return not any("poison" in turn.text for turn in document.turns)


@pytest.mark.parametrize("culprit", NAMES)
def test_a_known_culprit_is_found(pool, culprit):
    """By bisection; the pool itself is not touched, and the forks can be looked at and dropped."""
    agents, functions = chain(culprit)
    play(pool, agents, functions=functions)
    end, names = pool.end, pool.store.names()
    found = ap.blame(pool, good, functions=functions)
    assert found.culprit == f"{culprit}#1"
    assert found.sure
    assert f"{culprit}#1 decided the failure" in str(found)
    assert len(found.steps) <= 4
    assert (pool.end, pool.branch) == (end, "main")
    step = next(step for step in found.steps if step.kept == 0)
    assert (step.flips, step.tries) == (4, 4)
    with found.pool() as copy:
        assert good(copy.document("step-0-try-1"))
        assert not good(copy.document("main"))
    assert "step-0-try-2" in found._repr_html_()
    found.drop()
    assert pool.store.names() == names
    with pytest.raises(PoolNotFoundError):
        found.pool()


def test_every_step_is_tried_where_that_is_asked(pool):
    agents, functions = chain("cleo")
    play(pool, agents, functions=functions)
    found = ap.blame(pool, good, functions=functions, repeats=1, every=True)
    assert {step.kept: step.flips for step in found.steps} == {0: 1, 1: 1, 2: 1, 3: 0, 4: 0}
    assert found.culprit == "cleo#1"
    assert not found.sure


def test_a_failure_that_no_step_decided(pool):
    functions = {name: lambda document: "poison" for name in NAMES}
    play(pool, chain("ann")[0], functions=functions)
    found = ap.blame(pool, good, functions=functions, repeats=1)
    assert (found.culprit, len(found.steps)) == (None, 1)
    assert "begun again from its start, it mostly fails too" in str(found)


def test_a_run_that_did_not_fail_is_not_blamed(pool):
    agents, functions = chain("nobody")
    play(pool, agents, functions=functions)
    with pytest.raises(UserError, match="no failure to explain"):
        ap.blame(pool, good, functions=functions)
    assert pool.store.names() == ["bakery"]


def test_models_are_asked_again_within_the_budget(pool):
    """What a fork may take is set aside before it starts; one that does not fit is not started."""
    agents = {"ann": "Talks.", "ben": {"role": "Checks.", "listens": ["ann"]}}
    with OpenAIServer(tokens=20) as server:
        server.fault(Says("poison"), contains="You are ben", times=1)
        play(pool, agents, server)
        found = ap.blame(pool, good, repeats=2)
        assert found.culprit == "ben#1"
        assert found.tokens > 0
        asked = len(server.requests)
        poor = ap.blame(pool, good, repeats=2, budget={"tokens": 10})
        assert (poor.culprit, poor.tokens, len(server.requests)) == (None, 0, asked)
        assert ap.blame(pool, good, repeats=2, budget=4 * found.tokens).tokens <= 4 * found.tokens
    assert "of the budget 10 tokens are left" in str(poor)
    assert poor.copy == "bakery-blame-2"


def test_forks_do_not_act_without_leave(pool, server):
    called = []

    def send(text: str) -> str:
        called.append(text)
        return "sent"

    agents = {"ann": {"role": "Talks.", "tools": ["send"]}}
    play(pool, agents, server, functions={"send": send})
    with pytest.raises(UserError, match="the team calls send, and each fork would call them again for real"):
        ap.blame(pool, lambda document: False, functions={"send": send})
    found = ap.blame(pool, lambda document: False, functions={"send": send}, act=True, repeats=1)
    assert found.culprit is None


def test_a_check_that_raises_decides_nothing(pool):
    agents, functions = chain("ann")
    play(pool, agents, functions=functions)
    calls = []

    def check(document):
        calls.append(1)
        if len(calls) > 1:
            message = "no idea"
            raise ValueError(message)
        return False

    found = ap.blame(pool, check, functions=functions, repeats=1)
    assert found.culprit is None
    assert "the check raised ValueError: no idea" in str(found)


def test_mistakes_are_told(pool):
    with pytest.raises(UserError, match="no team ever ran there"):
        ap.blame(pool, good)
    agents, functions = chain("ann")
    play(pool, agents, functions=functions)
    with pytest.raises(UserError, match="repeats is 0"):
        ap.blame(pool, good, functions=functions, repeats=0)
    with pytest.raises(UserError, match="lets nothing be tried"):
        ap.blame(pool, good, functions=functions, budget=0)
    with pytest.raises(UserError, match="not in euros"):
        ap.blame(pool, good, functions=functions, budget={"euros": 5})


@given(st.integers(1, 200), st.data())
def test_bisection_finds_any_step_in_few_points(steps, data):
    culprit = data.draw(st.integers(1, steps))
    points = []

    def drive():
        search = order(steps, every=False)
        point = next(search)
        while True:
            points.append(point)
            point = search.send(point < culprit)

    with pytest.raises(StopIteration) as end:
        drive()
    assert end.value.value == culprit
    assert len(points) <= 2 + steps.bit_length()


@given(st.integers(0, 50), st.integers(0, 50))
def test_an_interval_holds_its_share(hits, misses):
    low, high = wilson(hits, hits + misses)
    share = hits / (hits + misses) if hits + misses else 0.5
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1
    assert wilson(misses, hits + misses) == pytest.approx((1 - high, 1 - low))


@pytest.mark.kafka
def test_a_culprit_is_found_on_kafka(kafka_url):
    agents, functions = chain("ben")
    with ap.open_pool("bakery", kafka_url) as pool:
        play(pool, agents, functions=functions)
        found = ap.blame(pool, good, functions=functions, repeats=1)
        assert found.culprit == "ben#1"
        found.drop()
