"""Drift: agents that repeat themselves or others, leave their task, or do not know when to stop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentpool_jupyter import Team
from agentpool_jupyter.agents.runs.drift import DriftWatch, onsets
from agentpool_jupyter.agents.team.spec import AgentSpec, TeamSpec
from agentpool_jupyter.errors import SpecError
from agentpool_jupyter.pool import fold
from agentpool_jupyter.pool.events import Label
from tests.pool.strategies import placed, speech
from tests.teams import of_type, play

RENT = "The rent of the corner shop takes nine hundred euros every month, which the bakery earns with bread."
OVEN = "An oven with stone plates needs a permit from the town, and the permit takes three weeks of patience."
STARS = "Galaxies collide slowly while quiet observers measure redshift through polished telescopes tonight."
TEAM = TeamSpec(task="Plan the opening of a bakery.", agents=(AgentSpec(name="ann"), AgentSpec(name="ben")))


def talk(*said):
    """The document of turns that agents took one after another."""
    events = [event for number, (agent, text) in enumerate(said) for event in speech(f"t{number}", [text], agent)]
    return fold(placed(*events))


def measured(*said):
    return DriftWatch(TEAM, "r1").measure(talk(*said))


def kinds(*said):
    return [(one.kind, one.turn.name) for one in onsets(measured(*said))]


def test_a_turn_that_says_it_again_loops():
    """From there on; once, until the agent says something new again."""
    first, second, third = measured(("ann", RENT), ("ann", OVEN), ("ann", RENT))
    assert (first.fresh, third.fresh, third.copied) == (1, 0, 0)
    assert second.fresh > 0.9
    assert kinds(("ann", RENT), ("ann", RENT), ("ann", RENT)) == [("looping", "ann#2")]
    assert kinds(("ann", RENT), ("ann", RENT), ("ann", OVEN), ("ann", RENT)) == [
        ("looping", "ann#2"),
        ("looping", "ann#4"),
    ]


def test_what_others_said_is_copied():
    _, copy = measured(("ann", RENT), ("ben", RENT))
    assert (copy.fresh, copy.new, copy.copied) == (1, 0, 1)
    assert kinds(("ann", RENT), ("ben", RENT)) == [("copying", "ben#1")]


def test_an_agent_that_leaves_its_task_derails():
    """Two turns in a row: one may be a picture."""
    far = STARS.replace("Galaxies", "Nebulae").replace("measure", "photograph")
    assert kinds(("ann", "The bakery opens, the opening is planned."), ("ann", STARS)) == []
    assert ("derailing", "ann#3") in kinds(("ann", "The bakery opens on Monday."), ("ann", STARS), ("ann", far))


def test_a_team_that_says_nothing_new_does_not_know_when_to_stop():
    said = [("ann", RENT), ("ben", OVEN), ("ann", RENT), ("ben", OVEN), ("ann", f"{RENT} {OVEN}")]
    assert ("unending", "ann#3") in kinds(*said)


def test_short_turns_say_nothing_about_anybody():
    assert kinds(("ann", "I agree."), ("ann", "I agree."), ("ben", "I agree.")) == []


def test_pairs_of_words_that_stand_in_a_turn_again_and_again():
    (one,) = measured(("ann", "we open we open we open we open"))
    assert one.repeats == pytest.approx(1 - 2 / 7)


@given(st.lists(st.tuples(st.sampled_from(["ann", "ben"]), st.text("ab c.", max_size=30)), max_size=8))
def test_measures_are_shares_and_do_not_depend_on_when_they_are_taken(said):
    """Turn by turn as they end, or all at once."""
    whole = measured(*said)
    watch = DriftWatch(TEAM, "r1")
    for count in range(len(said) + 1):
        found = watch.measure(talk(*said[:count]))
    assert [(one.turn.id, one.fresh, one.new, one.copied) for one in found] == [
        (one.turn.id, one.fresh, one.new, one.copied) for one in whole
    ]
    for one in whole:
        for share in (one.fresh, one.new, one.copied, one.repeats, one.task, one.heard):
            assert -1e-9 <= share <= 1 + 1e-9
        assert one.new <= one.fresh


AGAIN = {"ann": {"python": "again"}, "ben": {"python": "other", "listens": ["ann"]}}


def functions():
    counts = []

    def other(document):
        counts.append(1)
        return f"{OVEN} {'word ' * len(counts)}{len(counts)} and {STARS[: 20 * len(counts)]}"

    return {"again": lambda document: RENT, "other": other}


@pytest.mark.parametrize(("do", "turns"), [("warn", 4), ("stop", 2)])
def test_a_team_says_what_is_done_about_a_loop(pool, do, turns):
    """A label stands on the turn where it set in; with `stop` the agent takes no more turns; the report tells."""
    run = play(pool, AGAIN, functions=functions(), turns=4, on_drift={"looping": do})
    said = [turn for turn in pool.document().turns if turn.agent == "ann"]
    assert len(said) == turns
    labels = [label for label in of_type(pool, Label) if label.turn == said[1].id]
    assert [(label.label, label.agent, label.run) for label in labels] == [("looping", "", run.id)]
    assert "drift: looping from ann#2 on, 0% of it is new to ann" in repr(run.report())
    assert (do == "stop") == ("ann: stopped for looping from ann#2 on" in run.detail)


def test_a_team_that_does_not_end_is_ended(pool):
    agents = {"ann": {"python": "again"}, "ben": {"python": "again"}}
    run = play(pool, agents, functions={"again": lambda document: RENT}, turns=9, on_drift={"unending": "stop"})
    assert run.reason == "quiescent"
    assert "unending from" in run.detail
    assert len(pool.document().turns) < 8


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{loping: stop}", "no drift of the kind 'loping'; did you mean 'looping'"),
        ("{looping: halt}", "says stop or warn for 'looping'"),
        ("stop", "is written as `key: value` lines"),
    ],
)
def test_what_cannot_be_done_about_drift_is_told(text, says):
    with pytest.raises(SpecError, match=says):
        Team.from_yaml(f"task: Plan.\nagents: {{ann: Talks.}}\non_drift: {text}\n")
