"""One agent, one colour: in the widget, its still picture, the document and the log."""

import re

import pytest

from agentpool_jupyter import open_pool
from agentpool_jupyter.display.colours import colour
from agentpool_jupyter.display.still import Still
from agentpool_jupyter.history import history_graph
from agentpool_jupyter.jupyter.live.feed import Feed
from tests.teams import play

from .test_feed import Screen

_NAMED = re.compile(r'<strong style="color:(#\w+)">([\w]+)(?:#\d+)?</strong>')


@pytest.fixture
def runs(pool, server):
    """A pool in which a team's last member spoke first, then a person, then a team that shares a member with it."""
    first = play(pool, {"ann": {"role": "Talks.", "listens": ["ben"]}, "ben": "Talks."}, server)
    pool.post("And now?")
    return first, play(pool, {"cid": "Talks.", "ben": "Talks."}, server)


def found(html):
    """The colours of everyone who is named in some HTML."""
    colours = {}
    for tint, name in _NAMED.findall(html):
        assert colours.setdefault(name, tint) == tint
    return colours


def shown(pool, run):
    """What the widget is told of a run, when it has ended."""
    screen = Screen()
    feed = Feed(pool, run.id, screen)
    assert feed.ended.wait(20)
    feed.close()
    return screen.kept


def test_an_agent_has_the_same_colour_everywhere(pool, runs):
    """By the order of the teams, whoever began to speak; people are grey."""
    expected = {"ann": colour(0), "ben": colour(1), "you": colour(None), "cid": colour(2)}
    assert [turn.agent for turn in pool.document().turns][:2] == ["ben", "ann"]
    assert found(pool.document()._repr_html_()) == expected
    assert found(history_graph(pool)._repr_html_()) == expected
    first, second = (shown(pool, run) for run in runs)
    assert {agent.name: agent.place for agent in first.agents} == {"ann": 0, "ben": 1}
    assert {agent.name: agent.place for agent in second.agents} == {"cid": 2, "ben": 1}
    for state in (first, second):
        drawn = found(Still(state)._repr_html_())
        assert drawn == {name: expected[name] for name in drawn}
        assert len(drawn) == 2


def test_it_keeps_it_on_other_lines_and_in_other_processes(pool, runs, server):
    """Also where a line no longer has those who were there before it."""
    pool.rollback(-1)
    pool.clear()
    with open_pool("bakery") as other:
        assert found(other.document("main")._repr_html_()) == found(pool.document("main")._repr_html_())
    play(pool, {"cid": "Talks."}, server)
    assert found(pool.document()._repr_html_()) == {"cid": colour(2)}
