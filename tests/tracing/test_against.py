"""Two turns, agents, runs or branches side by side."""

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.errors import UserError
from tests.openai_server import Says
from tests.teams import play


def test_two_turns_are_compared(pool, server):
    """What they were asked, what they had read, what they said: word by word."""
    server.fault(Says("We need rye flour now."), contains="You are ann")
    server.fault(Says("We need oat flour now."), contains="You are ben")
    play(pool, {"ann": "Talks.", "ben": {"role": "Checks.", "listens": ["ann"]}}, server)
    found = ap.trace(pool, "ann#1", against="ben#1")
    assert [section.name for section in found.prompts()] == ["system 1", "user 2"]
    assert "[-rye-]{+oat+}" in str(found)
    assert "Only ben#1 had read: ann#1" in str(found)
    assert "<ins" in found._repr_html_()
    assert [pair.same for pair in found.pairs] == [False]


def test_two_branches_runs_and_agents_are_compared(pool, server):
    """Turns are paired by agent and number; what one side does not have is told."""
    play(pool, {"ann": "Talks.", "ben": "Checks."}, server)
    first = next(iter(pool.runs))
    pool.clear()
    play(pool, {"ann": "Talks."}, server)
    second = list(pool.runs)[-1]
    for pair in ((first, second), ("main", "main-2")):
        found = ap.trace(pool, pair[0], against=pair[1])
        assert {one.name for one in found.pairs} == {"ann#1", "ben#1"}
        assert "not there" in str(found)
    agents = ap.trace(pool, "ann", against="ben", branch="main")
    assert [one.name for one in agents.pairs] == ["ann#1 → ben#1"]


def test_the_same_beside_itself(pool, server):
    play(pool, {"ann": "Talks."}, server)
    found = ap.trace(pool, "ann#1", against="ann#1")
    assert found.pairs[0].same
    assert "They said the same" in str(found)
    assert "were asked the same" in str(found)


def test_two_kinds_are_not_compared(pool, server):
    play(pool, {"ann": "Talks."}, server)
    with pytest.raises(UserError, match="not of one kind"):
        ap.trace(pool, "ann#1", against="ann")
