"""Which turns each turn came from, told while a run goes on, is what a trace finds in the whole log."""

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.jupyter.live.unshown import state_of
from tests.openai_server import Cut
from tests.teams import play, speaks

CHAIN = {"ann": "Talks.", "ben": {"role": "Checks.", "listens": ["ann"]}, "cleo": {"role": "Adds.", "listens": ["ben"]}}


def shown(pool, run):
    """What a view that took in the log event by event says, by the names of turns."""
    turns = state_of(pool, run.id).turns
    names = {turn.start: turn.name for turn in turns}
    return {turn.name: [names[at] for at in turn.causes or [] if at in names] for turn in turns}


def traced(pool):
    graph = ap.trace(pool).causes
    return {turn.name: [graph.turns[cause].name for cause in graph.causes[key]] for key, turn in graph.turns.items()}


@pytest.mark.parametrize("options", [{"turns": 2}, {"stride": 10, "max_tokens": 40}], ids=["turns", "strides"])
def test_live_causes_are_those_of_the_trace(pool, server, options):
    """Whoever reads in the middle of a turn, and whatever attempts failed before; everyone has some but the first."""
    server.fault(Cut(5), times=1, contains=speaks("ben"))
    run = play(pool, CHAIN, server, **options)
    found = shown(pool, run)
    assert found == traced(pool)
    assert "ann#1" in found["ben#1"]
    assert "ann#1" not in found["cleo#1"]


def test_what_was_said_before_a_run_is_no_part_of_its_picture(pool, server):
    """Its turns name those of the run that they came from."""
    play(pool, CHAIN, server)
    run = play(pool, CHAIN, server)
    found = shown(pool, run)
    assert set(found) == {"ann#2", "ben#2", "cleo#2"}
    assert found["ben#2"] == ["ann#2"]
